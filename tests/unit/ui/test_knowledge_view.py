"""What the knowledge tab shows of the index."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from backend.domain import (
    DocumentRecord,
    Hit,
    IndexInfo,
    IngestJob,
    JobState,
    Retrieved,
    UnreadableFile,
)
from tests.ui.fakes import chunk_of
from tests.unit.ui.test_answers import EVIL, Tags
from ui import knowledge_view as view

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECORDS = [
    DocumentRecord(f"part/{n}.md", title, f"{n}", "hash", 3, WHEN)
    for n, title in enumerate(("Nodes", "Topics", EVIL))
]
INFO = IndexInfo("qdrant", "book", "model_8_v1", 1204, 8)


def harmless(html: str) -> bool:
    tags = Tags(html)
    return not tags.seen & {"script", "img"} and "\n" not in html


def test_facts_name_what_the_index_is_made_of() -> None:
    odd = replace(INFO, problem="Made by another model.", legacy=True)
    html = view.facts(odd, RECORDS, None, "the-book")

    for words in (
        "1,204", "8 dimensions, and words", "on its server", "Made by another model.", "the-book",
        "book, of an earlier backend", "model_8_v1",
    ):  # fmt: skip
        assert words in html
    assert "1.5 KB in DATA_DIR" in view.facts(replace(INFO, dimensions=None), [], 1536, "book")
    assert "words only" in view.facts(replace(INFO, dimensions=None), [], 0, "book")


def test_a_document_that_was_not_finished_is_told_from_the_others() -> None:
    html = view.documents_table([RECORDS[0], replace(RECORDS[1], content_hash="")])

    assert html.count(">indexed<") == 1
    assert html.count(">unfinished<") == 1


def test_documents_are_found_by_title_and_path() -> None:
    assert view.documents_table(RECORDS, " NODES ").count("<tr>") == 2
    assert view.documents_table(RECORDS, "part/").count("<tr>") == 4
    assert "Nothing of that name" in view.documents_table(RECORDS, "zebra")
    assert "No documents yet" in view.documents_table([], "zebra")
    assert harmless(view.documents_table(RECORDS))


def test_a_large_book_is_shown_in_part() -> None:
    many = [replace(RECORDS[0], source=f"{n}.md") for n in range(view.SHOWN_DOCUMENTS + 7)]

    assert "and 7 more" in view.documents_table(many)


def test_a_job_says_how_far_it_is_and_what_could_not_be_read() -> None:
    errors = tuple(UnreadableFile(f"{n}.md", EVIL) for n in range(60))
    running = IngestJob("job", JobState.RUNNING, documents=2, documents_total=4, errors=errors)
    html = view.progress(running)

    assert '<progress value="2" max="4"' in html
    assert "60 problems" in html
    assert html.count("<li>") == view.SHOWN_ERRORS
    assert harmless(html)
    assert "<progress" not in view.progress(replace(running, state=JobState.FAILED))


def test_chunks_show_their_lines_and_are_cut() -> None:
    long = replace(chunk_of("Nodes"), text="x" * 9_000)
    html = view.chunks_view(RECORDS[0], [long] * (view.SHOWN_CHUNKS + 1))

    assert "lines 1–3, 9,000 characters" in html
    assert "and 1 more" in html
    assert "x" * (view.MAX_CHUNK_CHARS + 1) not in html


def test_a_search_says_whether_it_would_be_answered() -> None:
    hit = Hit(chunk_of(EVIL), 0.9, None, 7.5)
    enough = view.search_view(Retrieved((hit,), (hit,), (hit,), confidence=0.8, threshold=0.5))
    refused = view.search_view(Retrieved((), (hit,), (hit,), confidence=0.2, threshold=0.5))

    assert "enough for an answer" in enough
    assert '<td data-label="Meaning">–</td>' in enough
    assert "the answer is a refusal" in refused
    assert harmless(enough)
    assert "Nothing found" in view.search_view(Retrieved((), ()))


def test_a_place_that_forgets_warns_before_the_upload() -> None:
    assert "gone when it restarts" in view.upload_form(lasting=False)
    assert "restarts" not in view.upload_form(lasting=True)
