"""Uploading documents and embedding one again, over the wire."""

from __future__ import annotations

import io
from pathlib import Path

import aiohttp
import pytest

from backend.services.uploads import MAX_UPLOAD_BYTES, Uploads
from tests.api.fakes import RECORD
from tests.api.serving import Site


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> Path:
    site.container.uploads = Uploads(tmp_path / "uploads")
    return tmp_path / "uploads"


def form(name: str, data: bytes, *, field: str = "file") -> aiohttp.FormData:
    body = aiohttp.FormData()
    body.add_field(field, io.BytesIO(data), filename=name, content_type="text/markdown")
    return body


async def test_upload_stores_and_ingests(site: Site, folder: Path) -> None:
    async with site.http.post("/api/documents", data=form("new.md", b"# New")) as reply:
        body = await reply.json()
    assert reply.status == 202
    assert body == {"documents": ["uploads/new.md"], "skipped": [], "job_id": "job-1"}
    assert (folder / "new.md").read_bytes() == b"# New"
    assert site.container.ingestion.started == 1


@pytest.mark.parametrize(
    ("name", "field", "status"),
    [("../../x.png", "file", 422), ("a.md", "other", 422), ("_a.md", "file", 422)],
)
async def test_upload_refuses_what_is_no_document(
    site: Site, folder: Path, name: str, field: str, status: int
) -> None:
    async with site.http.post("/api/documents", data=form(name, b"x", field=field)) as reply:
        assert (reply.status, isinstance((await reply.json())["detail"], str)) == (status, True)
    assert not folder.exists()


async def test_upload_takes_more_than_other_routes_but_not_everything(
    site: Site, folder: Path
) -> None:
    two = b"x" * 2 * 2**20
    async with site.http.post("/api/documents", data=form("large.md", two)) as reply:
        assert reply.status == 202
    async with site.http.post("/chat", data=io.BytesIO(two)) as reply:
        assert reply.status == 413
    headers = {"content-type": "multipart/form-data; boundary=x"}
    too_much = b"x" * (MAX_UPLOAD_BYTES + 2**17)
    async with site.http.post(
        "/api/documents", data=io.BytesIO(too_much), headers=headers
    ) as reply:
        assert reply.status == 413


async def test_upload_of_json_is_the_wrong_kind(site: Site, folder: Path) -> None:
    async with site.http.post("/api/documents", json={}) as reply:
        assert reply.status == 415


async def test_upload_from_a_foreign_page_is_refused(site: Site, folder: Path) -> None:
    headers = {"origin": "https://evil.example"}
    async with site.http.post("/api/documents", data=form("a.md", b"x"), headers=headers) as reply:
        assert reply.status == 403
    assert not folder.exists()


async def test_reindex_starts_a_job_for_a_known_document(site: Site) -> None:
    known = await site.ask("POST", f"/api/documents/{RECORD.id}/reindex")
    assert (known.status, known.json) == (202, {"job_id": "job-1"})
    assert (await site.ask("POST", "/api/documents/nobody/reindex")).status == 404
