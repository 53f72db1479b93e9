"""What belongs to an account, in every table there is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, delete, select

from backend.adapters.sql.content_tables import answer_notes
from backend.adapters.sql.tables import (
    chat_messages,
    chat_sessions,
    idempotency_keys,
    metadata,
    user_profiles,
    users,
)

_NOTE_COLUMNS = ("message_id", "asked_at", "question", "mode", "rating", "comment", "rated_at")


def delete_owned(connection: Connection, user_id: str) -> None:
    """Delete the account and every row that is its own.

    Foreign keys would do most of it; the statements are for databases whose keys were made without
    ``ON DELETE CASCADE``, and for tables that name the owner without a key. Notes on answers name
    nobody, but the messages that they are on do.
    """
    own_messages = _own_messages(user_id)
    connection.execute(delete(answer_notes).where(answer_notes.c.message_id.in_(own_messages)))
    connection.execute(delete(chat_messages).where(chat_messages.c.id.in_(own_messages)))
    for table in reversed(metadata.sorted_tables):
        if "user_id" in table.c:
            connection.execute(delete(table).where(table.c.user_id == user_id))
    connection.execute(delete(users).where(users.c.id == user_id))


def export_owned(connection: Connection, user_id: str) -> dict[str, Any]:
    """What is held of an account beside itself, its sessions and its conversations.

    ``answers`` are the notes on answers, with the reader's ratings; ``requests`` those that came
    with an Idempotency-Key, with what was answered; ``preferences`` are of an earlier deployment.
    """
    preferences = select(user_profiles.c.preferences).where(user_profiles.c.user_id == user_id)
    notes = select(*(answer_notes.c[name] for name in _NOTE_COLUMNS)).where(
        answer_notes.c.message_id.in_(_own_messages(user_id))
    )
    requests = select(idempotency_keys.c.made_at, idempotency_keys.c.outcome).where(
        idempotency_keys.c.user_id == user_id
    )
    statements = {
        "answers": notes.order_by(answer_notes.c.asked_at),
        "requests": requests.order_by(idempotency_keys.c.made_at),
    }
    rows = {
        name: [
            {str(column): value for column, value in row.items()}  # else they are no plain texts
            for row in connection.execute(statement).mappings()
        ]
        for name, statement in statements.items()
    }
    return {**rows, "preferences": connection.execute(preferences).scalar()}


def _own_messages(user_id: str) -> Select[tuple[str]]:
    return (
        select(chat_messages.c.id)
        .join(chat_sessions, chat_sessions.c.id == chat_messages.c.session_id)
        .where(chat_sessions.c.user_id == user_id)
    )
