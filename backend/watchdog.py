"""Says what held up the event loop: a thread looks at it every few milliseconds. For debugging.

A callback, or one step of a task, that computes for longer than the limit delays everybody's
answers. What counts is the CPU time of the loop's thread, so that a busy machine blames nobody.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger(__name__)

LIMIT_S = 0.005
LOOK_EVERY_S = 0.002
_SHOWN_FRAMES = 6

Report = Callable[[float, str], None]


class Watchdog:
    """Watches the thread that calls :meth:`start`.

    Args:
        report: Told of (CPU seconds, place) of every step beyond the limit, once it has ended;
            writes a line of the log by default.
        limit_s: What a step may take.
    """

    def __init__(self, report: Report | None = None, *, limit_s: float = LIMIT_S) -> None:
        self._report = report or _log
        self._limit_s = limit_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the current thread."""
        watched = threading.get_ident()
        clock = time.pthread_getcpuclockid(watched)
        self._thread = threading.Thread(
            target=self._watch, args=(watched, clock), name="watchdog", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, watched: int, clock: int) -> None:
        step: FrameType | None = None
        began, places = 0.0, Counter[str]()
        while not self._stop.wait(LOOK_EVERY_S):
            frame, now = sys._current_frames().get(watched), time.clock_gettime(clock)
            current = _step(frame)
            if current is not None and current is step:
                places[_place(frame)] += 1
                continue
            # what ran last was seen for the first time up to one look after it had begun
            if step is not None and now - began >= self._limit_s and places:
                self._report(now - began, places.most_common(1)[0][0])
            step, began, places = current, now, Counter()
            frame = None


@contextmanager
def watching() -> Iterator[None]:
    """Watch this thread within the block, where the log is at DEBUG."""
    if not log.isEnabledFor(logging.DEBUG):
        yield
        return
    watchdog = Watchdog()
    watchdog.start()
    try:
        yield
    finally:
        watchdog.stop()


def _step(frame: FrameType | None) -> FrameType | None:
    """The outermost frame of what the loop runs at this moment; None while it waits."""
    while frame is not None:
        caller = frame.f_back
        if caller is not None and _is_loop(caller):
            return None if _is_loop(frame) else frame
        frame = caller
    return None


def _is_loop(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).startswith(("asyncio.", "selectors"))


def _place(frame: FrameType | None) -> str:
    """The innermost frames, of ours the line and of others the function."""
    shown: list[str] = []
    while frame is not None and len(shown) < _SHOWN_FRAMES and not _is_loop(frame):
        name = frame.f_globals.get("__name__", "?")
        shown.append(f"{name}.{frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(shown)


def _log(seconds: float, place: str) -> None:
    log.debug("loop held up", extra={"ms": round(seconds * 1000, 1), "place": place})
