"""Citations and a status beside each message, indexes for long histories, idempotency keys."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, DateTime, ForeignKey, String, Text, inspect, text
from sqlalchemy.sql.elements import TextClause

from backend.adapters.sql.migrations.steps import add_columns, add_index, has_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Extend chat_messages; create idempotency_keys."""
    add_columns("chat_messages", Column("citations", Text), Column("status", String(20)))
    _index("ix_chat_sessions_user_updated", "chat_sessions", "user_id", text("updated_at DESC"))
    _index("ix_chat_messages_session_created", "chat_messages", "session_id", "created_at")
    if not has_table("idempotency_keys"):
        op.create_table(
            "idempotency_keys",
            Column("scope", String(64), primary_key=True),
            Column("key", String(64), primary_key=True),
            Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE")),
            Column("fingerprint", String(64), nullable=False),
            Column("holder", String(36), nullable=False),
            Column("outcome", Text),
            Column("made_at", DateTime(timezone=True), nullable=False),
            Column("lease_ends_at", DateTime(timezone=True), nullable=False),
        )
    add_index("ix_idempotency_keys_user_id", "idempotency_keys", "user_id")
    add_index("ix_idempotency_keys_made_at", "idempotency_keys", "made_at")


def _index(name: str, table: str, *columns: str | TextClause) -> None:
    present = {index["name"] for index in inspect(op.get_bind()).get_indexes(table)}
    if name not in present:
        op.create_index(name, table, list(columns))
