"""The book, its chunks and what is found of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from backend.domain.answers import Usage

UPLOADED = "uploads/"
"""How the path of a document begins that was uploaded and is not in the docs."""


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


Vector = Sequence[float]
"""A dense vector. What a model gives is an array of float32, 4 bytes a number."""


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
    dense: Vector | None = None


@dataclass(frozen=True, slots=True)
class PreparedFile:
    """A file in pieces: ``sparse[i]`` is the BM25 vector of ``chunks[i]``.

    ``words`` are the file's word forms with the number of its chunks that hold each.
    """

    title: str
    page: str
    content_hash: str
    chunks: tuple[Chunk, ...]
    sparse: tuple[SparseVector, ...]
    words: Mapping[str, int]


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
class Vocabulary:
    """Word forms of the live collection -> how many of its ``chunks`` chunks hold each."""

    forms: Mapping[str, int] = field(default_factory=dict)
    chunks: int = 0


@dataclass(frozen=True, slots=True)
class DocumentWrite:
    """What one document brings to the index.

    ``points`` are new or changed and carry vectors; ``moved`` chunks keep their vectors and only
    have their payload written anew (an edit above them shifts their lines); ``stale_ids`` go.
    ``words`` are the document's word forms with the number of its chunks that hold each.
    """

    record: DocumentRecord
    points: tuple[IndexPoint, ...]
    moved: tuple[Chunk, ...] = ()
    stale_ids: tuple[str, ...] = ()
    words: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One query for the engine: either vector may be absent."""

    sparse: SparseVector | None = None
    dense: Vector | None = None


class ScoredChunk:
    """A chunk with the engine's raw score of one vector (cosine, or BM25 with IDF).

    ``chunk`` may be made only when somebody looks at it, because few candidates are looked at.
    """

    __slots__ = ("_chunk", "_make", "id", "score")
    _chunk: Chunk | None
    _make: Callable[[], Chunk]

    def __init__(self, chunk: Chunk, score: float) -> None:
        self.id, self.score, self._chunk = chunk.id, score, chunk

    @classmethod
    def late(cls, id_: str, score: float, make: Callable[[], Chunk]) -> ScoredChunk:
        """One whose chunk ``make`` gives; what that raises, ``chunk`` raises."""
        self = cls.__new__(cls)
        self.id, self.score, self._chunk, self._make = id_, score, None, make
        return self

    @property
    def chunk(self) -> Chunk:
        """The chunk."""
        if self._chunk is None:
            self._chunk = self._make()
        return self._chunk


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
class Retrieved:
    """What retrieval found: ``hits`` pass the threshold, ``closest`` are the best regardless of it.

    ``dropped`` are the others, made when they are looked at. ``confidence`` is 0..1: how likely it
    is that the book treats the question at all. ``spent`` is what a model took that put the
    question into other words for the search.
    """

    hits: tuple[Hit, ...]
    closest: tuple[Hit, ...]
    dropped: Sequence[Hit] = ()
    confidence: float = 0.0
    threshold: float = 0.0
    degraded: str | None = None
    timings_ms: dict[str, float] = field(default_factory=dict)
    spent: Usage | None = None
