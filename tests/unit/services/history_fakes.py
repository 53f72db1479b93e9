"""Stores of conversations and of repeated requests that a test can see into and make fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from backend.conversation_ports import (
    Claim,
    Conversation,
    Earlier,
    Exchange,
    Opened,
    Page,
    Settlement,
)
from backend.domain import Turn
from backend.errors import NotFound


class FakeConversations:
    """One conversation per entry of ``own``: (owner, id) -> its turns."""

    def __init__(self, replays: FakeReplays | None = None) -> None:
        self.own: dict[tuple[str, str], list[Turn]] = {}
        self.recorded: dict[str, tuple[str, Exchange]] = {}
        self.added: list[Conversation] = []
        self.failure: Exception | None = None
        self.hold: asyncio.Event | None = None
        self.recalled: list[tuple[str, str]] = []
        self._replays = replays

    async def page(self, user_id: str, limit: int, offset: int) -> Page:
        return Page([], 0)

    async def open(self, user_id: str, session_id: str) -> Opened:
        raise NotFound("There is no such conversation.")

    async def export(self, user_id: str) -> list[Opened]:
        return []

    async def add(self, conversation: Conversation, settlement: Settlement | None = None) -> None:
        if self.failure is not None:
            raise self.failure
        self.added.append(conversation)
        await self._settle(settlement, conversation.id)

    async def rename(
        self, user_id: str, session_id: str, title: str, now: datetime
    ) -> Conversation:
        raise NotFound("There is no such conversation.")

    async def delete(self, user_id: str, session_id: str) -> None:
        raise NotFound("There is no such conversation.")

    async def clear(self, user_id: str) -> int:
        return 0

    async def last_turns(
        self, user_id: str, session_id: str, count: int, max_chars: int
    ) -> list[Turn]:
        self.recalled.append((user_id, session_id))
        if self.failure is not None:
            raise self.failure
        return self.own.get((user_id, session_id), [])[-count:]

    async def record(self, exchange: Exchange, settlement: Settlement | None = None) -> str:
        if self.hold is not None:
            await self.hold.wait()
        if self.failure is not None:
            raise self.failure
        wanted = exchange.session_id
        owned = wanted is not None and (exchange.user_id, wanted) in self.own
        session_id = wanted if owned and wanted is not None else exchange.new_session_id
        self.recorded[exchange.answer_id] = (session_id, exchange)
        await self._settle(settlement, session_id)
        return session_id

    async def _settle(self, settlement: Settlement | None, session_id: str) -> None:
        if settlement is not None and self._replays is not None:
            await self._replays.settle(settlement.claim, settlement.outcome(session_id))


class FakeReplays:
    """Claims and outcomes in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], tuple[Claim, bytes | None]] = {}
        self.pruned: list[datetime] = []
        self.failure: Exception | None = None

    async def claim(self, claim: Claim, expired_before: datetime) -> Claim | Earlier:
        if self.failure is not None:
            raise self.failure
        at = claim.scope, claim.key
        found, outcome = self.rows.get(at, (claim, None))
        left = outcome is None and found.lease_ends_at <= claim.made_at
        if found.made_at <= expired_before or found is claim:
            self.rows[at] = claim, None
        elif left and found.fingerprint == claim.fingerprint:
            self.rows[at] = replace(claim, made_at=found.made_at), None
        else:
            return Earlier(found.fingerprint, outcome, found.lease_ends_at)
        return self.rows[at][0]

    async def settle(self, claim: Claim, outcome: bytes) -> None:
        self.rows[claim.scope, claim.key] = claim, outcome

    async def release(self, claim: Claim, now: datetime) -> None:
        self.rows[claim.scope, claim.key] = replace(claim, lease_ends_at=now), None

    async def prune(self, expired_before: datetime) -> None:
        self.pruned.append(expired_before)
