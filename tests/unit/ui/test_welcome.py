"""The first thing that somebody reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backend.domain import Chunk, DocumentRecord, IngestJob, JobState
from backend.errors import NotFound, Starting
from backend.settings import load
from tests.ui.fakes import FakeContainer, FakeIngestion, FakeReading
from ui.welcome import welcome


class Empty(FakeIngestion):
    async def documents(self) -> list[DocumentRecord]:
        return []


class NotYet(FakeContainer):
    async def ready(self) -> None:
        raise Starting("The service is starting.")


def with_own_docs(container: FakeContainer) -> Any:
    container.settings = load({}).settings
    return container


async def test_a_book_is_named_and_questions_fit_it() -> None:
    container = FakeContainer({"BOOK_TITLE": "Robots & <Co>"})
    found = await welcome(container)

    assert "Answers come from <em>Robots &amp; &lt;Co&gt;</em>" in found.placeholder
    assert "ROS 2 Fundamentals" in found.questions[0]


async def test_without_a_book_of_its_own_the_title_is_not_claimed() -> None:
    container = with_own_docs(FakeContainer())
    found = await welcome(container)

    assert "this service's own documentation" in found.placeholder.replace("&#x27;", "'")
    assert "<code>DOCS_PATH</code>" in found.placeholder
    assert container.settings.book_title.split(" &")[0] not in found.placeholder
    assert "Space" in found.questions[0]


async def test_an_empty_index_is_said_and_nothing_is_offered() -> None:
    container = FakeContainer()
    container.ingestion = Empty()
    found = await welcome(container)

    assert "Nothing has been read in yet" in found.placeholder
    assert found.questions == ()
    container.ingestion.current = IngestJob("job", JobState.RUNNING)
    assert "is being read in" in (await welcome(container)).placeholder


async def test_a_service_that_starts_says_what_is_known() -> None:
    found = await welcome(NotYet())

    assert "What would you like to know?" in found.placeholder
    assert found.questions == ()


class Asking(FakeReading):
    async def chunks(self, document_id: str) -> tuple[DocumentRecord, list[Chunk]]:
        record, (chunk,) = await super().chunks(document_id)
        if record.title == "Isaac Sim":
            raise NotFound("There is no document with this id in the index.")
        headings = (record.title, f"What is {record.title[-5:]}?")
        return record, [chunk, replace(chunk, heading_path=headings)]


async def test_a_heading_that_is_a_question_is_asked_as_it_stands() -> None:
    container = FakeContainer()
    container.reading = Asking(container.ingestion)
    found = await welcome(container)

    assert found.questions[:2] == ("What is ntals?", "What is Twins?")
    assert "“Isaac Sim”" in found.questions[2], "its title where its headings are not known"


async def test_what_is_missing_stands_in_the_first_screen_of_a_space() -> None:
    container = FakeContainer({"SPACE_ID": "a/b", "SPACE_HOST": "a-b.hf.space"})
    container.diagnose()
    shown = (await welcome(container)).placeholder

    assert "Still to be set up" in shown
    for name, why in (
        ("ADMIN_TOKEN", "nobody can ingest"),
        ("BETTER_AUTH_SECRET", "accounts and history answer 503"),
        ("OPENAI_API_KEY", "sentences quoted from the book"),
    ):
        assert f"<code>{name}</code>" in shown
        assert why in shown
    assert "under Variables and secrets" in shown
    assert '<a href="?tab=diagnostics">' in shown


async def test_where_nothing_is_left_to_do_nothing_is_said() -> None:
    container = FakeContainer({"OPENAI_API_KEY": "test-key-not-real"})
    container.diagnose()

    assert "ba-setup" not in (await welcome(container)).placeholder


async def test_what_is_broken_comes_first_and_the_rest_is_counted() -> None:
    names = ("DOCS_PATH", "RATE_LIMIT_CHAT", "RATE_LIMIT_CONTENT", "LOG_LEVEL", "PORT")
    container = FakeContainer({"SPACE_ID": "a/b", **dict.fromkeys(names, "/no/<such>")})
    shown = (await welcome(container)).placeholder

    assert "Something needs your attention" in shown
    assert shown.count("<li") == 5
    assert "and 5 more things" in shown
    assert "ADMIN_TOKEN" not in shown, "what is broken comes first"
    assert "such" not in shown.replace("no such folder", "")
