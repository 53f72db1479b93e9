"""Time limits for what goes on beside an answer: looking up, storing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from backend.resilience import Deadline, current_deadline


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the calls inside the block this long, whatever is left of the request's own time."""
    before = current_deadline.set(Deadline.after(seconds))
    try:
        yield
    finally:
        current_deadline.reset(before)
