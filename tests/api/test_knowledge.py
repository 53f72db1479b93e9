from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from backend.domain import JobState, UnreadableFile
from backend.errors import Starting
from tests.api.fakes import RECORD
from tests.api.serving import Site

JOB = {
    "job_id": "job-1",
    "state": "done",
    "documents": 2,
    "documents_total": 2,
    "chunks": 9,
    "embedded": 4,
    "skipped": 5,
    "deleted": 1,
    "errors": [{"path": "old.md", "reason": "No."}],
    "elapsed_s": 1.5,
}


async def test_ingest_starts_a_job_and_says_which(site: Site) -> None:
    reply = await site.ask("POST", "/ingest")
    assert (reply.status, reply.json) == (202, {"job_id": "job-1"})
    assert reply.headers["location"] == "/ingest/job-1"
    assert site.container.ingestion.started == 1


async def test_ingest_rebuilds_when_asked_to(site: Site) -> None:
    reply = await site.ask("POST", "/ingest?rebuild=true")
    assert (reply.status, reply.json) == (202, {"job_id": "job-1"})
    assert site.container.ingestion.rebuilt == 1
    assert (await site.ask("POST", "/ingest?rebuild=perhaps")).status == 422


async def test_job_tells_its_progress(site: Site) -> None:
    assert (await site.ask("GET", "/ingest/job-1")).json == JOB


async def test_events_end_with_done(site: Site) -> None:
    reply = await site.ask("GET", "/ingest/job-1/events")
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert [name for name, _ in reply.events] == ["progress", "done"]
    assert reply.events[0][1]["state"] == "running"
    assert reply.events[1][1] == JOB


async def test_events_of_a_failed_job_end_with_its_reason(site: Site) -> None:
    ingestion = site.container.ingestion
    errors = (UnreadableFile("docs", "Qdrant does not answer."),)
    ingestion.jobs[-1] = replace(ingestion.jobs[-1], state=JobState.FAILED, errors=errors)
    events = (await site.ask("GET", "/ingest/job-1/events")).events
    failure = {"code": "ingest_failed", "detail": "Qdrant does not answer.", "retryable": True}
    assert events[-1] == ("error", failure)


async def test_leaving_ends_the_following(site: Site) -> None:
    site.container.ingestion.hold = asyncio.Event()
    async with site.http.get("/ingest/job-1/events") as response:
        while b"running" not in await response.content.readuntil(b"\n\n"):
            pass  # comments come first
    while site.server.server_state.tasks:
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/ingest/{}"),
        ("GET", "/ingest/{}/events"),
        ("DELETE", "/api/documents/{}"),
    ],
)
@pytest.mark.parametrize(
    "unknown", ["job-2", "%00", "' or 1=1--", "x" * 5_000, "%ff", "JOB-1", "%2e%2e%2fetc"]
)
async def test_unknown_ids_are_404_with_one_body(
    site: Site, method: str, path: str, unknown: str
) -> None:
    reply = await site.ask(method, path.format(unknown))
    assert (reply.status, reply.json["code"]) == (404, "not_found")
    assert site.container.ingestion.deleted == []


async def test_documents_are_listed_by_page(site: Site) -> None:
    site.container.ingestion.records = [replace(RECORD, source=f"{n}.md") for n in range(150)]
    first = (await site.ask("GET", "/api/documents")).json
    assert (len(first["documents"]), first["total"]) == (100, 150)
    rest = (await site.ask("GET", "/api/documents?limit=7&offset=148")).json
    assert [document["source"] for document in rest["documents"]] == ["148.md", "149.md"]
    assert (await site.ask("GET", "/api/documents?offset=1000000000")).json["documents"] == []


async def test_document_is_described(site: Site) -> None:
    assert (await site.ask("GET", "/api/documents")).json["documents"] == [
        {
            "id": RECORD.id,
            "source": "guide/nodes.md",
            "title": "Nodes",
            "page": "guide/nodes",
            "chunks": 31,
            "content_hash": "0" * 64,
            "updated_at": "2026-01-31T08:15:30.250Z",
        }
    ]


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1", "limit=0", "limit=101", "limit=1000000000", "limit=1e5", "limit=0x10",
        "limit=", "limit=1.5", "limit=%00", "limit=" + "9" * 5_000, "limit=١٢x", "offset=-1",
        "offset=9223372036854775808", "offset=NaN",
    ],
)  # fmt: skip
async def test_paging_out_of_bounds_is_422(site: Site, query: str) -> None:
    reply = await site.ask("GET", f"/api/documents?{query}")
    assert (reply.status, reply.json["code"]) == (422, "invalid")
    assert f"`{query.partition('=')[0]}`" in reply.json["detail"]


async def test_document_is_deleted(site: Site) -> None:
    reply = await site.ask("DELETE", f"/api/documents/{RECORD.id}")
    assert (reply.status, reply.json) == (200, {"id": RECORD.id, "deleted": 31})


async def test_admin_routes_wait_for_the_parts(site: Site) -> None:
    site.container.not_ready = Starting("The service is starting; ask again in a moment.")
    reply = await site.ask("POST", "/ingest")
    assert (reply.status, reply.json["code"]) == (503, "starting")
