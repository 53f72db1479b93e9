"""Memory that is no longer needed goes back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Have the C library return what is free: after much work it keeps some ten megabytes.

    Nothing happens where it cannot (musl, macOS). Takes some milliseconds; for a thread.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
