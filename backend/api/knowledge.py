"""What the index knows: ingesting the book, following that, listing and deleting documents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from backend.api import examples
from backend.api.deps import ReadyAdmin, container_of, drain_of
from backend.api.docs import SECURITY, answer, errors, event_stream
from backend.api.errors import json_response
from backend.api.schemas import MAX_LIMIT
from backend.api.sse import EventStream, error_event, event
from backend.api.views import document_view, job_view
from backend.domain import IngestJob, JobState
from backend.errors import AppError

router = APIRouter(tags=["Knowledge"], default_response_class=Response)

_ERRORS = errors(401, 403, 429, 500, 503)
_ERRORS_404 = errors(401, 403, 404, 429, 500, 503)
_STARTED = answer("JobStarted", {"job_id": examples.JOB["job_id"]}, "The job runs.")
_FOLLOWED = event_stream(
    "Progress as it is made.", ("progress", "done", "error"), examples.JOB_STREAM
)
_ADMIN = {"security": SECURITY}
_REBUILD = (
    "Write everything into a new index beside the one that answers, which it replaces when it is "
    "complete. After a failure or a cancellation the old one stays."
)


@router.post(
    "/ingest",
    status_code=202,
    summary="Ingest the book",
    responses={**errors(401, 403, 422, 429, 500, 503), 202: _STARTED},
    openapi_extra=_ADMIN,
)
async def ingest(
    admin: ReadyAdmin,
    request: Request,
    rebuild: Annotated[bool, Query(description=_REBUILD)] = False,
) -> Response:
    """Bring the index in line with the book's files. While a job runs, the answer names it."""
    ingestion = container_of(request).ingestion
    job = await (ingestion.start_anew(everything=True) if rebuild else ingestion.start())
    return json_response({"job_id": job.job_id}, 202, {"location": f"/ingest/{job.job_id}"})


@router.get(
    "/ingest/{job_id}",
    summary="Follow an ingestion",
    responses={**_ERRORS_404, 200: answer("JobOut", examples.JOB)},
    openapi_extra=_ADMIN,
)
async def ingest_status(job_id: str, admin: ReadyAdmin, request: Request) -> Response:
    """Say how far a job is. Jobs are known since the service started."""
    return json_response(job_view(container_of(request).ingestion.job(job_id)))


@router.get(
    "/ingest/{job_id}/events",
    summary="Follow an ingestion, streamed",
    responses={**_ERRORS_404, 200: _FOLLOWED},
    openapi_extra=_ADMIN,
)
async def ingest_events(job_id: str, admin: ReadyAdmin, request: Request) -> Response:
    """Send `progress` for each change, then exactly one `done` or `error`."""
    container_of(request).ingestion.job(job_id)  # an unknown one is a 404, not a stream
    return EventStream(_progress(request, job_id))


@router.get(
    "/api/documents",
    summary="List the documents",
    responses={
        **errors(401, 403, 422, 429, 500, 503),
        200: answer("DocumentList", examples.DOCUMENT_LIST),
    },
    openapi_extra=_ADMIN,
)
async def documents(
    admin: ReadyAdmin,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="At most so many.")] = MAX_LIMIT,
    offset: Annotated[int, Query(ge=0, le=10**9, description="Leave out so many.")] = 0,
) -> Response:
    """List the source files that the index holds."""
    records = await container_of(request).ingestion.documents()
    page = [document_view(record) for record in records[offset : offset + limit]]
    return json_response({"documents": page, "total": len(records)})


@router.delete(
    "/api/documents/{document_id}",
    summary="Delete a document",
    responses={**_ERRORS_404, 200: answer("DocumentDeleted", examples.DOCUMENT_DELETED)},
    openapi_extra=_ADMIN,
)
async def delete_document(document_id: str, admin: ReadyAdmin, request: Request) -> Response:
    """Delete a document from the index. The next ingestion brings it back while its file exists."""
    deleted = await container_of(request).ingestion.delete(document_id)
    return json_response({"id": document_id, "deleted": deleted})


async def _progress(request: Request, job_id: str) -> AsyncGenerator[bytes, None]:
    with drain_of(request).running(patient=False):
        async with aclosing(container_of(request).ingestion.events(job_id)) as jobs:
            async for job in jobs:
                yield _job_event(job)


def _job_event(job: IngestJob) -> bytes:
    if job.state is JobState.RUNNING:
        return event("progress", job_view(job))
    if job.state is JobState.FAILED:
        reason = job.errors[-1].reason if job.errors else "The ingestion failed."
        failure = AppError(reason, code="ingest_failed")
        failure.retryable = True
        return error_event(failure)
    return event("done", job_view(job))
