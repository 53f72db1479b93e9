"""The calls to the model that a text needs, with the check of each reply and one more try."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from backend.errors import AppError, NotConfigured, UpstreamError
from backend.metrics import TOKENS
from backend.ports import ChatModel
from backend.text.masking import DamagedError, Unit, accept
from backend.text.rewriting_prompts import build_rewrite, is_in_script, read_rewrite

log = logging.getLogger(__name__)

MAX_CALL_CHARS = 2_000
MAX_CALL_LINES = 30
"""What goes into one call, if it is not a single paragraph: longer replies come late and drift."""
MAX_TOKENS = 8_000
ATTEMPTS = 2

Spend = Callable[[int], Awaitable[None]]


async def no_spending(tokens: int) -> None:
    """Books nothing."""


@dataclass(frozen=True, slots=True)
class Task:
    """``kind`` is ``translate`` or a level; ``target`` the language of a translation."""

    kind: str
    target: str


class Refused(Exception):
    """The model's replies could not be used."""


class Writer:
    """Has units rewritten.

    Args:
        models: In the order in which they are asked.
        room: Held during each call.
    """

    def __init__(self, models: Sequence[ChatModel], room: asyncio.Semaphore) -> None:
        self._models = tuple(models)
        self._room = room

    async def write(
        self, units: Sequence[Unit], task: Task, spend: Spend
    ) -> tuple[list[str], ChatModel]:
        """The new text of each unit, and the last of the models that had to be asked.

        Raises:
            UpstreamError: Every model is away.
            Refused: A reply and its repetition could not be used.
        """
        try:
            async with asyncio.TaskGroup() as group:
                parts = [group.create_task(self._part(part, task, spend)) for part in _parts(units)]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        results = [part.result() for part in parts]
        used = max(rank for _, rank in results)
        return [line for lines, _ in results for line in lines], self._models[used]

    async def _part(self, units: Sequence[Unit], task: Task, spend: Spend) -> tuple[list[str], int]:
        failure: AppError | None = None
        for rank, model in enumerate(self._models):
            try:
                return await self._checked(model, units, task, spend), rank
            except (UpstreamError, NotConfigured) as error:
                log.warning("a model failed", extra={"model": model.name, "code": error.code})
                failure = failure or error
        assert failure is not None
        raise failure

    async def _checked(
        self, model: ChatModel, units: Sequence[Unit], task: Task, spend: Spend
    ) -> list[str]:
        complaint = ""
        for _ in range(ATTEMPTS):
            messages = build_rewrite(task.kind, task.target, units, complaint=complaint)
            try:
                async with self._room:
                    reply = await _reply(model, messages, _room_for(units), spend)
                return _read(reply, units, task)
            except DamagedError as error:
                complaint = str(error)
        raise Refused(complaint)


def _read(reply: str, units: Sequence[Unit], task: Task) -> list[str]:
    """The units' new texts. Raises DamagedError."""
    lines = read_rewrite(reply, len(units))
    if lines is None:
        raise DamagedError(f"it did not have exactly {len(units)} lines")
    made = [accept(unit, line) for unit, line in zip(units, lines, strict=True)]
    if task.kind == "translate":
        original = "\n".join(unit.shown for unit in units)
        if not is_in_script(task.target, original, "\n".join(lines)):
            raise DamagedError(f"it was not written in {task.target}")
    return made


async def _reply(
    model: ChatModel, messages: list[dict[str, str]], max_tokens: int, spend: Spend
) -> str:
    pieces: list[str] = []
    finish: str | None = None
    async with aclosing(model.stream(messages, max_tokens=max_tokens)) as stream:
        async for delta in stream:
            pieces.append(delta.text)
            finish = delta.finish_reason or finish
            if delta.usage is not None:
                TOKENS.add("prompt", amount=delta.usage.prompt_tokens)
                TOKENS.add("completion", amount=delta.usage.completion_tokens)
                await spend(delta.usage.total_tokens)
    if finish == "length":
        raise DamagedError("it was too long")
    return "".join(pieces)


def _room_for(units: Sequence[Unit]) -> int:
    """Tokens for the reply: languages that tokenizers know badly need one for each character."""
    return min(MAX_TOKENS, 300 + sum(len(unit.shown) for unit in units) * 3 // 2)


def _parts(units: Sequence[Unit]) -> Iterator[list[Unit]]:
    part: list[Unit] = []
    size = 0
    for unit in units:
        if part and (size + len(unit.shown) > MAX_CALL_CHARS or len(part) == MAX_CALL_LINES):
            yield part
            part, size = [], 0
        part.append(unit)
        size += len(unit.shown)
    if part:
        yield part
