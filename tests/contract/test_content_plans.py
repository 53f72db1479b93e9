"""Notes of answers are read and pruned along indexes, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from backend.adapters.sql.engine import Database
from backend.adapters.sql.feedback import SqlFeedback
from tests.contract.postgres import postgres  # noqa: F401
from tests.contract.test_content_repositories import DAY, NOW, database, noted  # noqa: F401

INDEXES = ("ix_answer_notes_asked_at", "ix_answer_notes_gap", "ix_answer_notes_rated_at")


async def test_report_and_retention_go_along_indexes(database: Database) -> None:  # noqa: F811
    feedback = SqlFeedback(database)
    await feedback.note([noted(n, NOW - n * DAY) for n in range(50)])
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, given: Any, *_rest: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append((statement, given))

    event.listen(database.engine, "before_cursor_execute", note)
    await feedback.window(NOW - 5 * DAY, newest=9, gaps=9, rated=9)
    await feedback.prune(NOW - 40 * DAY, keep=45)
    event.remove(database.engine, "before_cursor_execute", note)
    assert len(sent) == 7

    def plans(connection: Any) -> list[str]:
        explain = "EXPLAIN QUERY PLAN"
        if database.dialect == "postgresql":  # which scans so few rows whatever index there is
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            explain = "EXPLAIN"
        return [str(connection.exec_driver_sql(f"{explain} {s}", p).all()) for s, p in sent]

    for plan in await database.write(plans):
        assert any(index in plan for index in INDEXES), plan
        assert "Seq Scan" not in plan, plan
