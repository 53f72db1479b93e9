"""The cache of texts and the log of answers, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.dialects import sqlite

from backend.adapters.sql.content_tables import answer_notes, rewrites
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.feedback import SqlFeedback, by_day
from backend.adapters.sql.migrate import upgrade
from backend.adapters.sql.rewrites import SqlRewrites
from backend.content_ports import DayCount, Gap, NotedAnswer
from backend.errors import UpstreamError
from tests.contract.postgres import postgres  # noqa: F401
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 23, 12, 0, 0, 123000, tzinfo=UTC)
DAY = timedelta(days=1)
DIALECT = sqlite.dialect()  # type: ignore[no-untyped-call]
LIMITS: dict[str, int] = {"newest": 10, "gaps": 10, "rated": 10}
URDU = "روبوٹ\u200cکس 🤖 `code`"


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = sqlite_url(tmp_path)
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.database())
    database = Database(url, on_first_use=upgrade)
    yield database
    await database.aclose()


def noted(number: int, at: datetime = NOW, **changes: Any) -> NotedAnswer:
    answer = NotedAnswer(
        message_id=f"message-{number}",
        asked_at=at,
        question=f"Question {number} {URDU}",
        mode="generated",
        degraded=False,
        confidence=0.75,
        total_ms=120.5,
        tokens=100,
    )
    return replace(answer, **changes)


async def count(database: Database, table: Any) -> int:
    statement = select(func.count()).select_from(table)
    return int(await database.read(lambda c: c.execute(statement).scalar_one()))


class TestRewriteCache:
    async def test_texts_come_back_byte_for_byte(self, database: Database) -> None:
        cache = SqlRewrites(database)
        await cache.put({"a" * 64: URDU, "b" * 64: "x\r\n \ty"}, NOW)
        found = await cache.get(["a" * 64, "b" * 64, "c" * 64])
        assert found == {"a" * 64: URDU, "b" * 64: "x\r\n \ty"}
        assert await cache.get([]) == {}
        await cache.put({}, NOW)

    async def test_first_text_of_a_key_stays(self, database: Database) -> None:
        one, other = SqlRewrites(database), SqlRewrites(database)
        await asyncio.gather(*(c.put({"k": f"{n}"}, NOW) for n, c in enumerate((one, other))))
        first = await one.get(["k"])
        await other.put({"k": "late", "l": "new"}, NOW)
        assert await one.get(["k", "l"]) == first | {"l": "new"}

    async def test_age_and_number_are_bounded(self, database: Database) -> None:
        await SqlRewrites(database).put({"old": "x"}, NOW - 31 * DAY)
        await SqlRewrites(database).put({"new": "y"}, NOW)
        assert await count(database, rewrites) == 1
        for number in range(5):
            fresh = SqlRewrites(database, max_rows=3)
            await fresh.put({f"n{number}": "z"}, NOW + timedelta(seconds=number + 1))
        assert await count(database, rewrites) == 3
        assert await SqlRewrites(database).get(["n4", "new"]) == {"n4": "z"}


class TestFeedback:
    async def test_answers_are_counted_by_day(self, database: Database) -> None:
        feedback = SqlFeedback(database)
        late = datetime(2026, 11, 23, 1, 0, tzinfo=UTC) - timedelta(hours=2)
        await feedback.note(
            [
                noted(1),
                noted(2, mode="refused", weakness=Gap.REFUSED, tokens=0),
                noted(3, degraded=True),
                noted(4, late),
                noted(5, NOW - 40 * DAY),
            ]
        )
        window = await feedback.window(NOW - 30 * DAY, **LIMITS)
        assert window.days == (
            DayCount("2026-11-22", 1, 0, 0, 100, 120.5, 120.5),
            DayCount("2026-11-23", 3, 1, 1, 200, 120.5, 120.5),
        )
        assert {answer.message_id[-1] for answer in window.newest} == set("1234")
        assert window.newest[-1] == noted(4, late)
        assert [answer.message_id for answer in window.gaps] == ["message-2"]
        assert window.gaps[0].gaps == (Gap.REFUSED,)
        assert (window.rated, window.ups, window.downs) == ((), 0, 0)

    async def test_a_day_has_its_cost_and_how_long_its_answers_took(
        self, database: Database
    ) -> None:
        feedback = SqlFeedback(database)
        took = [noted(n, total_ms=float(n)) for n in range(1, 41)]
        priced = [noted(n, NOW - DAY, cost_usd=cost) for n, cost in ((41, 0.25), (42, 0.5))]
        await feedback.note([*took, *priced, noted(43, NOW - DAY)])
        before, today = (await feedback.window(NOW - 2 * DAY, **LIMITS)).days
        assert (today.p50_ms, today.p95_ms, today.cost_usd) == (20.0, 38.0, None)
        assert before.cost_usd == 0.75

    async def test_same_answer_noted_twice_is_one(self, database: Database) -> None:
        feedback = SqlFeedback(database)
        await feedback.note([noted(1)])
        await feedback.rate("message-1", "up", "", NOW)
        await feedback.note([noted(1), noted(2)])
        window = await feedback.window(NOW - DAY, **LIMITS)
        assert (window.days[0].questions, window.ups) == (2, 1)
        await feedback.note([])

    async def test_last_rating_counts_and_decides_whether_it_is_a_gap(
        self, database: Database
    ) -> None:
        feedback = SqlFeedback(database)
        await feedback.note([noted(1), noted(2, weakness=Gap.UNSURE)])
        assert await feedback.rate("message-1", "down", URDU, NOW)
        assert await feedback.rate("message-2", "down", "", NOW + DAY)
        window = await feedback.window(NOW - DAY, **LIMITS)
        assert {answer.gaps for answer in window.gaps} == {
            (Gap.DISLIKED,),
            (Gap.UNSURE, Gap.DISLIKED),
        }
        assert [answer.comment for answer in window.rated] == ["", URDU]
        assert window.downs == 2
        for number in (1, 2):
            assert await feedback.rate(f"message-{number}", "up", "", NOW + 2 * DAY)
        window = await feedback.window(NOW - DAY, **LIMITS)
        assert [answer.message_id for answer in window.gaps] == ["message-2"]
        assert (window.ups, window.downs) == (2, 0)

    async def test_unknown_answer_cannot_be_rated(self, database: Database) -> None:
        assert not await SqlFeedback(database).rate("nobody", "up", "", NOW)
        assert not await SqlFeedback(database).rate("x" * 300, "up", "", NOW)

    async def test_lists_are_cut_and_newest_first(self, database: Database) -> None:
        feedback = SqlFeedback(database)
        await feedback.note(
            [noted(n, NOW + timedelta(seconds=n), weakness=Gap.REFUSED) for n in range(20)]
        )
        window = await feedback.window(NOW, newest=3, gaps=2, rated=1)
        assert [answer.message_id for answer in window.newest] == [
            "message-19", "message-18", "message-17",
        ]  # fmt: skip
        assert len(window.gaps) == 2

    async def test_old_and_surplus_rows_are_pruned(self, database: Database) -> None:
        feedback = SqlFeedback(database)
        await feedback.note([noted(n, NOW - n * DAY) for n in range(10)])
        assert await feedback.prune(NOW - 5.5 * DAY, keep=100) == 4
        assert await feedback.prune(NOW - 5.5 * DAY, keep=2) == 4
        assert await count(database, answer_notes) == 2


async def test_reads_go_along_indexes(database: Database) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL plans a sequential scan for a handful of rows")
    await database.prepare()
    statements = (
        "SELECT * FROM answer_notes WHERE asked_at >= 'x' ORDER BY asked_at DESC LIMIT 9",
        "SELECT * FROM answer_notes WHERE asked_at >= 'x' AND is_gap IS 1 ORDER BY asked_at DESC",
        "SELECT * FROM answer_notes WHERE rated_at >= 'x' ORDER BY rated_at DESC",
        "SELECT day, count(*) FROM answer_notes WHERE asked_at >= 'x' GROUP BY day",
        "SELECT content FROM rewrites WHERE \"key\" IN ('a', 'b')",
        "DELETE FROM rewrites WHERE made_at < 'x'",
    )
    for statement in statements:
        plan = await database.read(
            lambda c, s=statement: str(c.execute(text(f"EXPLAIN QUERY PLAN {s}")).all())
        )
        assert "USING INDEX" in plan or "USING COVERING INDEX" in plan, plan
        assert "SCAN" not in plan


async def test_the_sums_of_days_go_along_an_index(database: Database) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL plans a sequential scan for a handful of rows")
    await database.prepare()
    statement = str(by_day(NOW).compile(compile_kwargs={"literal_binds": True}, dialect=DIALECT))
    plan = await database.read(
        lambda c: str(c.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all())
    )
    assert "SEARCH answer_notes USING INDEX ix_answer_notes_asked_at" in plan
    assert "SCAN answer_notes" not in plan


async def test_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("")
    database = Database(sqlite_url(folder), on_first_use=upgrade)
    try:
        with pytest.raises(UpstreamError):
            await SqlRewrites(database).get(["a"])
        with pytest.raises(UpstreamError):
            await SqlFeedback(database).note([noted(1)])
    finally:
        await database.aclose()
