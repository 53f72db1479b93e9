"""Conversations and messages in the tables that earlier deployments have too.

The owner is in the WHERE of every statement. Rows of earlier deployments are served as they are:
times may be absent, ``sources`` may be a JSON list, a JSON text or plain text.
"""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any, cast

from sqlalchemy import (
    Connection,
    CursorResult,
    Insert,
    Select,
    case,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from backend.adapters.sql.conversation_rows import (
    CONVERSATION_COLUMNS,
    MESSAGE_COLUMNS,
    conversation_of,
    conversation_row,
    message_of,
    pair_rows,
)
from backend.adapters.sql.dialects import upsert
from backend.adapters.sql.engine import Database
from backend.adapters.sql.idempotency import settle
from backend.adapters.sql.tables import chat_messages, chat_sessions
from backend.conversation_ports import (
    UNTITLED,
    Conversation,
    Exchange,
    Opened,
    Page,
    Settlement,
)
from backend.domain import Turn
from backend.errors import NotFound

_ASKED_FIRST = case((chat_messages.c.role == "user", 0), else_=1)
_TURN_ROLES = ("user", "assistant")


class SqlConversations:
    """Implements :class:`backend.conversation_ports.ConversationStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, user_id: str, limit: int, offset: int) -> Page:
        """One statement; a second one only where the page does not tell the total."""

        def work(connection: Connection) -> Page:
            rows = connection.execute(page_statement(user_id, limit, offset)).mappings().all()
            found = [conversation_of(row) for row in rows]
            if len(found) < limit and (found or offset == 0):
                return Page(found, offset + len(found))
            total = select(func.count()).where(chat_sessions.c.user_id == user_id)
            return Page(found, connection.execute(total).scalar_one())

        return await self._db.read(work)

    async def open(self, user_id: str, session_id: str) -> Opened:
        """Two statements."""

        def work(connection: Connection) -> Opened:
            row = connection.execute(_conversation(user_id, session_id)).mappings().first()
            if row is None:
                raise not_there()
            rows = connection.execute(messages_statement(user_id, session_id)).mappings()
            messages = [message_of(row) for row in rows]
            return Opened(conversation_of({**row, "message_count": len(messages)}), messages)

        return await self._db.read(work)

    async def export(self, user_id: str) -> list[Opened]:
        """Two statements for everything."""
        own = chat_sessions.c.user_id == user_id
        conversations = (
            select(*CONVERSATION_COLUMNS)
            .where(own)
            .order_by(chat_sessions.c.created_at, chat_sessions.c.id)
        )
        messages = (
            select(*MESSAGE_COLUMNS)
            .join(chat_sessions, chat_sessions.c.id == chat_messages.c.session_id)
            .where(own)
            .order_by(chat_messages.c.session_id, *_in_order())
        )

        def work(connection: Connection) -> list[Opened]:
            said = [message_of(row) for row in connection.execute(messages).mappings()]
            by_session = {
                session: list(group) for session, group in groupby(said, lambda m: m.session_id)
            }
            opened = []
            for row in connection.execute(conversations).mappings():
                own_messages = by_session.get(row["id"], [])
                counted = {**row, "message_count": len(own_messages)}
                opened.append(Opened(conversation_of(counted), own_messages))
            return opened

        return await self._db.read(work)

    async def add(self, conversation: Conversation, settlement: Settlement | None = None) -> None:
        """Store an empty conversation."""

        def work(connection: Connection) -> None:
            if not connection.execute(
                _conversation(conversation.user_id, conversation.id)
            ).first():  # a repeated attempt finds its own row
                connection.execute(insert(chat_sessions).values(conversation_row(conversation)))
            if settlement is not None:
                outcome = settlement.outcome(conversation.id)
                settle(connection, settlement.claim, outcome)

        await self._db.write(work)

    async def rename(
        self, user_id: str, session_id: str, title: str, now: datetime
    ) -> Conversation:
        """Change the title."""

        def work(connection: Connection) -> Conversation:
            changes = {"title": title, "updated_at": now}
            if not _update(connection, user_id, session_id, changes):
                raise not_there()
            statement = _conversation(user_id, session_id).add_columns(_message_count())
            return conversation_of(connection.execute(statement).mappings().one())

        return await self._db.write(work)

    async def delete(self, user_id: str, session_id: str) -> None:
        """Delete a conversation; its messages explicitly, for keys made without a cascade."""

        def work(connection: Connection) -> None:
            connection.execute(delete(chat_messages).where(_in_own(user_id, session_id)))
            own = delete(chat_sessions).where(*_own(user_id, session_id))
            if not _count(connection.execute(own)):
                raise not_there()

        await self._db.write(work)

    async def clear(self, user_id: str) -> int:
        """Delete everything of the owner."""
        own = chat_sessions.c.user_id == user_id
        ids = select(chat_sessions.c.id).where(own)

        def work(connection: Connection) -> int:
            connection.execute(delete(chat_messages).where(chat_messages.c.session_id.in_(ids)))
            return _count(connection.execute(delete(chat_sessions).where(own)))

        return await self._db.write(work)

    async def last_turns(
        self, user_id: str, session_id: str, count: int, max_chars: int
    ) -> list[Turn]:
        """One statement."""
        content = func.substr(chat_messages.c.content, 1, max_chars).label("content")
        newest_first = [column.desc() for column in _in_order()]
        statement = (
            select(chat_messages.c.role, content)
            .where(_in_own(user_id, session_id), chat_messages.c.role.in_(_TURN_ROLES))
            .order_by(*newest_first)
            .limit(count)
        )
        rows = await self._db.read(lambda connection: connection.execute(statement).all())
        return [Turn(row.role, row.content) for row in reversed(rows)]

    async def record(self, exchange: Exchange, settlement: Settlement | None = None) -> str:
        """Store question, answer and outcome in one transaction."""

        def work(connection: Connection) -> str:
            session_id = _place(connection, exchange)
            for row in pair_rows(exchange, session_id):
                connection.execute(_put(connection, row))
            if settlement is not None:
                settle(connection, settlement.claim, settlement.outcome(session_id))
            return session_id

        return await self._db.write(work)


def not_there() -> NotFound:
    """The same for what is gone and for what is somebody else's."""
    return NotFound("There is no such conversation in your history; list those that you have.")


def page_statement(user_id: str, limit: int, offset: int) -> Select[Any]:
    """The owner's conversations with their message counts, used last first."""
    newest_first = (chat_sessions.c.updated_at.desc(), chat_sessions.c.id)
    return (
        select(*CONVERSATION_COLUMNS, _message_count())
        .where(chat_sessions.c.user_id == user_id)
        .order_by(*newest_first)
        .limit(limit)
        .offset(offset)
    )


def messages_statement(user_id: str, session_id: str) -> Select[Any]:
    """The messages of one of the owner's conversations, oldest first."""
    return select(*MESSAGE_COLUMNS).where(_in_own(user_id, session_id)).order_by(*_in_order())


def _conversation(user_id: str, session_id: str) -> Select[Any]:
    return select(*CONVERSATION_COLUMNS).where(*_own(user_id, session_id))


def _message_count() -> ColumnElement[int]:
    return (
        select(func.count())
        .where(chat_messages.c.session_id == chat_sessions.c.id)
        .correlate(chat_sessions)
        .scalar_subquery()
        .label("message_count")
    )


def _own(user_id: str, session_id: str) -> tuple[ColumnElement[bool], ...]:
    return chat_sessions.c.id == session_id, chat_sessions.c.user_id == user_id


def _in_own(user_id: str, session_id: str) -> ColumnElement[bool]:
    owned = exists().where(*_own(user_id, session_id))
    return (chat_messages.c.session_id == session_id) & owned


def _in_order() -> list[ColumnElement[Any]]:
    return [chat_messages.c.created_at, _ASKED_FIRST, chat_messages.c.id]


def _update(connection: Connection, user_id: str, session_id: str, changes: dict[str, Any]) -> int:
    statement = update(chat_sessions).where(*_own(user_id, session_id)).values(changes)
    return _count(connection.execute(statement))


def _place(connection: Connection, exchange: Exchange) -> str:
    """The conversation for a pair: where it stands already, the wanted one, or a new one."""
    stands = connection.execute(
        select(chat_messages.c.session_id)
        .join(chat_sessions, chat_sessions.c.id == chat_messages.c.session_id)
        .where(
            chat_messages.c.id == exchange.answer_id, chat_sessions.c.user_id == exchange.user_id
        )
    ).scalar()
    asked_before = exists().where(chat_messages.c.session_id == chat_sessions.c.id)
    untitled = (chat_sessions.c.title == UNTITLED) & ~asked_before
    changes = {
        "updated_at": exchange.at,
        "is_active": True,
        "title": case((untitled, exchange.title), else_=chat_sessions.c.title),
    }
    for wanted in (stands, exchange.session_id):
        if wanted and _update(connection, exchange.user_id, wanted, changes):
            return wanted
    new = Conversation(
        exchange.new_session_id, exchange.user_id, exchange.title, exchange.at, exchange.at
    )
    connection.execute(insert(chat_sessions).values(conversation_row(new)))
    return new.id


def _put(connection: Connection, row: dict[str, Any]) -> Insert:
    same = chat_messages.c.session_id == row["session_id"]
    keep = ("id", "session_id", "created_at")
    return upsert(connection, chat_messages, row, keep=keep, where=same)


def _count(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount
