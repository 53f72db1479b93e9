"""Finished translations, and answers with what readers thought of them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, Float, Integer, String, Text, inspect

from backend.adapters.sql.migrations.steps import has_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create rewrites and answer_notes."""
    if not has_table("rewrites"):
        op.create_table(
            "rewrites",
            Column("key", String(64), primary_key=True),
            Column("content", Text, nullable=False),
            _time("made_at"),
        )
    if not has_table("answer_notes"):
        op.create_table(
            "answer_notes",
            Column("message_id", String(36), primary_key=True),
            _time("asked_at"),
            Column("day", String(10), nullable=False),
            Column("question", Text, nullable=False),
            Column("mode", String(20), nullable=False),
            Column("degraded", Boolean, nullable=False),
            Column("confidence", Float, nullable=False),
            Column("total_ms", Float, nullable=False),
            Column("tokens", Integer, nullable=False),
            Column("weakness", String(20)),
            Column("is_gap", Boolean, nullable=False),
            Column("rating", String(4)),
            Column("comment", Text),
            Column("rated_at", DateTime(timezone=True)),
        )
    _index("ix_rewrites_made_at", "rewrites", "made_at")
    _index("ix_answer_notes_asked_at", "answer_notes", "asked_at")
    _index("ix_answer_notes_gap", "answer_notes", "is_gap", "asked_at")
    _index("ix_answer_notes_rated_at", "answer_notes", "rated_at")


def _time(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False)


def _index(name: str, table: str, *columns: str) -> None:
    present = {index["name"] for index in inspect(op.get_bind()).get_indexes(table)}
    if name not in present:
        op.create_index(name, table, list(columns))
