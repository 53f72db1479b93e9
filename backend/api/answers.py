"""What goes out, for the OpenAPI document.

The answers themselves are written by :mod:`backend.api.views`; a test holds them to these models.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel):
    """One field that does not fit."""

    field: str
    code: str
    message: str


class ErrorBody(BaseModel):
    """The body of every error."""

    detail: str = Field(description="One sentence that a person can act on.")
    code: str = Field(description="Stable, for programs.")
    request_id: str = Field(description="As in X-Request-ID and in the log.")


class InvalidBody(ErrorBody):
    """The body of a 422."""

    errors: list[FieldError] = Field(default=[], description="Every field that does not fit.")


class CitationOut(BaseModel):
    """A proof for what the answer says; cited in its text as `[n]`."""

    n: int
    title: str
    heading_path: list[str]
    url: str = Field(description="The page with the heading's anchor.")
    source: str = Field(description="Path of the file under the docs root.")
    quote: str = Field(description="Verbatim from the source.")
    score: float = Field(description="0 to 1, larger is better.")


class UsageOut(BaseModel):
    """Tokens as the provider counted them; 0 where no model was asked."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost_usd: float | None = Field(
        default=None, description="By list prices, in US dollars; null where they are unknown."
    )


class ChatAnswer(BaseModel):
    """A finished answer. `answer` and `citations` repeat `response` and `sources`."""

    response: str
    answer: str
    session_id: str
    message_id: str
    mode: Literal["generated", "extractive", "refused"]
    sources: list[CitationOut]
    citations: list[CitationOut]
    degraded: str | None = Field(description="Why the answer is less than it could be, or null.")
    saved: bool = Field(default=False, description="It is in the caller's history.")
    usage: UsageOut
    timings_ms: dict[str, float]


class HitOut(BaseModel):
    """A passage that an answer would be grounded on."""

    id: str
    text: str
    source: str
    title: str
    heading_path: list[str]
    url: str
    score: float
    dense_score: float | None
    sparse_score: float | None


class SearchAnswer(BaseModel):
    """What retrieval found, best first; empty when the book does not treat the question."""

    results: list[HitOut]
    confidence: float = Field(description="0 to 1: how likely the book treats the question.")
    degraded: str | None


class JobStarted(BaseModel):
    """The job that was started, or the one that is running already."""

    job_id: str


class FileError(BaseModel):
    """A file that was left out, and why."""

    path: str
    reason: str


class JobOut(BaseModel):
    """How far an ingestion is."""

    job_id: str
    state: Literal["running", "done", "failed", "cancelled"]
    documents: int = Field(description="Files finished.")
    documents_total: int
    chunks: int
    embedded: int = Field(description="Chunks written anew.")
    skipped: int = Field(description="Chunks that were unchanged.")
    deleted: int = Field(description="Stale chunks removed.")
    errors: list[FileError]
    elapsed_s: float


class DocumentOut(BaseModel):
    """A source file in the index."""

    id: str
    source: str
    title: str
    page: str
    chunks: int
    content_hash: str
    updated_at: str


class DocumentList(BaseModel):
    """One page of the documents, in order of source; `total` counts them all."""

    documents: list[DocumentOut]
    total: int


class DocumentDeleted(BaseModel):
    """How many chunks went with the document."""

    id: str
    deleted: int


class ServiceInfo(BaseModel):
    """What this is and where to go on."""

    status: Literal["online"]
    service: str
    version: str
    docs: str
    ui: str | None


class Health(BaseModel):
    """The process serves."""

    status: Literal["healthy"]


class ReadinessCheck(BaseModel):
    """State of one part."""

    name: str
    status: Literal["ok", "degraded", "down", "off"]
    mode: str | None
    latency_ms: float | None
    detail: str | None


class ReadinessOut(BaseModel):
    """State of the service and of its parts; `down` comes with status 503."""

    status: Literal["ok", "degraded", "down", "off"]
    checks: list[ReadinessCheck]


class CircuitOut(BaseModel):
    """State of the circuit breaker of one upstream."""

    state: Literal["closed", "open", "half_open"]
    failure_count: int
    failure_threshold: int
    retry_after_s: float | None
    last_failure_at: str | None
    last_error_kind: str | None


class Circuits(BaseModel):
    """One circuit per upstream."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CircuitOut]


class VariableOut(BaseModel):
    """A configuration variable; never its value."""

    name: str
    status: str
    required: bool
    secret: bool
    source: str | None
    used_for: str
    problem: str | None
    fix: str | None
    docs: str | None
    state: str


class StepOut(BaseModel):
    """A step on the way to a server: DNS, TCP, TLS."""

    name: str
    ok: bool
    ms: float
    sentence: str


class UpstreamOut(BaseModel):
    """A part of the service; `sentence` says what it runs on, `steps` how far a connection gets."""

    name: str
    status: str
    mode: str | None
    target: str | None
    latency_ms: float | None
    problem: str | None
    fix: str | None
    title: str
    sentence: str
    steps: list[StepOut]


class ConfigReport(BaseModel):
    """The diagnostics report."""

    status: str
    generated_at: str
    variables: list[VariableOut]
    upstreams: list[UpstreamOut]


class DocumentsStored(BaseModel):
    """What an upload became; `skipped` are files of an archive that are no documents."""

    documents: list[str]
    skipped: list[str]
    job_id: str
