"""Requests that may be sent twice: an ``Idempotency-Key`` makes the second one a repetition.

A key belongs to one caller (the account, or the address of an anonymous one) and to one request.
Its outcome is kept for a day in the database, so a repetition may reach another replica.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from backend.clock import utc_now
from backend.conversation_ports import Claim, Earlier, ReplayStore
from backend.domain import Principal
from backend.errors import AppError, Conflict, Invalid
from backend.services.time_limits import within

log = logging.getLogger(__name__)

MAX_KEY_CHARS = 255
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=120)
"""Longer than any answer takes: what a killed process has begun is free again after it."""
PRUNE_EVERY = timedelta(minutes=10)
CLAIM_S = 5.0
RETRY_S = 2.0


class Replays:
    """Finds out whether a request is the first of its key.

    Args:
        store: Where the outcomes are.
        clock: The current time in UTC.
    """

    def __init__(self, store: ReplayStore, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._prune_at: datetime | None = None

    async def begin(
        self, asker: Principal, key: str, operation: str, request: Mapping[str, Any]
    ) -> Claim | bytes:
        """The claim to carry the request out, or the outcome that it has had already.

        Raises:
            Conflict: The same request is being carried out just now.
            Invalid: The key is too long, or was used for another request.
            UpstreamError: The database is away, so nobody knows.
        """
        if not 0 < len(key) <= MAX_KEY_CHARS:
            raise _invalid(f"must have 1 to {MAX_KEY_CHARS} characters, and has {len(key)}")
        now = self._clock()
        who = f"user:{asker.user_id}" if asker.user_id else f"address:{asker.address}"
        wanted = Claim(
            scope=_digest(who),
            key=_digest(key),
            fingerprint=_digest(
                orjson.dumps([operation, dict(request)], option=orjson.OPT_SORT_KEYS)
            ),
            holder=str(uuid4()),
            user_id=asker.user_id,
            made_at=now,
            lease_ends_at=now + LEASE,
        )
        with within(CLAIM_S):
            found = await self._store.claim(wanted, now - KEPT)
            await self._prune(now)
        return found if isinstance(found, Claim) else _outcome(found, wanted, now)

    async def settle(self, claim: Claim, outcome: bytes) -> None:
        """Keep the outcome of a request that stored nothing else. Raises UpstreamError."""
        await self._store.settle(claim, outcome)

    async def release(self, claim: Claim) -> None:
        """Let a retry carry the request out, because this attempt came to nothing."""
        try:
            await self._store.release(claim, self._clock())
        except AppError as error:
            log.warning("a key stays taken for a while", extra={"code": error.code})

    @staticmethod
    def id_of(claim: Claim, name: str) -> str:
        """An id that every attempt at the same request gives to the same thing."""
        return str(uuid5(NAMESPACE_URL, f"{claim.scope}|{claim.key}|{claim.made_at}|{name}"))

    async def _prune(self, now: datetime) -> None:
        if self._prune_at is not None and now < self._prune_at:
            return
        self._prune_at = now + PRUNE_EVERY
        try:
            await self._store.prune(now - KEPT)
        except AppError as error:
            log.warning("old keys are not forgotten yet", extra={"code": error.code})


def _outcome(found: Earlier, wanted: Claim, now: datetime) -> bytes:
    if found.fingerprint != wanted.fingerprint:
        raise _invalid("was used for another request; send a new key with it")
    if found.outcome is not None:
        return found.outcome
    left_s = math.ceil((found.lease_ends_at - now).total_seconds())
    raise Conflict(
        "The same request is being answered already; ask again with the same key in a moment.",
        retry_after_s=max(1.0, min(RETRY_S, left_s)),
    )


def _invalid(problem: str) -> Invalid:
    sentence = f"The header Idempotency-Key {problem}."
    error = {"field": "Idempotency-Key", "code": "idempotency_key", "message": sentence}
    return Invalid(sentence, errors=[error])


def _digest(value: str | bytes) -> str:
    return sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()
