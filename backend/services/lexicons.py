"""Keeps the book's vocabulary at hand, as the index has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from backend.errors import AppError
from backend.ports import ChunkIndex
from backend.text.lexicon import Lexicon

log = logging.getLogger(__name__)

KEEP_S = 300.0
"""After so long it is loaded again while questions go on: another replica may have ingested."""
RETRY_S = 10.0
WAIT_S = 0.4
"""How long a question waits for the words of a changed index."""


class Lexicons:
    """Loads the vocabulary at the first question, after an ingestion, and now and then.

    Args:
        index: Holds the words.
        clock: Monotonic seconds.
    """

    def __init__(self, index: ChunkIndex, *, clock: Callable[[], float] = monotonic) -> None:
        self._index = index
        self._clock = clock
        self._lexicon = Lexicon({}, 0)
        self._due = -1.0
        self._expired = True
        self._loading: asyncio.Task[None] | None = None

    def expire(self) -> None:
        """The index has changed: the next question waits for its new words."""
        self._expired = True

    async def current(self) -> Lexicon:
        """The vocabulary; an empty one where the index cannot tell it."""
        if self._loading is None and (self._expired or self._clock() >= self._due):
            self._loading = asyncio.create_task(self._load(), name="load-lexicon")
        if self._expired and self._loading is not None:
            # a question can do without; an index that hangs must not hold it up here as well
            await asyncio.wait([self._loading], timeout=WAIT_S)
        return self._lexicon

    async def _load(self) -> None:
        try:
            found = await self._index.vocabulary()
            self._lexicon = await asyncio.to_thread(Lexicon, found.forms, found.chunks)
            self._due = self._clock() + KEEP_S
        except AppError as error:
            log.warning("the vocabulary cannot be read", extra={"code": error.code})
            self._due = self._clock() + RETRY_S
        finally:
            self._expired = False
            self._loading = None
