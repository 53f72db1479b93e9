"""Questions, and answers with their citations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from backend.domain.book import Hit


class Mode(StrEnum):
    """How an answer came about."""

    GENERATED = "generated"
    EXTRACTIVE = "extractive"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation; ``role`` is ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``user_id`` None is an anonymous caller; ``address`` the client's, normalised.

    ``unidentified``: anonymous only because a credential could not be judged just now.
    """

    user_id: str | None = None
    address: str = ""
    is_admin: bool = False
    unidentified: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A reader's question with what surrounds it."""

    text: str
    selected_text: str = ""
    page_url: str = ""
    language: str = ""
    level: str = ""
    session_id: str | None = None
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A numbered proof: ``quote`` stands verbatim in ``source``; ``url`` leads to its heading."""

    n: int
    title: str
    heading_path: tuple[str, ...]
    url: str
    source: str
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; zero where no model was asked.

    ``cost_usd`` is what they cost by the list price; None where the price is unknown.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None

    @property
    def total_tokens(self) -> int:
        """Sum of both directions."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        """Both together; what has no tokens costs nothing."""
        costs = [usage.cost_usd for usage in (self, other) if usage.total_tokens]
        known = [cost for cost in costs if cost is not None]
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            sum(known, 0.0) if len(known) == len(costs) else None,
        )


@dataclass(frozen=True, slots=True)
class Trace:
    """Why the answer is what it is: for the maintainer's eyes, never for REST callers."""

    candidates: tuple[Hit, ...] = ()
    dropped: Sequence[Hit] = ()
    threshold: float = 0.0
    confidence: float = 0.0
    prompt: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. ``degraded`` says in a sentence why it is less than it could be.

    ``saved``: question and answer are in the caller's history.
    """

    text: str
    mode: Mode
    citations: tuple[Citation, ...]
    session_id: str
    message_id: str
    degraded: str | None = None
    usage: Usage = Usage()
    timings_ms: dict[str, float] = field(default_factory=dict)
    trace: Trace | None = None
    saved: bool = False


@dataclass(frozen=True, slots=True)
class SourcesEvent:
    """First event of an answer: the citations known before the first token."""

    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """A piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """Last event of an answer that ended well."""

    answer: Answer


AnswerEvent = SourcesEvent | TokenEvent | DoneEvent


@dataclass(frozen=True, slots=True)
class ChatDelta:
    """A piece of a chat model's stream: text, or the closing ``finish_reason`` with usage.

    A whole answer is all of it at once.
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
