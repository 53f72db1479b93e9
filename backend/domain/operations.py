"""The state of parts and of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from backend.domain.book import UnreadableFile


class Status(StrEnum):
    """State of a part or of a configuration variable, from best to worst."""

    OK = "ok"
    OFF = "off"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the diagnostics report. ``problem`` and ``fix`` are sentences; never a value."""

    name: str
    status: Status
    problem: str | None = None
    fix: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CircuitChange:
    """A change of a circuit's state: ``closed``, ``open`` or ``half_open``."""

    at: datetime
    name: str
    was: str
    now: str


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
    ``retryable``: an outage ended it, so the same job may succeed later.
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
    retryable: bool = False
