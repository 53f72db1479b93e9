"""What an answer cost, beside its tokens."""

from __future__ import annotations

from sqlalchemy import Column, Float

from backend.adapters.sql.migrations.steps import add_columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; answers of before have no known cost."""
    add_columns("answer_notes", Column("cost_usd", Float))
