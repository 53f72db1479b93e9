"""The tables of rewritten texts and of answers with their ratings; they belong to no account."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table, Text

from backend.adapters.sql.tables import metadata
from backend.adapters.sql.types import UtcTime

rewrites = Table(
    "rewrites",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("content", Text, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Index("ix_rewrites_made_at", "made_at"),
)

answer_notes = Table(
    "answer_notes",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("asked_at", UtcTime, nullable=False),
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
    Column("rated_at", UtcTime),
    Column("cost_usd", Float),
    Index("ix_answer_notes_asked_at", "asked_at"),
    Index("ix_answer_notes_gap", "is_gap", "asked_at"),
    Index("ix_answer_notes_rated_at", "rated_at"),
)
"""``day`` is that of ``asked_at`` in UTC; ``is_gap``: weak, or rated down.
``cost_usd`` is NULL where no price is known."""
