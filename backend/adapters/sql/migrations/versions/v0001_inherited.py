"""The four tables of earlier deployments, where they are absent."""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    String,
    Text,
    func,
    text,
)

from backend.adapters.sql.migrations.steps import add_index, has_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is missing; touch nothing that is there."""
    if not has_table("users"):
        op.create_table(
            "users",
            _id(),
            Column("email", String(512), nullable=False),
            Column("email_hash", String(64), nullable=False, unique=True),
            Column("name", String(512)),
            Column("password_hash", String(255), nullable=False),
            Column("proficiency", String(50), server_default="pro"),
            Column("provider", String(50), server_default="credentials"),
            Column("provider_id", String(255)),
            Column("email_verified", Boolean, server_default=text("false")),
            Column("is_active", Boolean, server_default=text("true")),
            *_times(),
        )
    if not has_table("user_profiles"):
        op.create_table(
            "user_profiles",
            _id(),
            _owner("user_id", "users.id"),
            Column("technical_background", Text),
            Column("hardware_access", Text),
            Column("learning_goals", Text),
            Column("preferences", Text),
            *_times(),
        )
    if not has_table("chat_sessions"):
        op.create_table(
            "chat_sessions",
            _id(),
            _owner("user_id", "users.id"),
            Column("title", String(255), nullable=False, server_default="New Chat"),
            Column("is_active", Boolean, server_default=text("true")),
            *_times(),
        )
    if not has_table("chat_messages"):
        op.create_table(
            "chat_messages",
            _id(),
            _owner("session_id", "chat_sessions.id"),
            Column("role", String(20), nullable=False),
            Column("content", Text, nullable=False),
            Column("selected_text", Text),
            Column("sources", Text),
            Column("created_at", DateTime(timezone=True), server_default=func.now()),
            CheckConstraint(
                "role IN ('user', 'assistant', 'system')", name="ck_chat_messages_role"
            ),
        )
    add_index("ix_user_profiles_user_id", "user_profiles", "user_id")
    add_index("ix_chat_sessions_user_id", "chat_sessions", "user_id")
    add_index("ix_chat_sessions_updated_at", "chat_sessions", "updated_at", newest_first=True)
    add_index("ix_chat_messages_session_id", "chat_messages", "session_id")
    add_index("ix_chat_messages_created_at", "chat_messages", "created_at")


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _owner(name: str, target: str) -> Column[str]:
    return Column(name, String(36), ForeignKey(target, ondelete="CASCADE"), nullable=False)


def _times() -> list[Column[object]]:
    return [
        Column(name, DateTime(timezone=True), server_default=func.now())
        for name in ("created_at", "updated_at")
    ]
