"""What history needs from the outside, and the values that go to and fro.

Every method of both stores is one short transaction, names the owner in each of its statements and
may be repeated with the same values without harm: a broken connection leaves open whether a commit
happened. Errors: :class:`backend.errors.UpstreamError` for a database that is away,
:class:`~backend.errors.NotFound` for what is not there or not the owner's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from backend.domain import Turn

TITLE_CHARS = 255
UNTITLED = "New Chat"
"""The title of a conversation in which nothing was asked yet; the first question replaces it."""
COMPLETE, TRUNCATED = "complete", "truncated"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as its owner sees it. ``is_active``: the reader's widget may go on with it."""

    id: str
    user_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    is_active: bool = True
    message_count: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``sources`` are for people, ``citations`` are those objects of the answer.

    ``status`` is ``truncated`` where an answer broke off, else ``complete``.
    """

    id: str
    session_id: str
    role: str
    content: str
    created_at: datetime
    selected_text: str | None = None
    sources: tuple[str, ...] | None = None
    citations: tuple[Mapping[str, Any], ...] = ()
    status: str = COMPLETE


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first; ``total`` counts the whole."""

    conversations: Sequence[Conversation]
    total: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation with all its messages, oldest first."""

    conversation: Conversation
    messages: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and its answer, to be stored together or not at all.

    ``session_id`` is where the caller wants them; where that is not the caller's own, they begin
    the conversation ``new_session_id`` with ``title``.
    """

    user_id: str
    session_id: str | None
    new_session_id: str
    title: str
    question_id: str
    answer_id: str
    question: str
    selected_text: str | None
    answer: str
    sources: Sequence[str]
    citations: Sequence[Any]
    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out a request that carries an ``Idempotency-Key``, held by one process.

    ``scope`` and ``key`` are digests of the caller and of the key, ``fingerprint`` of what is
    asked; ``holder`` is different for each attempt, ``made_at`` the same for those that continue
    one another. The claim ends with its lease.
    """

    scope: str
    key: str
    fingerprint: str
    holder: str
    user_id: str | None
    made_at: datetime
    lease_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known of an earlier request with the same key; ``outcome`` None while it runs."""

    fingerprint: str
    outcome: bytes | None
    lease_ends_at: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a claim leads to, stored together with what it is about.

    ``outcome`` gets the id of the conversation, which only the transaction finds out.
    """

    claim: Claim
    outcome: Callable[[str], bytes]


class ConversationStore(Protocol):
    """Conversations and their messages."""

    async def page(self, user_id: str, limit: int, offset: int) -> Page:
        """Some of the owner's conversations, those that were used last first."""
        ...

    async def open(self, user_id: str, session_id: str) -> Opened:
        """A conversation with its messages. Raises NotFound."""
        ...

    async def export(self, user_id: str) -> list[Opened]:
        """Everything that the owner has, oldest conversation first."""
        ...

    async def add(self, conversation: Conversation, settlement: Settlement | None = None) -> None:
        """Store an empty conversation."""
        ...

    async def rename(
        self, user_id: str, session_id: str, title: str, now: datetime
    ) -> Conversation:
        """Change the title. Raises NotFound."""
        ...

    async def delete(self, user_id: str, session_id: str) -> None:
        """Delete a conversation with its messages. Raises NotFound."""
        ...

    async def clear(self, user_id: str) -> int:
        """Delete all the owner's conversations; returns how many there were."""
        ...

    async def last_turns(
        self, user_id: str, session_id: str, count: int, max_chars: int
    ) -> list[Turn]:
        """The last messages of reader and service, oldest first, each cut to ``max_chars``.

        None of somebody else's, and none where there is no such conversation.
        """
        ...

    async def record(self, exchange: Exchange, settlement: Settlement | None = None) -> str:
        """Store both messages; returns the conversation in which they now stand.

        Messages with these ids that are the owner's already are replaced where they stand.
        """
        ...


class ReplayStore(Protocol):
    """Outcomes of requests with an ``Idempotency-Key``, shared by all replicas."""

    async def claim(self, claim: Claim, expired_before: datetime) -> Claim | Earlier:
        """Take the claim, or tell what stands in its way.

        A row made at or before ``expired_before`` gives way to the new claim. One for the same
        request whose lease ended without an outcome is continued: the claim then has its
        ``made_at``.
        """
        ...

    async def settle(self, claim: Claim, outcome: bytes) -> None:
        """Store the outcome, if the claim still stands."""
        ...

    async def release(self, claim: Claim, now: datetime) -> None:
        """End the lease without an outcome; a retry then carries the request out."""
        ...

    async def prune(self, expired_before: datetime) -> None:
        """Forget rows made at or before this moment."""
        ...
