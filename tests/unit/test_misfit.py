from __future__ import annotations

import pytest

from backend.errors import DimensionMismatch, IndexMissing, UpstreamRejected, UpstreamTimeout
from backend.misfit import MISMATCH_S, Misfit
from backend.resilience import Guard, Policy
from tests.unit.fake_time import Source, World, down, no_deadline, world

__all__ = ["no_deadline", "world"]


def test_misfit_is_shown_until_a_call_succeeds(world: World) -> None:
    misfit = Misfit(lambda: world.now)
    assert misfit.shown() is None
    missing = IndexMissing("qdrant", "No collection.")
    misfit.learn(missing)
    misfit.learn(UpstreamTimeout("qdrant", "An outage says nothing about it."))
    shown = misfit.shown()
    assert (type(shown), shown is missing) == (IndexMissing, False)
    misfit.learn(None)
    assert misfit.shown() is None


def test_mismatch_outlives_searches_by_words_for_a_while(world: World) -> None:
    misfit = Misfit(lambda: world.now)
    misfit.learn(DimensionMismatch("qdrant", "512 and 1024."))
    misfit.learn(None)
    assert misfit.shown() is not None
    world.now += MISMATCH_S + 1
    assert misfit.shown() is None


def test_refusal_of_one_question_is_no_misfit(world: World) -> None:
    misfit = Misfit(lambda: world.now)
    misfit.learn(UpstreamRejected("openai", "The text is too long."))
    assert misfit.shown() is None


async def test_first_token_deadline_holds_for_all_attempts_together(world: World) -> None:
    guard = world.guard(Policy(first_token_timeout_s=10.0, max_attempts=3))
    sources = iter([Source(down()), Source("late")])

    def start() -> object:
        world.now += 9.9  # the first attempt has used up nearly all of it
        return next(sources)()

    with pytest.raises(type(down())):
        async for _ in guard.stream(start):  # type: ignore[arg-type]
            pass
    assert next(sources, None) is not None, "there was no room for a second attempt"


async def test_outage_seen_by_a_probe_counts(world: World) -> None:
    guard = world.guard(Policy(failure_threshold=2, open_s=30))
    for _ in range(3):
        guard.note_outage(UpstreamTimeout("qdrant", "Nobody answers."))
    entry = guard.snapshot()
    assert (entry["state"], entry["last_error_kind"]) == ("open", "upstream_timeout")
    assert isinstance(guard, Guard)
