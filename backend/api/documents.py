"""Changing what the index knows: uploading documents, embedding one again."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import Response

from backend.api import examples
from backend.api.deps import ReadyAdmin, container_of
from backend.api.docs import SECURITY, answer, errors
from backend.api.errors import RequestTimeout, json_response
from backend.errors import Invalid, UnsupportedMedia
from backend.services.uploads import MAX_UPLOAD_BYTES, Upload

router = APIRouter(tags=["Knowledge"], default_response_class=Response)

MAX_PARTS = 100
UPLOAD_TIMEOUT_S = 120.0
UPLOAD_LIMITS = {("POST", "/api/documents"): MAX_UPLOAD_BYTES + 64 * 1024}
"""Bytes of the whole body, the boundaries between its parts included."""
_STARTED = answer("JobStarted", {"job_id": examples.JOB["job_id"]}, "The job runs.")
_FILES = {
    "type": "array",
    "description": "Documents (.md, .mdx) or archives of them (.zip).",
    "items": {"type": "string", "format": "binary"},
}
_FORM = {"type": "object", "required": ["file"], "properties": {"file": _FILES}}
_BODY = {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}


@router.post(
    "/api/documents",
    status_code=202,
    summary="Upload documents",
    responses={
        **errors(400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503),
        202: answer("DocumentsStored", examples.DOCUMENTS_STORED, "They are being ingested."),
    },
    openapi_extra={"security": SECURITY, "requestBody": _BODY},
)
async def upload(admin: ReadyAdmin, request: Request) -> Response:
    """Store documents beside the book's own and ingest them.

    Takes .md and .mdx files and .zip archives of them, 20 MiB together; one of the same path is
    replaced. Their paths begin with `uploads/`. Files of other kinds in an archive are `skipped`.
    """
    container = container_of(request)
    uploads = await _uploads(request)
    stored = await asyncio.to_thread(container.uploads.add, uploads)
    job = await container.ingestion.start_anew()
    body = {"documents": stored.sources, "skipped": stored.skipped, "job_id": job.job_id}
    return json_response(body, 202, {"location": f"/ingest/{job.job_id}"})


@router.post(
    "/api/documents/{document_id}/reindex",
    status_code=202,
    summary="Embed a document again",
    responses={**errors(401, 403, 404, 429, 500, 503), 202: _STARTED},
    openapi_extra={"security": SECURITY},
)
async def reindex(document_id: str, admin: ReadyAdmin, request: Request) -> Response:
    """Chunk and embed a document again though its file has not changed."""
    job = await container_of(request).ingestion.start_anew(document_id)
    return json_response({"job_id": job.job_id}, 202, {"location": f"/ingest/{job.job_id}"})


async def _uploads(request: Request) -> list[Upload]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise UnsupportedMedia("Send the documents as multipart/form-data, in fields named file.")
    try:
        async with asyncio.timeout(UPLOAD_TIMEOUT_S):
            form = await request.form(max_files=MAX_PARTS, max_fields=MAX_PARTS)
    except TimeoutError:
        raise RequestTimeout(
            f"The upload did not arrive within {UPLOAD_TIMEOUT_S:.0f} s; send fewer files."
        ) from None
    try:
        return await _files(form)
    finally:
        await form.close()


async def _files(form: FormData) -> list[Upload]:
    files = [value for value in form.getlist("file") if isinstance(value, UploadFile)]
    found = [Upload(file.filename or "", await file.read()) for file in files if file.filename]
    if not found:
        raise Invalid("There is no file in the upload: send it in a field named file.")
    return found
