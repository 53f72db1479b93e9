import asyncio

import pytest

from backend.domain import JobState, UnreadableFile
from backend.errors import Conflict, NotFound, UpstreamUnavailable
from backend.services.ingestion import Ingestion
from tests.unit.services.fakes import FakeEmbedder, FakeIndex, FakeSource

CHAPTER = "# Nodes\n\nWhat a node is.\n\n## Start\n\nStart it so.\n\n## Stop\n\nStop it so.\n"


def make(files, embedder=None, index=None, unreadable=()):
    index = index or FakeIndex()
    embedder = embedder or FakeEmbedder()
    return Ingestion(FakeSource(files, unreadable), index, embedder), index, embedder


async def run(ingestion: Ingestion):
    return await ingestion.run(lambda job: None)


async def test_ingest_writes_and_a_second_run_embeds_and_writes_nothing():
    files = {"a.md": CHAPTER, "b.md": "# Topics\n\nA bus.\n"}
    ingestion, index, embedder = make(files)
    first = await run(ingestion)
    assert first.state is JobState.DONE
    assert (first.documents, first.embedded) == (2, first.chunks)
    assert first.chunks == len(index.points) > 2
    calls, writes = len(embedder.batches), len(index.writes)
    second = await run(ingestion)
    assert (second.embedded, second.skipped, second.chunks) == (0, first.chunks, first.chunks)
    assert (len(embedder.batches), len(index.writes)) == (calls, writes)


async def test_ingest_of_an_edit_embeds_only_what_changed_and_moves_the_lines_of_the_rest():
    files = {"a.md": CHAPTER}
    ingestion, index, embedder = make(files)
    await run(ingestion)
    stop = next(chunk for chunk in index.points.values() if "Stop it" in chunk.text)
    files["a.md"] = CHAPTER.replace("Start it so.", "Start it\nthus.\n\nAnd wait.")
    embedder.batches.clear()
    job = await run(ingestion)
    assert job.embedded == 1
    assert [len(batch) for batch in embedder.batches] == [1]
    moved = index.points[stop.id]
    assert moved.start_line == stop.start_line + 3


async def test_ingest_deletes_what_is_gone():
    files = {"a.md": CHAPTER, "b.md": "# Topics\n\nA bus.\n"}
    ingestion, index, _ = make(files)
    await run(ingestion)
    del files["b.md"]
    files["a.md"] = CHAPTER.split("## Stop")[0]
    job = await run(ingestion)
    assert job.deleted == 2
    assert {chunk.source for chunk in index.points.values()} == {"a.md"}
    assert not any("Stop it" in chunk.text for chunk in index.points.values())


async def test_ingest_that_was_interrupted_is_completed_by_the_next_run():
    files = {"a.md": CHAPTER}
    ingestion, index, _ = make(files)
    index.failure_in_write = UpstreamUnavailable("qdrant", "The index broke off.")
    job = await run(ingestion)
    assert (job.state, job.retryable) == (JobState.FAILED, True)
    assert [record.content_hash for record in await index.documents()] == [""]
    assert (index.abandoned, index.published) == (1, 0)
    index.failure_in_write = None
    job = await run(ingestion)
    assert job.state is JobState.DONE
    assert (job.embedded, job.skipped) == (0, len(index.points))
    assert all(record.content_hash for record in await index.documents())


async def test_ingest_reports_a_file_that_cannot_be_read_and_keeps_what_it_held():
    files = {"a.md": CHAPTER, "b.md": "# Topics\n\nA bus.\n"}
    ingestion, index, embedder = make(files)
    await run(ingestion)
    del files["b.md"]
    again, _, _ = make(files, embedder, index, [UnreadableFile("b.md", "It is not UTF-8.")])
    job = await run(again)
    assert job.state is JobState.DONE
    assert [error.path for error in job.errors] == ["b.md"]
    assert "b.md" in index.records


async def test_ingest_keeps_the_documents_of_a_folder_that_cannot_be_read():
    files = {"a.md": CHAPTER, "week1/b.md": "# Topics\n\nA bus.\n"}
    ingestion, index, embedder = make(files)
    await run(ingestion)
    del files["week1/b.md"]
    again, _, _ = make(files, embedder, index, [UnreadableFile("week1", "No permission.")])
    assert (await run(again)).deleted == 0
    assert "week1/b.md" in index.records


async def test_ingest_at_start_takes_a_folder_of_other_documents_for_a_mistake():
    ingestion, index, embedder = make({"a.md": CHAPTER})
    await run(ingestion)
    other, _, _ = make({"b.md": "# Topics\n\nA bus.\n"}, embedder, index)
    job = await other.run(lambda job: None, may_replace=False)
    assert (job.state, job.retryable) == (JobState.FAILED, False)
    assert "another book" in job.errors[0].reason
    assert index.records.keys() == {"a.md"}
    assert (await run(other)).state is JobState.DONE
    assert index.records.keys() == {"b.md"}


async def test_ingest_of_an_empty_folder_leaves_the_index_alone():
    ingestion, index, embedder = make({"a.md": CHAPTER})
    await run(ingestion)
    held = len(index.points)
    empty, _, _ = make({}, embedder, index)
    job = await run(empty)
    assert job.state is JobState.FAILED
    assert "DOCS_PATH" in job.errors[0].reason
    assert len(index.points) == held


async def test_ingest_fails_with_the_sentence_of_the_upstream():
    failing = FakeEmbedder(UpstreamUnavailable("openai", "The embeddings are away."))
    ingestion, _, _ = make({"a.md": CHAPTER}, failing)
    job = await run(ingestion)
    assert job.state is JobState.FAILED
    assert job.errors[0].reason == "The embeddings are away."


async def test_ingest_started_twice_is_one_job_and_its_events_end_with_a_terminal_one():
    ingestion, _, _ = make({"a.md": CHAPTER})
    first, second = await ingestion.start(), await ingestion.start()
    assert first.job_id == second.job_id
    states = [job.state async for job in ingestion.events(first.job_id)]
    assert states[-1] is JobState.DONE
    assert states.count(JobState.DONE) == 1


async def test_ingest_can_be_cancelled():
    class Slow(FakeEmbedder):
        async def embed(self, texts):
            await asyncio.Event().wait()
            return []

    ingestion, _, _ = make({"a.md": CHAPTER}, Slow())
    job = await ingestion.start()
    await asyncio.sleep(0)
    assert (await ingestion.cancel(job.job_id)).state is JobState.CANCELLED


async def test_delete_waits_for_no_ingestion_but_says_that_one_runs():
    ingestion, index, _ = make({"a.md": CHAPTER})
    record_id = (await run(ingestion)) and (await ingestion.documents())[0].id
    job = await ingestion.start()
    with pytest.raises(Conflict):
        await ingestion.delete(record_id)
    await ingestion.cancel(job.job_id)
    assert "a.md" in index.records


async def test_ingest_deletes_a_document_by_its_id():
    ingestion, index, _ = make({"a.md": CHAPTER})
    await run(ingestion)
    record = (await ingestion.documents())[0]
    assert await ingestion.delete(record.id) == record.chunks
    assert index.points == {}
    assert index.published == 2  # the ingestion's, and one for the statistics after the deletion
    with pytest.raises(NotFound):
        await ingestion.delete(record.id)
