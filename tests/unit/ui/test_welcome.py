"""The first thing that somebody reads."""

from __future__ import annotations

from typing import Any

from backend.domain import DocumentRecord, IngestJob, JobState
from backend.errors import Starting
from backend.settings import load
from tests.ui.fakes import FakeContainer, FakeIngestion
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
