"""The few statements that PostgreSQL and SQLite have in common but SQLAlchemy's core has not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement


def insert_ignoring_conflicts(connection: Connection, table: Table) -> Insert:
    """``INSERT ... ON CONFLICT DO NOTHING``."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def upsert(
    connection: Connection,
    table: Table,
    row: Mapping[str, Any],
    *,
    keep: Collection[str],
    where: ColumnElement[bool],
) -> Insert:
    """Insert a row; where its primary key is there, change all its columns but ``keep``.

    A row that is there and does not meet ``where`` stays as it is.
    """
    key = [column.name for column in table.primary_key]
    changes = {name: value for name, value in row.items() if name not in keep}
    clause: dict[str, Any] = {"index_elements": key, "set_": changes, "where": where}
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).values(row).on_conflict_do_update(**clause)
    return sqlite.insert(table).values(row).on_conflict_do_update(**clause)
