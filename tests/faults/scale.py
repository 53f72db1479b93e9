"""How large a fault is: a short form in every test run, the long one by ``make faults``."""

from __future__ import annotations

import os


def scale(name: str, short: int) -> int:
    """``FAULTS_<NAME>`` of the environment, else the short form."""
    return int(os.environ.get(f"FAULTS_{name}", short))
