"""A reader's conversations: list, open, rename, delete, take along.

Every method takes the owner's id; what is somebody else's is as absent as what was never there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson

from backend.clock import iso_ms, utc_now
from backend.conversation_ports import (
    TITLE_CHARS,
    TRUNCATED,
    UNTITLED,
    Conversation,
    ConversationStore,
    Message,
    Opened,
    Page,
    Settlement,
)
from backend.domain import Principal
from backend.errors import NotFound
from backend.services.replays import Replays
from backend.text.exports import Said, as_markdown, as_text, one_line

QUESTION_TITLE_CHARS = 60
FORMATS = ("text", "json", "markdown")
_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_FILE_ENDINGS = {"text": "txt", "json": "json", "markdown": "md"}


@dataclass(frozen=True, slots=True)
class Export:
    """A conversation as a file: ``content`` is text, or for the format json an object."""

    session_id: str
    format: str
    filename: str
    content: str | dict[str, Any]


class Conversations:
    """What the history routes do.

    Args:
        store: Where conversations are.
        replays: Outcomes of requests that carry an ``Idempotency-Key``.
        clock: The current time in UTC.
    """

    def __init__(
        self,
        store: ConversationStore,
        replays: Replays,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._replays = replays
        self._clock = clock

    async def page(self, owner: str, limit: int, offset: int) -> Page:
        """Some of the owner's conversations, those used last first."""
        return await self._store.page(owner, limit, offset)

    async def open(self, owner: str, session_id: str) -> Opened:
        """A conversation with its messages. Raises NotFound."""
        return await self._store.open(owner, known_id(session_id))

    async def start(
        self, owner: Principal, title: str | None, *, key: str | None = None
    ) -> Conversation:
        """Begin an empty conversation; the same one for the same ``key``.

        Raises:
            Conflict, Invalid: See :meth:`Replays.begin`.
        """
        assert owner.user_id is not None
        title = one_line(title or "", TITLE_CHARS) or UNTITLED
        now = self._clock()
        if key is None:
            return await self._add(Conversation(str(uuid4()), owner.user_id, title, now, now))
        claim = await self._replays.begin(owner, key, "start", {"title": title})
        if isinstance(claim, bytes):
            return _read(claim)
        conversation = Conversation(
            self._replays.id_of(claim, "session"), owner.user_id, title, now, now
        )
        settlement = Settlement(claim, lambda _id: orjson.dumps(asdict(conversation)))
        return await self._add(conversation, settlement)

    async def rename(self, owner: str, session_id: str, title: str) -> Conversation:
        """Change the title. Raises NotFound."""
        title = one_line(title, TITLE_CHARS)
        return await self._store.rename(owner, known_id(session_id), title, self._clock())

    async def delete(self, owner: str, session_id: str) -> None:
        """Delete a conversation. Raises NotFound."""
        await self._store.delete(owner, known_id(session_id))

    async def clear(self, owner: str) -> int:
        """Delete all the owner's conversations; returns how many there were."""
        return await self._store.clear(owner)

    async def export(self, owner: str, session_id: str, kind: str) -> Export:
        """A conversation to take along. ``kind`` is one of :data:`FORMATS`. Raises NotFound."""
        opened = await self.open(owner, session_id)
        title = opened.conversation.title
        filename = f"chat-session-{opened.conversation.id[:8]}.{_FILE_ENDINGS[kind]}"
        content: str | dict[str, Any]
        if kind == "json":
            content = {
                "session": conversation_view(opened.conversation),
                "messages": [message_view(message) for message in opened.messages],
            }
        else:
            write = as_text if kind == "text" else as_markdown
            content = write(title, [_said(message) for message in opened.messages])
        return Export(opened.conversation.id, kind, filename, content)

    async def everything(self, owner: str) -> list[dict[str, Any]]:
        """All that is held of the owner's conversations, for the account's export."""
        return [
            {
                **conversation_view(opened.conversation),
                "messages": [message_view(message) for message in opened.messages],
            }
            for opened in await self._store.export(owner)
        ]

    async def _add(
        self, conversation: Conversation, settlement: Settlement | None = None
    ) -> Conversation:
        await self._store.add(conversation, settlement)
        return conversation


def title_of(question: str) -> str:
    """A title from the first question: one line, at most 60 characters."""
    title = one_line(question, QUESTION_TITLE_CHARS)
    shows = any(char.isprintable() and not char.isspace() for char in title)
    return title if shows else UNTITLED


def known_id(session_id: str) -> str:
    """The id. Raises NotFound for what cannot be one, as if it had been looked for."""
    if not _ID.fullmatch(session_id):
        raise NotFound("There is no such conversation in your history; list those that you have.")
    return session_id


def conversation_view(conversation: Conversation) -> dict[str, Any]:
    """A conversation as clients know it."""
    return {
        "id": conversation.id,
        "user_id": conversation.user_id,
        "title": conversation.title,
        "created_at": iso_ms(conversation.created_at),
        "updated_at": iso_ms(conversation.updated_at),
        "is_active": conversation.is_active,
        "message_count": conversation.message_count,
    }


def message_view(message: Message) -> dict[str, Any]:
    """A message as clients know it; ``sources`` null or strings, ``citations`` objects."""
    return {
        "id": message.id,
        "session_id": message.session_id,
        "role": message.role,
        "content": message.content,
        "selected_text": message.selected_text,
        "created_at": iso_ms(message.created_at),
        "sources": message.sources,
        "citations": message.citations,
        "status": message.status,
    }


def _said(message: Message) -> Said:
    return Said(
        message.role,
        message.content,
        message.created_at,
        message.selected_text,
        message.sources or (),
        message.status == TRUNCATED,
    )


def _read(outcome: bytes) -> Conversation:
    fields = orjson.loads(outcome)
    times = {name: datetime.fromisoformat(fields[name]) for name in ("created_at", "updated_at")}
    return Conversation(**(fields | times))
