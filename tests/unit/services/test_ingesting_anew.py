"""Embedding again what has not changed, and uploads beside the book."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.adapters.combined_source import WithUploads
from backend.domain import IngestJob, JobState
from backend.errors import NotFound
from backend.services.ingestion import Ingestion
from backend.services.uploads import Upload, Uploads
from tests.unit.services.fakes import FakeEmbedder, FakeIndex, FakeSource


async def ended(ingestion: Ingestion, job: IngestJob) -> IngestJob:
    return [snapshot async for snapshot in ingestion.events(job.job_id)][-1]


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "uploads")


@pytest.fixture
def source() -> FakeSource:
    return FakeSource({"a.md": "# A\n\nOne.", "b.md": "# B\n\nTwo."})


@pytest.fixture
def ingestion(uploads: Uploads, source: FakeSource) -> Ingestion:
    combined = WithUploads(source, uploads.folder)
    return Ingestion(combined, FakeIndex(), FakeEmbedder(), forgotten=uploads.remove)


async def test_start_anew_embeds_only_what_was_named(ingestion: Ingestion) -> None:
    await ended(ingestion, await ingestion.start())
    one = (await ingestion.documents())[0]

    job = await ended(ingestion, await ingestion.start_anew(one.id))
    assert (job.embedded, job.skipped) == (1, 1)
    job = await ended(ingestion, await ingestion.start_anew(everything=True))
    assert (job.embedded, job.skipped) == (2, 0)
    with pytest.raises(NotFound):
        await ingestion.start_anew("nobody")


async def test_start_anew_during_a_job_makes_another_round(
    ingestion: Ingestion, uploads: Uploads
) -> None:
    first = await ingestion.start()
    uploads.add([Upload("late.md", b"# Late\n\nThree.")])
    second = await ingestion.start_anew()

    assert second.job_id == first.job_id
    assert (await ended(ingestion, second)).documents == 3


async def test_uploads_outlast_an_ingestion_until_they_are_deleted(
    ingestion: Ingestion, uploads: Uploads
) -> None:
    uploads.add([Upload("c.md", b"# C\n\nThree.")])
    await ended(ingestion, await ingestion.start())
    await ended(ingestion, await ingestion.start())
    records = {record.source: record for record in await ingestion.documents()}
    assert set(records) == {"a.md", "b.md", "uploads/c.md"}

    await ingestion.delete(records["uploads/c.md"].id)
    await ended(ingestion, await ingestion.start())
    assert {record.source for record in await ingestion.documents()} == {"a.md", "b.md"}


async def test_uploads_alone_do_not_pass_for_the_book(
    ingestion: Ingestion, uploads: Uploads, source: FakeSource
) -> None:
    uploads.add([Upload("c.md", b"# C\n\nThree.")])
    await ended(ingestion, await ingestion.start())
    source.contents.clear()

    job = await ended(ingestion, await ingestion.start())
    assert job.state is JobState.FAILED
    assert len(await ingestion.documents()) == 3
