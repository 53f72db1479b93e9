"""Opening what the service needs, however long it is away: the service itself is up meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

from backend.domain import IndexInfo
from backend.errors import AppError
from backend.ports import ChunkIndex
from backend.services.diagnostics import Diagnostics
from backend.services.ingestion import Ingestion

if TYPE_CHECKING:
    from backend.adapters.sql.engine import Database
    from backend.resilience import Guard

log = logging.getLogger(__name__)

MIGRATION_S = 60.0
RETRY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses before what an outage prevented is tried again; the last one repeats."""


async def open_patiently(index: ChunkIndex, *, failed: Callable[[], None]) -> IndexInfo:
    """Open the index; ``failed`` is called after every attempt that did not succeed."""
    for attempt in count():
        try:
            info = await index.open()
        except AppError as error:
            log.warning("the index cannot be opened", extra={"code": error.code})
            failed()
            await _pause(attempt)
        else:
            break
    facts = {"engine": info.engine, "points": info.points, "legacy": info.legacy}
    log.info("index open", extra=facts)
    return info


async def ingest_patiently(
    ingestion: Ingestion, *, may_replace: bool, ended: Callable[[], None]
) -> None:
    """Bring the index in line with the docs, again after an outage; ``ended`` as each job ends."""
    for attempt in count():
        job = await ingestion.run(lambda job: None, may_replace=may_replace)
        ended()
        if not job.retryable:
            return
        await _pause(attempt)


async def prepare_patiently(database: Database, guard: Guard) -> None:
    """Bring the schema up to date."""
    for attempt in count():
        try:
            await guard.call(database.prepare, timeout_s=MIGRATION_S)
        except AppError as error:
            log.warning("the schema cannot be looked at", extra={"code": error.code})
            await _pause(attempt)
        else:
            break
    if problem := database.problem:
        log.warning("the schema is not ours", extra={"problem": problem})


async def log_upstreams(diagnostics: Diagnostics) -> None:
    """Say how every part is."""
    for row in (await diagnostics.report(probe=True)).upstreams:
        level = logging.WARNING if row.status in ("down", "degraded") else logging.INFO
        extra = {"part": row.name, "status": row.status, "mode": row.mode}
        if row.problem:
            extra["problem"] = row.problem
        log.log(level, "upstream", extra=extra)


async def _pause(attempt: int) -> None:
    await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
