"""How large a fault is, and the figures that the matrix promises.

``make faults`` (FAULTS_LONG=1) is the long form, run on a quiet machine: there each figure is held
against its bound. ``make test`` runs the short form on whatever machine: what happens is asserted
there, in which order and how often, and no figure of time, which says more about the machine.
"""

from __future__ import annotations

import os

LONG = os.environ.get("FAULTS_LONG", "0") != "0"
PATIENCE_S = 60.0
"""After this something hangs. Far from every figure, so that a busy machine does not get there."""


def scale(name: str, short: int, long: int) -> int:
    """``FAULTS_<NAME>`` of the environment, else what the form says."""
    return int(os.environ.get(f"FAULTS_{name}", long if LONG else short))


def within(what: str, figure: float, bound: float) -> None:
    """A figure is below its bound, where figures are measured: in the long form."""
    assert not LONG or figure < bound, f"{what}: {figure:.3f}, promised: less than {bound:g}"
