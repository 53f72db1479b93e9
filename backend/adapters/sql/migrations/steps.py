"""Steps that take a database as they find it: each does its work only where it is still undone."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String, Text, inspect, text


def has_table(name: str) -> bool:
    """Whether the table is there."""
    return inspect(op.get_bind()).has_table(name)


def add_columns(table: str, *columns: Column[object]) -> None:
    """Add the columns that are missing."""
    present = {column["name"] for column in inspect(op.get_bind()).get_columns(table)}
    for column in columns:
        if column.name not in present:
            op.add_column(table, column)


def add_index(
    name: str, table: str, column: str, *, unique: bool = False, newest_first: bool = False
) -> None:
    """Index a column, unless an index of any name (or a unique constraint) begins with it."""
    inspector = inspect(op.get_bind())
    leading = [
        index["column_names"][0] or index["expressions"][0].split()[0]
        for index in inspector.get_indexes(table)
        if index["column_names"]
    ]
    leading += [c["column_names"][0] for c in inspector.get_unique_constraints(table)]
    if column not in leading:
        op.create_index(
            name, table, [text(f"{column} DESC") if newest_first else column], unique=unique
        )


def widen_to_text(table: str, column: str) -> None:
    """Lift a column's length limit; SQLite has none. PostgreSQL rewrites nothing for it."""
    bind = op.get_bind()
    if bind.dialect.name == "sqlite":
        return
    kinds = {c["name"]: c["type"] for c in inspect(bind).get_columns(table)}
    kind = kinds[column]
    if isinstance(kind, String) and kind.length is not None:
        op.alter_column(table, column, type_=Text())
