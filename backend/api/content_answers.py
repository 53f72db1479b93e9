"""What the content tools and insights answer, for the OpenAPI document; as ``answers``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Cost = Annotated[
    float | None,
    Field(description="US dollars of the answers whose price is known; null where none is."),
]


class _Made(BaseModel):
    failed: list[int] = Field(description="Indexes of texts that came back as they were.")
    degraded: str | None = Field(description="Why some came back as they were, or null.")


class TranslationOut(_Made):
    """The translated text."""

    translation: str


class TranslationsOut(_Made):
    """The translated texts, as many as were sent, in their order."""

    translations: list[str]


class ContentOut(_Made):
    """The text on the level asked for."""

    content: str


class ContentsOut(_Made):
    """The texts on the level asked for, as many as were sent, in their order."""

    contents: list[str]


class DayOut(BaseModel):
    """Sums of a day, UTC, and milliseconds within which half, and 19 in 20, of it were answered."""

    day: str
    questions: int
    answered: int
    refused: int
    degraded: int
    tokens: int
    cost_usd: Cost
    p50_ms: float
    p95_ms: float


class LatencyOut(BaseModel):
    """Milliseconds from question to finished answer, of the newest `answers`."""

    answers: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class QuestionGroupOut(BaseModel):
    """Questions that ask for the same thing."""

    question: str
    count: int
    last_asked_at: str
    reasons: dict[str, int] = Field(
        description="How often `refused`, `low_confidence` or `thumbs_down`."
    )
    examples: list[str] = Field(description="Other wordings.")


class CommentOut(BaseModel):
    """A rating with the reader's words."""

    message_id: str
    rating: Literal["up", "down"]
    comment: str
    question: str
    rated_at: str


class RatingsOut(BaseModel):
    """How readers judged answers."""

    up: int
    down: int
    comments: list[CommentOut]


class InsightsOut(BaseModel):
    """What readers ask and what the book lacks."""

    generated_at: str
    since: str
    retention_days: int
    questions: int
    answered: int
    refused: int
    degraded: int
    tokens: int
    cost_usd: Cost
    days: list[DayOut]
    latency_ms: LatencyOut
    top_questions: list[QuestionGroupOut]
    gaps: list[QuestionGroupOut]
    feedback: RatingsOut
