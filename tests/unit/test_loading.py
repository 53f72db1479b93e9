"""Imports in the background: no collection while they go on, the usual order afterwards."""

from __future__ import annotations

import gc
import sys

import pytest

from backend.loading import SWITCH_S, loading


def test_loading_keeps_the_collector_and_long_turns_away_until_the_last_block_has_ended() -> None:
    usual = sys.getswitchinterval()
    with loading():
        with loading():
            assert not gc.isenabled()
        assert not gc.isenabled()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
    assert gc.isenabled()
    assert sys.getswitchinterval() == pytest.approx(usual)
    gc.unfreeze()


def test_loading_that_fails_leaves_nothing_behind() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError("gone")
    assert gc.isenabled()
    gc.unfreeze()
