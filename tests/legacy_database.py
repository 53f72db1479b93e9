"""A database as the earlier backend left it: its statements, its encryption, its hashes."""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import bcrypt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, text

KEY = "test-data-key-not-real"
BCRYPT_COST = 4  # the real ones have 12; the format is the same

STATEMENTS = (
    """CREATE TABLE users (
        id VARCHAR(36) PRIMARY KEY, email VARCHAR(512) NOT NULL,
        email_hash VARCHAR(64) UNIQUE NOT NULL, name VARCHAR(512),
        password_hash VARCHAR(255) NOT NULL, proficiency VARCHAR(50) DEFAULT 'pro',
        provider VARCHAR(50) DEFAULT 'credentials', provider_id VARCHAR(255),
        email_verified BOOLEAN DEFAULT false, is_active BOOLEAN DEFAULT true,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE user_profiles (
        id VARCHAR(36) PRIMARY KEY,
        user_id VARCHAR(36) REFERENCES users(id) ON DELETE CASCADE,
        technical_background TEXT, hardware_access TEXT, learning_goals TEXT, preferences TEXT,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP)""",
    """CREATE TABLE chat_sessions (
        id VARCHAR(36) PRIMARY KEY,
        user_id VARCHAR(36) NOT NULL REFERENCES users(id) ON DELETE CASCADE,
        title VARCHAR(255) NOT NULL DEFAULT 'New Chat', is_active BOOLEAN DEFAULT true,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP)""",
    "CREATE INDEX idx_chat_sessions_user_id ON chat_sessions(user_id)",
    "CREATE INDEX idx_chat_sessions_updated_at ON chat_sessions(updated_at DESC)",
    """CREATE TABLE chat_messages (
        id VARCHAR(36) PRIMARY KEY,
        session_id VARCHAR(36) NOT NULL REFERENCES chat_sessions(id) ON DELETE CASCADE,
        role VARCHAR(20) NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
        content TEXT NOT NULL, selected_text TEXT, sources TEXT,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP)""",
    "CREATE INDEX idx_chat_messages_session_id ON chat_messages(session_id)",
    "CREATE INDEX idx_chat_messages_created_at ON chat_messages(created_at)",
)


@dataclass(frozen=True)
class LegacyUser:
    id: str
    email: str
    password: str
    encrypted: bool


def encrypt(value: str, key: str = KEY) -> str:
    """As the earlier backend did."""
    derived = hashlib.pbkdf2_hmac(
        "sha256", key.encode(), b"physical-ai-textbook-salt-v1", 100_000, 32
    )
    nonce = os.urandom(12)
    return "ENC:" + b64encode(nonce + AESGCM(derived).encrypt(nonce, value.encode(), None)).decode()


def create(connection: Connection) -> None:
    """The tables."""
    for statement in STATEMENTS:
        connection.execute(text(statement))


def add_user(
    connection: Connection, email: str, password: str, *, encrypted: bool, name: str = "Ada"
) -> LegacyUser:
    """An account with a profile and a conversation of two messages."""
    stored = encrypt if encrypted else str
    user, chat, now = str(uuid4()), str(uuid4()), datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    moment: Any = now if connection.dialect.name == "postgresql" else now.isoformat(" ")[:26]
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(BCRYPT_COST)).decode()
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            "INSERT INTO users (id, email, email_hash, name, password_hash, proficiency, "
            "created_at, updated_at) VALUES (:id, :email, :hash, :name, :password, 'beginner', "
            ":now, :now)",
            {
                "id": user,
                "email": stored(email),
                "hash": hashlib.sha256(email.lower().encode()).hexdigest(),
                "name": stored(name),
                "password": hashed,
                "now": moment,
            },
        ),
        (
            "INSERT INTO user_profiles (id, user_id, learning_goals, preferences) "
            "VALUES (:id, :user, :goals, '{}')",
            {"id": str(uuid4()), "user": user, "goals": stored("robots")},
        ),
        (
            "INSERT INTO chat_sessions (id, user_id, title) VALUES (:id, :user, 'First')",
            {"id": chat, "user": user},
        ),
        *(
            (
                "INSERT INTO chat_messages (id, session_id, role, content) "
                "VALUES (:id, :chat, :role, :content)",
                {"id": str(uuid4()), "chat": chat, "role": role, "content": f"{role} said"},
            )
            for role in ("user", "assistant")
        ),
    ]
    for statement, values in rows:
        connection.execute(text(statement), values)
    return LegacyUser(user, email, password, encrypted)
