"""The values that travel between the parts: frozen, without behaviour that does I/O.

Units: scores are floats, larger is better; durations are milliseconds in ``*_ms`` and seconds in
``*_s``; times are timezone-aware UTC datetimes; lines are 1-based and inclusive.
"""

from backend.domain.answers import (
    Answer,
    AnswerEvent,
    ChatDelta,
    Citation,
    DoneEvent,
    Mode,
    Principal,
    Question,
    SourcesEvent,
    TokenEvent,
    Trace,
    Turn,
    Usage,
)
from backend.domain.book import (
    Chunk,
    DocumentRecord,
    DocumentWrite,
    Hit,
    IndexInfo,
    IndexPoint,
    Retrieved,
    ScoredChunk,
    SearchQuery,
    SearchResult,
    SourceFile,
    SparseVector,
    UnreadableFile,
    Vocabulary,
)
from backend.domain.operations import Check, CircuitChange, IngestJob, JobState, Status

__all__ = [
    "Answer",
    "AnswerEvent",
    "ChatDelta",
    "Check",
    "Chunk",
    "CircuitChange",
    "Citation",
    "DocumentRecord",
    "DocumentWrite",
    "DoneEvent",
    "Hit",
    "IndexInfo",
    "IndexPoint",
    "IngestJob",
    "JobState",
    "Mode",
    "Principal",
    "Question",
    "Retrieved",
    "ScoredChunk",
    "SearchQuery",
    "SearchResult",
    "SourceFile",
    "SourcesEvent",
    "SparseVector",
    "Status",
    "TokenEvent",
    "Trace",
    "Turn",
    "UnreadableFile",
    "Usage",
    "Vocabulary",
]
