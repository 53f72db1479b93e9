"""Answers that were given and their ratings: written in batches, read by index only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, delete, func, or_, select, true, update

from backend.adapters.sql.content_tables import answer_notes as notes
from backend.adapters.sql.dialects import insert_ignoring_conflicts
from backend.adapters.sql.engine import Database
from backend.content_ports import DayCount, Gap, NotedAnswer, Window

_COLUMNS = tuple(notes.c[name] for name in NotedAnswer.__slots__)


class SqlFeedback:
    """Implements :class:`backend.content_ports.Feedback`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def note(self, answers: Sequence[NotedAnswer]) -> None:
        """One statement for all of them."""
        rows = [_values(answer) for answer in answers]
        if not rows:
            return

        def work(connection: Connection) -> None:
            connection.execute(insert_ignoring_conflicts(connection, notes), rows)

        await self._db.write(work)

    async def rate(self, message_id: str, rating: str, comment: str, now: datetime) -> bool:
        """One update by primary key."""
        gap = true() if rating == "down" else notes.c.weakness.is_not(None)
        statement = (
            update(notes)
            .where(notes.c.message_id == message_id)
            .values(rating=rating, comment=comment, rated_at=now, is_gap=gap)
        )
        return await self._db.write(lambda c: c.execute(statement).rowcount > 0)

    async def window(self, since: datetime, *, newest: int, gaps: int, rated: int) -> Window:
        """Five statements in one transaction, each along an index."""
        by_time = notes.c.asked_at.desc()
        recent = select(*_COLUMNS).where(notes.c.asked_at >= since).order_by(by_time)
        weak = recent.where(notes.c.is_gap.is_(true()))
        judged = (
            select(*_COLUMNS)
            .where(notes.c.rated_at >= since)
            .order_by(notes.c.rated_at.desc())
            .limit(rated)
        )
        votes = (
            select(notes.c.rating, func.count())
            .where(notes.c.rated_at >= since)
            .group_by(notes.c.rating)
        )

        def work(connection: Connection) -> Window:
            counts = {row[0]: int(row[1]) for row in connection.execute(votes)}
            return Window(
                days=tuple(map(_day, connection.execute(by_day(since)))),
                newest=_answers(connection.execute(recent.limit(newest)).all()),
                gaps=_answers(connection.execute(weak.limit(gaps)).all()),
                rated=_answers(connection.execute(judged).all()),
                ups=counts.get("up", 0),
                downs=counts.get("down", 0),
            )

        return await self._db.read(work)

    async def prune(self, before: datetime, keep: int) -> int:
        """Delete by time of asking, which is indexed."""
        asked_at = notes.c.asked_at
        beyond = select(asked_at).order_by(asked_at.desc()).offset(keep).limit(1)

        def work(connection: Connection) -> int:
            limit = connection.execute(beyond).scalar()
            old = asked_at < before
            where = old if limit is None else or_(old, asked_at <= limit)
            return connection.execute(delete(notes).where(where)).rowcount

        return await self._db.write(work)


def by_day(since: datetime) -> Select[Any]:
    """One row per day: its sums, and the answers at the middle and at 95 of 100, by time taken."""
    place = func.row_number().over(partition_by=notes.c.day, order_by=notes.c.total_ms)
    ranked = (
        select(
            notes.c.day, notes.c.mode, notes.c.degraded, notes.c.tokens, notes.c.cost_usd,
            notes.c.total_ms, place.label("place"),
            func.count().over(partition_by=notes.c.day).label("of"),
        )
        .where(notes.c.asked_at >= since)
        .subquery()
    ).c  # fmt: skip
    return (
        select(
            ranked.day,
            func.count().label("questions"),
            func.sum(case((ranked.mode == "refused", 1), else_=0)).label("refused"),
            func.sum(case((ranked.degraded.is_(true()), 1), else_=0)).label("degraded"),
            func.sum(ranked.tokens).label("tokens"),
            func.min(case((ranked.place * 2 >= ranked.of, ranked.total_ms))).label("p50_ms"),
            func.min(case((ranked.place * 20 >= ranked.of * 19, ranked.total_ms))).label("p95_ms"),
            func.sum(ranked.cost_usd).label("cost_usd"),
        )
        .group_by(ranked.day)
        .order_by(ranked.day)
    )


def _day(row: Row[Any]) -> DayCount:
    return DayCount(
        day=row.day,
        questions=int(row.questions),
        refused=int(row.refused),
        degraded=int(row.degraded),
        tokens=int(row.tokens),
        p50_ms=row.p50_ms,
        p95_ms=row.p95_ms,
        cost_usd=row.cost_usd,
    )


def _values(answer: NotedAnswer) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(answer, name) for name in NotedAnswer.__slots__}
    values["day"] = f"{answer.asked_at.astimezone(UTC):%Y-%m-%d}"
    values["is_gap"] = bool(answer.gaps)
    return values


def _answers(rows: Sequence[Row[Any]]) -> tuple[NotedAnswer, ...]:
    answers = []
    for row in rows:
        values = dict(row._mapping)
        values["weakness"] = Gap(values["weakness"]) if values["weakness"] else None
        values["comment"] = values["comment"] or ""
        answers.append(NotedAnswer(**values))
    return tuple(answers)
