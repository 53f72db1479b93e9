"""Background jobs of which one runs at a time, with snapshots that callers can follow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from time import perf_counter
from uuid import uuid4

from backend.domain import IngestJob, JobState, UnreadableFile
from backend.errors import AppError, NotFound

log = logging.getLogger(__name__)

KEPT_JOBS = 20


@dataclass(slots=True)
class Run:
    """The moving parts of one job; ``job`` is its newest snapshot.

    ``may_replace``: whether all documents of the index may be replaced by others. ``afresh`` names
    documents that are embedded again though they have not changed; ``rebuild`` asks for all of them
    in a new collection; ``repeat`` asks for one more round, because there is something that this
    one may have missed.
    """

    job: IngestJob
    may_replace: bool
    afresh: frozenset[str] = frozenset()
    rebuild: bool = False
    repeat: bool = False
    started: float = field(default_factory=perf_counter)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def update(self, **values: object) -> None:
        """Take a new snapshot and wake whoever follows."""
        elapsed = round(perf_counter() - self.started, 3)
        self.job = replace(self.job, elapsed_s=elapsed, **values)  # type: ignore[arg-type]
        self.changed.set()
        self.changed = asyncio.Event()


class Jobs:
    """Starts ``work`` at most once at a time and remembers the last runs.

    Args:
        work: Does the job, telling its progress to the run.
        subject: What a failure is about, for ``errors``.
    """

    def __init__(self, work: Callable[[Run], Awaitable[None]], *, subject: str) -> None:
        self._work = work
        self._subject = subject
        self._runs: dict[str, Run] = {}

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return any(run.job.state is JobState.RUNNING for run in self._runs.values())

    @property
    def last(self) -> IngestJob | None:
        """The newest job that has ended."""
        jobs = (run.job for run in reversed(self._runs.values()))
        return next((job for job in jobs if job.state is not JobState.RUNNING), None)

    @property
    def current(self) -> Run | None:
        """The run that is under way."""
        runs = (run for run in self._runs.values() if run.job.state is JobState.RUNNING)
        return next(runs, None)

    def start(
        self,
        *,
        may_replace: bool,
        afresh: frozenset[str] = frozenset(),
        rebuild: bool = False,
        repeat: bool = False,
    ) -> Run:
        """Start a job in the background; while one runs, return that one.

        With ``repeat`` the one that runs makes another round, for these ``afresh`` and the
        ``rebuild`` as well.
        """
        if (running := self.current) is not None:
            running.repeat |= repeat
            running.afresh |= afresh
            running.rebuild |= rebuild
            return running
        run = Run(IngestJob(str(uuid4()), JobState.RUNNING), may_replace, afresh, rebuild)
        self._runs[run.job.job_id] = run
        while len(self._runs) > KEPT_JOBS:
            del self._runs[next(iter(self._runs))]
        run.task = asyncio.create_task(self._supervise(run), name="ingestion")
        return run

    def find(self, job_id: str) -> Run:
        """The run with this id.

        Raises:
            NotFound: no such job since this process started.
        """
        try:
            return self._runs[job_id]
        except KeyError:
            raise NotFound(
                "There is no ingestion job with this id since the service started."
            ) from None

    async def follow(self, job_id: str) -> AsyncGenerator[IngestJob, None]:
        """A snapshot now and after each change; the last one is terminal."""
        run = self.find(job_id)
        while True:
            changed, job = run.changed, run.job
            yield job
            if job.state is not JobState.RUNNING:
                return
            await changed.wait()

    async def cancel(self, job_id: str) -> IngestJob:
        """Stop a job and wait until it has stopped."""
        run = self.find(job_id)
        if run.task is not None and not run.task.done():
            run.task.cancel()
            await asyncio.wait([run.task])
        return run.job

    async def aclose(self) -> None:
        """Cancel what runs."""
        for job_id in list(self._runs):
            await self.cancel(job_id)

    async def _supervise(self, run: Run) -> None:
        try:
            await self._work(run)
        except asyncio.CancelledError:
            run.update(state=JobState.CANCELLED)
            raise
        except AppError as error:
            self._fail(run, error.detail, retryable=error.retryable)
        except Exception:  # nobody awaits this task; the snapshot and the log tell
            log.exception("ingestion failed")
            self._fail(run, "The ingestion stopped unexpectedly; the log says why.")
        else:
            run.update(state=JobState.DONE)
        finally:
            job = run.job
            log.info(
                "ingestion ended",
                extra={
                    "state": job.state.value,
                    "documents": job.documents,
                    "chunks": job.chunks,
                    "embedded": job.embedded,
                    "deleted": job.deleted,
                    "unreadable": len(job.errors),
                    "elapsed_s": job.elapsed_s,
                },
            )

    def _fail(self, run: Run, reason: str, *, retryable: bool = False) -> None:
        errors = (*run.job.errors, UnreadableFile(self._subject, reason))
        run.update(state=JobState.FAILED, errors=errors, retryable=retryable)
