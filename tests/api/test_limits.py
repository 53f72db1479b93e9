from __future__ import annotations

from datetime import UTC, datetime

from backend.domain import Usage
from backend.services.limits import Limits, MemoryCounters
from backend.settings import Rate
from tests.api.fakes import FakeContainer
from tests.api.serving import Reply, Site, serving

EVENING = datetime(2026, 1, 31, 23, 0, tzinfo=UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def ask(site: Site, forwarded: str = "9.9.9.9", path: str = "/chat") -> Reply:
    headers = {"x-forwarded-for": forwarded} if forwarded else {}
    return await site.ask("POST", path, json={"query": "Why?"}, headers=headers)


async def test_questions_of_all_kinds_count_together_and_the_next_is_429() -> None:
    clock = Clock()
    limits = Limits(Rate(3, 60), MemoryCounters(clock))
    async with serving(limits=limits) as site:
        for path in ("/chat", "/chat/stream", "/api/search"):
            assert (await ask(site, path=path)).status == 200
        clock.now = 20.0
        for path in ("/chat", "/chat/stream", "/api/search"):
            refused = await ask(site, path=path)
            assert (refused.status, refused.json["code"]) == (429, "rate_limited")
            assert refused.headers["retry-after"] == "40"
        assert len(site.container.answering.asked) == 2
        clock.now = 60.0
        assert (await ask(site)).status == 200


async def test_limit_is_per_client_and_not_evaded_by_what_it_sends() -> None:
    limits = Limits(Rate(1, 60), MemoryCounters())
    async with serving(limits=limits) as site:
        assert (await ask(site, "8.8.8.8")).status == 200
        assert (await ask(site, "9.9.9.9")).status == 200
        assert (await ask(site, "1.2.3.4, 9.9.9.9")).status == 429
        assert (await ask(site, "9.9.9.9, 10.1.2.3")).status == 429
        assert (await ask(site, "::ffff:9.9.9.9")).status == 429
        assert (await ask(site, "2a00:1:2:3::1")).status == 200
        assert (await ask(site, "2a00:1:2:3:ffff::2")).status == 429
        assert (await ask(site, "")).status == 200
        assert (await ask(site, "")).status == 429


async def test_spent_budget_stops_everybody_until_midnight() -> None:
    limits = Limits(None, MemoryCounters(), daily_tokens=200, now=lambda: EVENING)
    async with serving(limits=limits) as site:
        assert (await ask(site)).status == 200
        assert (await ask(site, path="/chat/stream")).status == 200
        spent = await ask(site, "8.8.8.8")
        assert (spent.status, spent.json["code"]) == (429, "budget_exhausted")
        assert spent.headers["retry-after"] == "3600"


async def test_limits_come_from_the_settings() -> None:
    container = FakeContainer(rate_limit_chat=Rate(1, 60), daily_token_budget=10**6)
    async with serving(container, limits=None) as site:
        assert (await ask(site)).status == 200
        assert (await ask(site)).status == 429


async def test_limit_that_is_off_lets_everything_pass() -> None:
    async with serving(FakeContainer(rate_limit_chat=None), limits=None) as site:
        assert {(await ask(site)).status for _ in range(40)} == {200}


async def test_search_that_a_model_translated_the_question_for_is_on_the_budget_too() -> None:
    limits = Limits(None, MemoryCounters(), daily_tokens=10, now=lambda: EVENING)
    async with serving(limits=limits) as site:
        site.container.retrieval.spent = Usage(8, 2)
        assert (await ask(site, path="/api/search")).status == 200
        assert (await ask(site, path="/api/search")).json["code"] == "budget_exhausted"
