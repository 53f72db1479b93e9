"""Translates texts and puts them on a reader's level, with everything but words left as it is.

A text is taken apart (:mod:`backend.text.masking`), its words go to the model, and what comes back
is checked and put together again. A reply that cannot be used is asked for once more; then the text
counts as failed and comes back as it was. Finished texts are kept in a cache that may be away.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from backend.clock import utc_now
from backend.content_ports import RewriteCache
from backend.errors import AppError, NotConfigured
from backend.metrics import TEXTS
from backend.ports import ChatModel
from backend.resilience import Deadline, current_deadline
from backend.services.rewriting_calls import Refused, Spend, Task, Writer, no_spending
from backend.text.glossary import DEFAULT_TERMS
from backend.text.mask_spans import compile_spans
from backend.text.masking import mask
from backend.text.rewriting_prompts import VERSION

log = logging.getLogger(__name__)

T = TypeVar("T")

CONCURRENT_CALLS = 8
"""Calls to the model that run at once in this process; the others wait."""
DEADLINE_S = 60.0
CACHE_WAIT_S = 2.0
"""A cache that takes longer is not worth waiting for."""
UNCHANGED_LEVELS = frozenset({"advanced", "pro"})
"""The book is written for these readers."""
BROKEN = "Some texts came back as they were: the model's replies damaged code, links or markup."
LATE = "Some texts came back as they were: the model did not finish them in time."


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Texts in the order asked for.

    ``failed`` are the indexes, ascending, of those that came back as they were though they should
    not have; ``degraded`` says in a sentence why.
    """

    texts: tuple[str, ...]
    failed: tuple[int, ...] = ()
    degraded: str | None = None


class Rewriting:
    """Translates and levels texts.

    Args:
        models: Chat models in the order in which they are asked; the next one where the one before
            is away. Empty: every call that needs one raises NotConfigured.
        cache: Where finished texts are kept.
        terms: The book's own terms that stay in English, beside the built-in ones.
        concurrency: How many calls to the models run at once.
        deadline_s: When a request gives up on texts that are not finished.
        now: The current time.
    """

    def __init__(
        self,
        models: Sequence[ChatModel],
        cache: RewriteCache,
        *,
        terms: Sequence[str] = (),
        concurrency: int = CONCURRENT_CALLS,
        deadline_s: float = DEADLINE_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._models = tuple(models)
        self._cache = cache
        self._deadline_s = deadline_s
        self._now = now
        self._writer = Writer(self._models, asyncio.Semaphore(concurrency))
        glossary = (*DEFAULT_TERMS, *terms)
        # names stay in English, but a rewritten English sentence may repeat or drop them
        self._patterns = {True: compile_spans(glossary), False: compile_spans()}
        self._edition = _digest(VERSION, *sorted(set(glossary)))
        self._running: dict[str, asyncio.Task[str]] = {}

    async def translate(
        self, texts: Sequence[str], language: str, *, spend: Spend = no_spending
    ) -> Rewritten:
        """Translate texts into a language, by name or code.

        Args:
            texts: What is to be translated.
            language: The target language.
            spend: Told of the tokens of each call.

        Raises:
            NotConfigured: There is no chat model.
        """
        return await self._rewrite(texts, Task("translate", " ".join(language.split())), spend)

    async def adjust(
        self, texts: Sequence[str], level: str, *, spend: Spend = no_spending
    ) -> Rewritten:
        """Put texts on a level; ``advanced`` and ``pro`` return them as they are.

        Args:
            texts: What is to be put on the level.
            level: ``beginner``, ``intermediate``, ``advanced`` or ``pro``.
            spend: Told of the tokens of each call.

        Raises:
            NotConfigured: There is no chat model.
        """
        if level in UNCHANGED_LEVELS:
            return Rewritten(tuple(texts))
        return await self._rewrite(texts, Task(level, ""), spend)

    async def aclose(self) -> None:
        """Stop what still runs for readers that have gone."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _rewrite(self, texts: Sequence[str], task: Task, spend: Spend) -> Rewritten:
        if not self._models:
            raise NotConfigured(
                "Translating and adjusting texts needs a chat model; set OPENAI_API_KEY."
            )
        current_deadline.set(Deadline.after(self._deadline_s))
        keys = {text: self._key(text, task, self._models[0]) for text in texts if text.strip()}
        known = await self._cached(
            [self._key(text, task, m) for text in keys for m in self._models]
        )
        waiting: dict[str, asyncio.Task[str]] = {}
        done: dict[str, str] = {}
        for text, key in keys.items():
            found = (known.get(self._key(text, task, model)) for model in self._models)
            ready = next((item for item in found if item is not None), None)
            if ready is None:
                waiting[text] = self._start(key, text, task, spend)
            else:
                done[text] = ready
        if waiting:
            await asyncio.wait(waiting.values(), timeout=self._deadline_s)
        rewritten = _collect(texts, done, waiting)
        TEXTS.add("cached", amount=sum(text in done for text in texts))
        TEXTS.add("made", amount=sum(text in waiting for text in texts) - len(rewritten.failed))
        TEXTS.add("failed", amount=len(rewritten.failed))
        return rewritten

    def _start(self, key: str, text: str, task: Task, spend: Spend) -> asyncio.Task[str]:
        """The running work on a text: readers of the same page wait for the same reply."""
        running = self._running.get(key)
        if running is None:
            running = asyncio.create_task(self._make(text, task, spend), name="rewrite")
            self._running[key] = running
            running.add_done_callback(lambda done: self._forget(key, done))
        return running

    def _forget(self, key: str, done: asyncio.Task[str]) -> None:
        self._running.pop(key, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            expected = isinstance(error, AppError | Refused)
            log.log(
                logging.WARNING if expected else logging.ERROR,
                "a text was not rewritten",
                extra={"reason": str(error) if expected else "fault"},
                exc_info=None if expected else error,
            )

    async def _make(self, text: str, task: Task, spend: Spend) -> str:
        masked = mask(text, self._patterns[task.kind == "translate"])
        if not masked.units:
            return text
        lines, model = await self._writer.write(masked.units, task, spend)
        made = masked.restore(lines)
        await self._keep({self._key(text, task, model): made})
        return made

    async def _cached(self, keys: Sequence[str]) -> Mapping[str, str]:
        if not keys:
            return {}
        return await self._quietly(self._cache.get(keys)) or {}

    async def _keep(self, texts: Mapping[str, str]) -> None:
        await self._quietly(self._cache.put(texts, self._now()))

    async def _quietly(self, call: Awaitable[T]) -> T | None:
        """The cache's answer, or None where it is away: it only saves work."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CACHE_WAIT_S):
                try:
                    return await call
                except AppError as error:
                    log.warning("the cache of texts is away", extra={"code": error.code})
        return None

    def _key(self, text: str, task: Task, model: ChatModel) -> str:
        return _digest(self._edition, task.kind, task.target.casefold(), model.name, text)


def _collect(
    texts: Sequence[str], done: Mapping[str, str], waiting: Mapping[str, asyncio.Task[str]]
) -> Rewritten:
    """The texts in their order; originals where there is nothing better."""
    out: list[str] = []
    failed: list[int] = []
    reasons: list[str] = []
    for index, text in enumerate(texts):
        task = waiting.get(text)
        reason = _failure(task) if task else None
        if reason is not None:
            failed.append(index)
            reasons.append(reason)
        made = task.result() if task and reason is None else done.get(text, text)
        out.append(made)
    return Rewritten(tuple(out), tuple(failed), " ".join(dict.fromkeys(reasons)) or None)


def _failure(task: asyncio.Task[str]) -> str | None:
    """Why a text was not finished, in a sentence; None where it was."""
    if not task.done() or task.cancelled():
        return LATE
    error = task.exception()
    if error is None:
        return None
    return error.detail if isinstance(error, AppError) else BROKEN


def _digest(*parts: str) -> str:
    """SHA-256 in hex; no two lists of parts run into each other."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
