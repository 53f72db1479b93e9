"""Conversations and messages in the tables that earlier deployments have too.

Rows of earlier deployments are served as they are: times may be absent, ``sources`` may be a JSON
list, a JSON text or plain text.
"""

from __future__ import annotations

from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

from backend.adapters.sql import conversation_statements as sql
from backend.adapters.sql.conversation_rows import (
    conversation_of,
    conversation_row,
    message_of,
    pair_rows,
)
from backend.adapters.sql.engine import Database
from backend.adapters.sql.idempotency import settle
from backend.conversation_ports import Conversation, Exchange, Opened, Page, Settlement
from backend.domain import Turn
from backend.errors import NotFound


class SqlConversations:
    """Implements :class:`backend.conversation_ports.ConversationStore`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def page(self, user_id: str, limit: int, offset: int) -> Page:
        """One statement; a second one only for a page beyond the last."""
        owner = {"owner": user_id}
        rows = await self._db.ask(sql.PAGE, owner | {"limit": limit, "offset": offset})
        counted = rows if rows or not offset else await self._db.ask(sql.TOTAL, owner)
        return Page([conversation_of(row) for row in rows], counted[0]["total"] if counted else 0)

    async def open(self, user_id: str, session_id: str) -> Opened:
        """Two statements."""
        own = _own(user_id, session_id)

        def work(connection: Connection) -> Opened:
            row = connection.execute(sql.CONVERSATION, own).mappings().first()
            if row is None:
                raise not_there()
            rows = connection.execute(sql.MESSAGES, own).mappings()
            messages = [message_of(row) for row in rows]
            return Opened(conversation_of({**row, "message_count": len(messages)}), messages)

        return await self._db.read(work)

    async def export(self, user_id: str) -> list[Opened]:
        """Two statements for everything."""
        owner = {"owner": user_id}

        def work(connection: Connection) -> list[Opened]:
            said = [
                message_of(row) for row in connection.execute(sql.ALL_MESSAGES, owner).mappings()
            ]
            by_session = {
                session: list(group) for session, group in groupby(said, lambda m: m.session_id)
            }
            opened = []
            for row in connection.execute(sql.ALL_CONVERSATIONS, owner).mappings():
                own_messages = by_session.get(row["id"], [])
                counted = {**row, "message_count": len(own_messages)}
                opened.append(Opened(conversation_of(counted), own_messages))
            return opened

        return await self._db.read(work)

    async def add(self, conversation: Conversation, settlement: Settlement | None = None) -> None:
        """Store an empty conversation."""
        own = _own(conversation.user_id, conversation.id)

        def work(connection: Connection) -> None:
            # a repeated attempt finds its own row
            if not connection.execute(sql.CONVERSATION, own).first():
                connection.execute(sql.ADD, conversation_row(conversation))
            if settlement is not None:
                outcome = settlement.outcome(conversation.id)
                settle(connection, settlement.claim, outcome)

        await self._db.write(work)

    async def rename(
        self, user_id: str, session_id: str, title: str, now: datetime
    ) -> Conversation:
        """Change the title."""
        own = _own(user_id, session_id)

        def work(connection: Connection) -> Conversation:
            connection.execute(sql.RENAME, {**own, "new_title": title, "at": now})
            row = connection.execute(sql.COUNTED, own).mappings().first()
            if row is None:
                raise not_there()
            return conversation_of(row)

        return await self._db.write(work)

    async def delete(self, user_id: str, session_id: str) -> None:
        """Delete a conversation; its messages explicitly, for keys made without a cascade."""
        own = _own(user_id, session_id)

        def work(connection: Connection) -> None:
            connection.execute(sql.DELETE_MESSAGES, own)
            if not connection.execute(sql.DELETE, own).rowcount:
                raise not_there()

        await self._db.write(work)

    async def clear(self, user_id: str) -> int:
        """Delete everything of the owner."""
        owner = {"owner": user_id}

        def work(connection: Connection) -> int:
            connection.execute(sql.CLEAR_MESSAGES, owner)
            return connection.execute(sql.CLEAR, owner).rowcount

        return await self._db.write(work)

    async def last_turns(
        self, user_id: str, session_id: str, count: int, max_chars: int
    ) -> list[Turn]:
        """One statement."""
        asked = {**_own(user_id, session_id), "count": count, "chars": max_chars}
        rows = await self._db.ask(sql.LAST_TURNS, asked)
        return [Turn(row["role"], row["content"]) for row in reversed(rows)]

    async def record(self, exchange: Exchange, settlement: Settlement | None = None) -> str:
        """One statement on PostgreSQL; two on SQLite or with an outcome, in one transaction."""
        place = {
            "owner": exchange.user_id,
            "answer": exchange.answer_id,
            "session": exchange.session_id,
            "new": exchange.new_session_id,
            "new_title": exchange.title,
            "at": exchange.at,
        }

        def together(connection: Connection) -> str:
            dialect = connection.dialect.name
            session_id: str = connection.execute(sql.PLACE[dialect], place).scalar_one()
            connection.execute(sql.PUT[dialect], pair_rows(exchange, session_id))
            if settlement is not None:
                settle(connection, settlement.claim, settlement.outcome(session_id))
            return session_id

        if settlement is not None or self._db.dialect == "sqlite":
            return await self._db.write(together)
        said = {
            f"{name}_{column}": value
            for name, row in zip(sql.PAIR, pair_rows(exchange, ""), strict=True)
            for column, value in row.items()
        }
        (placed,) = await self._db.ask(sql.RECORD, place | said)
        return str(placed["id"])


def not_there() -> NotFound:
    """The same for what is gone and for what is somebody else's."""
    return NotFound("There is no such conversation in your history; list those that you have.")


def _own(user_id: str, session_id: str) -> dict[str, str]:
    return {"owner": user_id, "session": session_id}
