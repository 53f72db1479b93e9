"""Rows of conversations and messages to values and back; also rows that others have written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from backend.adapters.sql.tables import chat_messages, chat_sessions
from backend.conversation_ports import COMPLETE, Conversation, Exchange, Message

Row = Mapping[Any, Any]

CONVERSATION_COLUMNS = (
    chat_sessions.c.id,
    chat_sessions.c.user_id,
    chat_sessions.c.title,
    chat_sessions.c.is_active,
    chat_sessions.c.created_at,
    chat_sessions.c.updated_at,
)
MESSAGE_COLUMNS = (
    chat_messages.c.id,
    chat_messages.c.session_id,
    chat_messages.c.role,
    chat_messages.c.content,
    chat_messages.c.selected_text,
    chat_messages.c.sources,
    chat_messages.c.citations,
    chat_messages.c.status,
    chat_messages.c.created_at,
)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = ("title", "source", "file_path", "url", "content")
"""Fields that name a source where an earlier deployment stored an object, best first."""


_AFTER = timedelta(microseconds=1)
"""How much later than its question an answer is said to come, so that their order is certain."""


def conversation_of(row: Row) -> Conversation:
    """A conversation; without a time of its own it takes the other one."""
    created, updated = row["created_at"], row["updated_at"]
    return Conversation(
        id=row["id"],
        user_id=row["user_id"],
        title=row["title"],
        created_at=created or updated or _NEVER,
        updated_at=updated or created or _NEVER,
        is_active=row["is_active"] is not False,
        message_count=row["message_count"],
    )


def message_of(row: Row) -> Message:
    """A message."""
    return Message(
        id=row["id"],
        session_id=row["session_id"],
        role=row["role"],
        content=row["content"],
        created_at=row["created_at"] or _NEVER,
        selected_text=row["selected_text"],
        sources=sources_of(row["sources"]),
        citations=_citations(row["citations"]),
        status=row["status"] or COMPLETE,
    )


def pair_rows(exchange: Exchange, session_id: str) -> list[dict[str, Any]]:
    """The rows of a question and its answer, in this order also by their times."""
    asked = {
        "id": exchange.question_id,
        "session_id": session_id,
        "role": "user",
        "content": exchange.question,
        "selected_text": exchange.selected_text,
        "sources": None,
        "citations": None,
        "status": None,
        "created_at": exchange.at,
    }
    answered = {
        "id": exchange.answer_id,
        "session_id": session_id,
        "role": "assistant",
        "content": exchange.answer,
        "selected_text": None,
        "sources": orjson.dumps(list(exchange.sources)).decode() if exchange.sources else None,
        "citations": (
            orjson.dumps(list(exchange.citations)).decode() if exchange.citations else None
        ),
        "status": exchange.status,
        "created_at": exchange.at + _AFTER,
    }
    return [asked, answered]


def conversation_row(conversation: Conversation) -> dict[str, Any]:
    """The row of a conversation."""
    return {
        "id": conversation.id,
        "user_id": conversation.user_id,
        "title": conversation.title,
        "is_active": conversation.is_active,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def sources_of(stored: str | None) -> tuple[str, ...] | None:
    """The names of sources in a column that has held JSON lists, JSON texts and plain text."""
    if not stored or not stored.strip():
        return None
    try:
        value = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return (stored,)
    items = value if isinstance(value, list) else [value]
    return tuple(name for name in map(_name, items) if name) or None


def _name(item: Any) -> str | None:
    if isinstance(item, dict):
        return next((str(item[name]) for name in _NAMES if item.get(name)), None)
    return None if item is None else str(item)


def _citations(stored: str | None) -> tuple[dict[str, Any], ...]:
    return tuple(orjson.loads(stored)) if stored else ()
