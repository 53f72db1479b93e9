"""The few statements that PostgreSQL and SQLite have in common but SQLAlchemy's core has not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

INSERTS: Mapping[str, Callable[[Any], Any]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
"""Inserts that may have an ``ON CONFLICT``, by the dialect's name."""


def insert_ignoring_conflicts(connection: Connection, table: Table) -> Insert:
    """``INSERT ... ON CONFLICT DO NOTHING``."""
    inserting: Insert = INSERTS[connection.dialect.name](table).on_conflict_do_nothing()
    return inserting
