"""The values that travel between the parts: frozen, without behaviour that does I/O.

Units: scores are floats, larger is better; durations are milliseconds in ``*_ms`` and seconds in
``*_s``; times are timezone-aware UTC datetimes; lines are 1-based and inclusive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5


class Mode(StrEnum):
    """How an answer came about."""

    GENERATED = "generated"
    EXTRACTIVE = "extractive"
    REFUSED = "refused"


class Status(StrEnum):
    """State of a part or of a configuration variable, from best to worst."""

    OK = "ok"
    OFF = "off"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file under the docs root as it was read: ``path`` is POSIX and relative to that root."""

    path: str
    text: str
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class UnreadableFile:
    """A file that could not be read or decoded, with the reason in a sentence."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A contiguous piece of one section of a source file.

    ``text`` is verbatim: lines ``start_line`` to ``end_line`` of the file, joined by newlines.
    ``window`` is verbatim too: ``text`` grown inside its section to about 1,000 characters, which
    is what an answer reads.
    ``indexed_text`` is what the encoders see: the heading path and the text without markup that no
    reader would search for; ``content_hash`` is its SHA-256 in hex: what it decides is whether a
    chunk is embedded again. ``section`` numbers the sections of a file, so that neighbours of a
    chunk (``position`` +- 1 in the same section) can be found. ``page`` is the path of the page
    below the site's docs root, without leading slash ("" for the root page).
    """

    id: str
    source: str
    title: str
    heading_path: tuple[str, ...]
    anchor: str
    page: str
    section: int
    position: int
    start_line: int
    end_line: int
    text: str
    window: str
    indexed_text: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class SparseVector:
    """A sparse vector: ``indices`` are unsigned 32-bit and unique; same length as ``values``."""

    indices: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class IndexPoint:
    """A chunk with its vectors, ready to be written. ``dense`` is None in a sparse-only index."""

    chunk: Chunk
    sparse: SparseVector
    dense: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class DocumentWrite:
    """What one document brings to the index.

    ``points`` are new or changed and carry vectors; ``moved`` chunks keep their vectors and only
    have their payload written anew (an edit above them shifts their lines); ``stale_ids`` go.
    """

    record: DocumentRecord
    points: tuple[IndexPoint, ...]
    moved: tuple[Chunk, ...] = ()
    stale_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One query for the engine: either vector may be absent."""

    sparse: SparseVector | None = None
    dense: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A chunk with the engine's raw score of one vector (cosine, or BM25 with IDF)."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What the engine found for one query, best first; each list has its own scale."""

    dense: tuple[ScoredChunk, ...] = ()
    sparse: tuple[ScoredChunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a question. ``score`` is fused, 0..1; raw scores are for the trace."""

    chunk: Chunk
    score: float
    dense_score: float | None = None
    sparse_score: float | None = None


@dataclass(frozen=True, slots=True)
class DocumentRecord:
    """What the index knows about one source file.

    ``content_hash`` is that of the whole file, or "" while the file is only partly written.
    """

    source: str
    title: str
    page: str
    content_hash: str
    chunks: int
    updated_at: datetime

    @property
    def id(self) -> str:
        """A stable id that is safe in an address."""
        return str(uuid5(NAMESPACE_URL, self.source))


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """Facts about the index. ``fingerprint`` names model, dimensions and layout of what is live."""

    engine: str
    collection: str
    fingerprint: str
    points: int
    dimensions: int | None
    legacy: bool = False
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation; ``role`` is ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. ``user_id`` None is an anonymous caller; ``address`` the client's, normalised."""

    user_id: str | None = None
    address: str = ""
    is_admin: bool = False


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
    """Tokens as the provider counted them; zero where no model was asked."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Sum of both directions."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished answer. ``degraded`` says in a sentence why it is less than it could be."""

    text: str
    mode: Mode
    citations: tuple[Citation, ...]
    session_id: str
    message_id: str
    degraded: str | None = None
    usage: Usage = Usage()
    timings_ms: dict[str, float] = field(default_factory=dict)
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """Why the answer is what it is: for the maintainer's eyes, never for REST callers."""

    candidates: tuple[Hit, ...] = ()
    dropped: tuple[Hit, ...] = ()
    threshold: float = 0.0
    confidence: float = 0.0
    prompt: tuple[dict[str, str], ...] = ()


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
    """A piece of a chat model's stream: text, or the closing ``finish_reason`` with usage."""

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the diagnostics report. ``problem`` and ``fix`` are sentences; never a value."""

    name: str
    status: Status
    problem: str | None = None
    fix: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What retrieval found: ``hits`` pass the threshold, ``closest`` are the best regardless of it.

    ``confidence`` is 0..1: how likely it is that the book treats the question at all.
    """

    hits: tuple[Hit, ...]
    closest: tuple[Hit, ...]
    dropped: tuple[Hit, ...] = ()
    confidence: float = 0.0
    threshold: float = 0.0
    degraded: str | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)


class JobState(StrEnum):
    """Life of an ingestion job."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class IngestJob:
    """A snapshot of an ingestion.

    ``documents`` of ``documents_total`` files are finished; ``chunks`` counts all chunks of those
    files, ``embedded`` the chunks written anew, ``skipped`` the unchanged ones, ``deleted`` the
    stale ones that were removed. ``errors`` names files that were left out, or what ended the job.
    """

    job_id: str
    state: JobState
    documents: int = 0
    documents_total: int = 0
    chunks: int = 0
    embedded: int = 0
    skipped: int = 0
    deleted: int = 0
    errors: tuple[UnreadableFile, ...] = ()
    elapsed_s: float = 0.0
