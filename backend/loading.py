"""What makes importing much in a thread bearable for those who are answered meanwhile."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.001
"""How long the importing thread keeps the interpreter once another one wants it; usually 5 ms, and
an answer wants it several times."""
YOUNG = 10_000
"""New objects after which they alone are searched for garbage, within a millisecond."""

_NEVER = 1_000_000_000
_lock = threading.Lock()
_under_way = 0
_usual_s = 0.0
_usual_thresholds = gc.get_threshold()


@contextmanager
def loading() -> Iterator[None]:
    """For a block that imports much. Blocks of several threads may overlap.

    What is imported stays. Searching it for garbage, while it grows and ever after, would stop
    every answer for a tenth of a second each time, so it is left out of the collector's sight. Only
    what is new is searched: else some megabytes of garbage would stay as well.
    """
    global _under_way, _usual_s, _usual_thresholds
    with _lock:
        _under_way += 1
        if _under_way == 1:
            _usual_thresholds = gc.get_threshold()
            gc.set_threshold(YOUNG, _NEVER, _NEVER)
            _usual_s = sys.getswitchinterval()
            sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        with _lock:
            _under_way -= 1
            if not _under_way:
                sys.setswitchinterval(_usual_s)
                gc.freeze()
                gc.set_threshold(*_usual_thresholds)
