"""Sessions as rows, the keyed e-mail lookup, a picture, and room for longer ciphertexts."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, ForeignKey, String, Text, text

from backend.adapters.sql.migrations.steps import (
    add_columns,
    add_index,
    has_table,
    widen_to_text,
)

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Extend users; create auth_sessions and data_keys."""
    add_columns("users", Column("email_lookup", String(64)), Column("image", Text))
    add_index("uq_users_email_lookup", "users", "email_lookup", unique=True)
    widen_to_text("users", "email")
    widen_to_text("users", "name")
    if not has_table("auth_sessions"):
        op.create_table(
            "auth_sessions",
            Column("id", String(36), primary_key=True),
            Column(
                "user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), nullable=False
            ),
            Column("token_hash", String(64), nullable=False, unique=True),
            Column("expires_at", DateTime(timezone=True), nullable=False),
            Column("created_at", DateTime(timezone=True), nullable=False),
            Column("updated_at", DateTime(timezone=True), nullable=False),
            Column("remember", Boolean, nullable=False, server_default=text("true")),
            Column("ip_address", Text),
            Column("user_agent", Text),
        )
    add_index("ix_auth_sessions_user_id", "auth_sessions", "user_id")
    add_index("ix_auth_sessions_expires_at", "auth_sessions", "expires_at")
    if not has_table("data_keys"):
        op.create_table(
            "data_keys",
            Column("id", String(16), primary_key=True),
            Column("created_at", DateTime(timezone=True), nullable=False),
        )
