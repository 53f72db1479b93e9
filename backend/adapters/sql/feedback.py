"""Answers that were given and their ratings: written in batches, read by index only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, or_, select, true, update

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
                days=tuple(_days(connection, since)),
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


def _days(connection: Connection, since: datetime) -> list[DayCount]:
    statement = (
        select(
            notes.c.day,
            func.count().label("questions"),
            func.sum(case((notes.c.mode == "refused", 1), else_=0)).label("refused"),
            func.sum(case((notes.c.degraded.is_(true()), 1), else_=0)).label("degraded"),
            func.sum(notes.c.tokens).label("tokens"),
        )
        .where(notes.c.asked_at >= since)
        .group_by(notes.c.day)
        .order_by(notes.c.day)
    )
    return [
        DayCount(row.day, int(row.questions), int(row.refused), int(row.degraded), int(row.tokens))
        for row in connection.execute(statement)
    ]


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
