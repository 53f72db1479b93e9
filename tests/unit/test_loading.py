"""Imports in the background: only what is new is searched, the usual order afterwards."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

from backend.loading import SWITCH_S, YOUNG, loading


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


def test_loading_spares_what_is_old_and_long_turns_until_the_last_block_has_ended() -> None:
    usual, thresholds = sys.getswitchinterval(), gc.get_threshold()
    with loading():
        with loading():
            pass
        before = [generation["collections"] for generation in gc.get_stats()]
        rings = [Ring() for _ in range(5 * YOUNG)]
        after = [generation["collections"] for generation in gc.get_stats()]
        assert after[0] > before[0]
        assert after[1:] == before[1:]
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    assert len(rings) <= gc.get_freeze_count()
    assert gc.get_threshold() == thresholds
    assert sys.getswitchinterval() == pytest.approx(usual)
    gc.unfreeze()


def test_loading_keeps_no_garbage_of_imports() -> None:
    with loading():
        gone = [weakref.ref(Ring()) for _ in range(3 * YOUNG)]
    assert sum(ring() is not None for ring in gone) < 2 * YOUNG
    gc.unfreeze()


def test_loading_that_fails_leaves_nothing_behind() -> None:
    thresholds = gc.get_threshold()
    with pytest.raises(ImportError), loading():
        raise ImportError("gone")
    assert gc.get_threshold() == thresholds
    gc.unfreeze()
