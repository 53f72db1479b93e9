"""An answer while it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter

from backend.domain import ChatDelta, Citation, Mode, Question, Retrieved, Usage
from backend.errors import UpstreamMalformed
from backend.metrics import ANSWERS, COST, DEGRADED, STEP_SECONDS, TOKENS

MAX_ANSWER_CHARS = 10_000
"""Far beyond what an answer may have: a server that ignores its limit cannot fill our memory."""
TRUNCATED = "The answer was cut at the model's length limit."


@dataclass(slots=True)
class Draft:
    """What is known of an answer while it is made; ``notes`` say why it is less than it could be.

    ``started`` is a moment of ``perf_counter``; ``timings`` are milliseconds per step.
    """

    question: Question
    session_id: str
    retrieved: Retrieved
    started: float
    mode: Mode = Mode.EXTRACTIVE
    text: str = ""
    citations: tuple[Citation, ...] = ()
    notes: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    spent: Usage = field(default_factory=Usage)
    timings: dict[str, float] = field(default_factory=dict)
    prompt: tuple[dict[str, str], ...] = ()

    def take(self, delta: ChatDelta) -> None:
        """Add a piece of the model's stream.

        Raises:
            UpstreamMalformed: the model does not stop.
        """
        self.text += delta.text
        if len(self.text) > MAX_ANSWER_CHARS:
            raise UpstreamMalformed("openai", "The model did not stop; its answer is cut.")
        if delta.usage is not None:
            self.usage = delta.usage
        if delta.finish_reason == "length":
            DEGRADED.add("truncated", "length")
            self.notes.append(TRUNCATED)

    def count(self) -> None:
        """Count the finished answer in the metrics."""
        count_timings(self.mode, self.timings)
        TOKENS.add("prompt", amount=self.usage.prompt_tokens)
        TOKENS.add("completion", amount=self.usage.completion_tokens)
        COST.add(amount=(self.usage + self.spent).cost_usd or 0.0)


def count_timings(mode: Mode, timings: Mapping[str, float]) -> None:
    """Count an answer and its steps, in milliseconds, in the metrics."""
    ANSWERS.add(mode.value)
    for step, milliseconds in timings.items():
        STEP_SECONDS.observe(step, milliseconds / 1000)


def ms_since(start: float) -> float:
    """Milliseconds since a moment of ``perf_counter``."""
    return round((perf_counter() - start) * 1000, 2)
