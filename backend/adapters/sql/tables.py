"""The tables: those of earlier deployments, extended, and the ones that are new.

``users``, ``user_profiles``, ``chat_sessions`` and ``chat_messages`` exist in running deployments:
columns are added, never dropped or renamed. The migrations build what stands here.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    MetaData,
    String,
    Table,
    Text,
    func,
    text,
)

from backend.adapters.sql.types import UtcTime

metadata = MetaData()

USERS = "users"
PROFILES = "user_profiles"
SESSIONS = "auth_sessions"

users = Table(
    USERS,
    metadata,
    Column("id", String(36), primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_hash", String(64), nullable=False, unique=True),
    Column("name", Text),
    Column("password_hash", String(255), nullable=False),
    Column("proficiency", String(50), server_default="pro"),
    Column("provider", String(50), server_default="credentials"),
    Column("provider_id", String(255)),
    Column("email_verified", Boolean, server_default=text("false")),
    Column("is_active", Boolean, server_default=text("true")),
    Column("created_at", UtcTime, server_default=func.now()),
    Column("updated_at", UtcTime, server_default=func.now()),
    Column("email_lookup", String(64)),
    Column("image", Text),
    Index("uq_users_email_lookup", "email_lookup", unique=True),
)

user_profiles = Table(
    PROFILES,
    metadata,
    Column("id", String(36), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("technical_background", Text),
    Column("hardware_access", Text),
    Column("learning_goals", Text),
    Column("preferences", Text),
    Column("created_at", UtcTime, server_default=func.now()),
    Column("updated_at", UtcTime, server_default=func.now()),
    Index("ix_user_profiles_user_id", "user_id"),
)

auth_sessions = Table(
    SESSIONS,
    metadata,
    Column("id", String(36), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("expires_at", UtcTime, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("remember", Boolean, nullable=False, server_default=text("true")),
    Column("ip_address", Text),
    Column("user_agent", Text),
    Index("ix_auth_sessions_user_id", "user_id"),
    Index("ix_auth_sessions_expires_at", "expires_at"),
)

data_keys = Table(
    "data_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
)

chat_sessions = Table(
    "chat_sessions",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("title", String(255), nullable=False, server_default="New Chat"),
    Column("is_active", Boolean, server_default=text("true")),
    Column("created_at", UtcTime, server_default=func.now()),
    Column("updated_at", UtcTime, server_default=func.now()),
)
Index("ix_chat_sessions_user_id", chat_sessions.c.user_id)
Index("ix_chat_sessions_updated_at", chat_sessions.c.updated_at.desc())

chat_messages = Table(
    "chat_messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column(
        "session_id", String(36), ForeignKey("chat_sessions.id", ondelete="CASCADE"), nullable=False
    ),
    Column("role", String(20), nullable=False),
    Column("content", Text, nullable=False),
    Column("selected_text", Text),
    Column("sources", Text),
    Column("created_at", UtcTime, server_default=func.now()),
    Column("citations", Text),
    Column("status", String(20)),
    CheckConstraint("role IN ('user', 'assistant', 'system')", name="ck_chat_messages_role"),
)
Index("ix_chat_messages_session_id", chat_messages.c.session_id)
Index("ix_chat_messages_created_at", chat_messages.c.created_at)
Index("ix_chat_sessions_user_updated", chat_sessions.c.user_id, chat_sessions.c.updated_at.desc())
Index("ix_chat_messages_session_created", chat_messages.c.session_id, chat_messages.c.created_at)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("scope", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("user_id", String(36), ForeignKey("users.id", ondelete="CASCADE")),
    Column("fingerprint", String(64), nullable=False),
    Column("holder", String(36), nullable=False),
    Column("outcome", Text),
    Column("made_at", UtcTime, nullable=False),
    Column("lease_ends_at", UtcTime, nullable=False),
    Index("ix_idempotency_keys_user_id", "user_id"),
    Index("ix_idempotency_keys_made_at", "made_at"),
)

ENCRYPTED_COLUMNS: dict[str, tuple[str, ...]] = {
    USERS: ("email", "name", "image"),
    PROFILES: ("technical_background", "hardware_access", "learning_goals"),
    SESSIONS: ("ip_address", "user_agent"),
}
"""Table -> columns under the data key; what a key rotation rewrites."""
