"""Embedding again what has not changed, and uploads beside the book."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backend.adapters.combined_source import WithUploads
from backend.domain import IngestJob, JobState, UnreadableFile
from backend.errors import NotFound, UpstreamUnavailable
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
def index() -> FakeIndex:
    return FakeIndex()


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def ingestion(
    uploads: Uploads, source: FakeSource, index: FakeIndex, embedder: FakeEmbedder
) -> Ingestion:
    combined = WithUploads(source, uploads.folder)
    return Ingestion(combined, index, embedder, forgotten=uploads.remove)


async def test_start_anew_embeds_only_what_was_named(ingestion: Ingestion) -> None:
    await ended(ingestion, await ingestion.start())
    one = (await ingestion.documents())[0]

    job = await ended(ingestion, await ingestion.start_anew(one.id))
    assert (job.embedded, job.skipped) == (1, 1)
    with pytest.raises(NotFound):
        await ingestion.start_anew("nobody")


async def test_rebuild_writes_everything_into_a_collection_that_takes_the_place_of_the_live_one(
    ingestion: Ingestion, index: FakeIndex
) -> None:
    await ended(ingestion, await ingestion.start())
    old = index.points

    job = await ended(ingestion, await ingestion.start_anew(everything=True))
    assert (job.state, job.embedded, job.skipped, job.documents) == (JobState.DONE, 2, 0, 2)
    assert index.points == old
    assert index.points is not old


async def test_rebuild_that_fails_or_is_cancelled_leaves_the_old_one_live(
    ingestion: Ingestion, index: FakeIndex, embedder: FakeEmbedder
) -> None:
    await ended(ingestion, await ingestion.start())
    old = index.points

    embedder.failure = UpstreamUnavailable("openai", "Away.")
    job = await ended(ingestion, await ingestion.start_anew(everything=True))
    assert (job.state, index.points is old) == (JobState.FAILED, True)

    job = await ingestion.start_anew(everything=True)
    while index.live is None:
        await asyncio.sleep(0)
    await ingestion.cancel(job.job_id)
    assert (index.points is old, index.abandoned, index.published) == (True, 2, 1)


async def test_rebuild_does_not_lose_a_document_that_cannot_be_read_now(
    ingestion: Ingestion, source: FakeSource, index: FakeIndex
) -> None:
    await ended(ingestion, await ingestion.start())
    old = index.points
    del source.contents["b.md"]
    source.unreadable = (UnreadableFile("b.md", "It may not be read."),)

    job = await ended(ingestion, await ingestion.start_anew(everything=True))
    assert job.state is JobState.FAILED
    assert "b.md" in job.errors[-1].reason
    assert index.points is old


async def test_rebuild_of_a_folder_without_the_book_leaves_the_old_one_live(
    ingestion: Ingestion, uploads: Uploads, source: FakeSource, index: FakeIndex
) -> None:
    uploads.add([Upload("c.md", b"# C\n\nThree.")])
    await ended(ingestion, await ingestion.start())
    old = index.points
    source.contents.clear()

    job = await ended(ingestion, await ingestion.start_anew(everything=True))
    assert (job.state, index.points is old) == (JobState.FAILED, True)


async def test_rebuild_asked_for_during_a_job_is_its_next_round(
    ingestion: Ingestion, index: FakeIndex
) -> None:
    first = await ingestion.start()
    second = await ingestion.start_anew(everything=True)

    assert second.job_id == first.job_id
    assert (await ended(ingestion, second)).embedded == 2
    assert index.published == 2


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
