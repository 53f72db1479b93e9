from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from backend.conversation_ports import TRUNCATED, UNTITLED, Conversation, Message, Opened
from backend.domain import Principal, Turn
from backend.errors import Invalid, NotFound
from backend.services.conversations import Conversations, message_view, title_of
from backend.services.history_window import TOKENS, TURN_TOKENS, fitting
from backend.services.replays import Replays
from tests.unit.services.history_fakes import FakeConversations, FakeReplays

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ADA = Principal("ada", "203.0.113.7")
OPENED = Opened(
    Conversation("c-1", "ada", "Nodes", NOW, NOW, message_count=2),
    [
        Message("m-1", "c-1", "user", "=HYPERLINK(1)", NOW, selected_text="a node"),
        Message(
            "m-2", "c-1", "assistant", "It is ![x](https://evil.example/?q) one [1].", NOW,
            sources=("[1] Nodes",), citations=({"n": 1},), status=TRUNCATED,
        ),
    ],
)  # fmt: skip


class Store(FakeConversations):
    async def open(self, user_id: str, session_id: str) -> Opened:
        return OPENED


def service(store: FakeConversations | None = None) -> Conversations:
    replays = FakeReplays()
    store = store or FakeConversations(replays)
    return Conversations(store, Replays(replays, clock=lambda: NOW), clock=lambda: NOW)


async def test_start_makes_an_untitled_conversation() -> None:
    store = FakeConversations()
    for title in (None, "", " \u202e "):
        assert (await service(store).start(ADA, title)).title == UNTITLED
    assert len({added.id for added in store.added}) == 3


async def test_start_with_a_key_makes_one() -> None:
    conversations = service()
    first = await conversations.start(ADA, "Robots", key="k")
    assert await conversations.start(ADA, "Robots", key="k") == first
    with pytest.raises(Invalid):
        await conversations.start(ADA, "Nodes", key="k")
    assert (await conversations.start(Principal("eve"), "Robots", key="k")).id != first.id


@pytest.mark.parametrize("session_id", ["", "../x", "a\x00", "s" * 10_000, "' or 1=1--", "é"])
async def test_open_of_what_cannot_be_an_id_asks_no_database(session_id: str) -> None:
    conversations = service(Store())
    with pytest.raises(NotFound):
        await conversations.open("ada", session_id)


async def test_export_as_text_begins_no_line_with_a_formula() -> None:
    exported = await service(Store()).export("ada", "c-1", "text")
    assert exported.filename == "chat-session-c-1.txt"
    assert isinstance(exported.content, str)
    assert "\n  =HYPERLINK(1)\n" in exported.content
    assert not any(line.startswith(("=", "+", "-", "@")) for line in exported.content.split("\n"))
    assert "(This answer was cut off.)" in exported.content


async def test_export_as_markdown_fetches_nothing_when_it_is_opened() -> None:
    exported = await service(Store()).export("ada", "c-1", "markdown")
    assert isinstance(exported.content, str)
    assert "evil.example" not in exported.content
    assert "\n\\=HYPERLINK(1)\n" in exported.content
    assert "\n> a node\n" in exported.content


async def test_export_as_json_is_everything_as_it_is() -> None:
    exported = await service(Store()).export("ada", "c-1", "json")
    assert isinstance(exported.content, dict)
    assert exported.content["session"]["updated_at"] == "2026-11-23T12:00:00.123Z"
    messages = json.loads(json.dumps(exported.content["messages"]))
    assert messages[0]["content"] == "=HYPERLINK(1)"
    assert (messages[1]["sources"], messages[1]["citations"]) == (["[1] Nodes"], [{"n": 1}])


def test_sources_of_a_message_are_null_or_strings() -> None:
    asked, answered = (message_view(message) for message in OPENED.messages)
    assert asked["sources"] is None
    assert answered["sources"] == ("[1] Nodes",)


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is a node?", "What is a node?"),
        ("  two\n\nlines\t", "two lines"),
        ("\x1b[31mred\x00 \u202e", "red"),
        ("\u200b \n", UNTITLED),
        ("word " * 30, "word " * 11 + "word…"),
        ("ل" * 100, "ل" * 59 + "…"),
    ],
)
def test_title_is_the_questions_first_words(question: str, title: str) -> None:
    assert title_of(question) == title
    assert len(title) <= 60


def test_window_takes_the_newest_turns_that_fit_and_begins_with_a_question() -> None:
    turns = [Turn(("user", "assistant")[n % 2], f"{n} " + "x" * 1_200) for n in range(12)]
    kept = fitting(turns)
    assert kept == tuple(turns[8:])
    assert sum(len(turn.content) for turn in kept) <= TOKENS * 4
    assert fitting(turns[:1]) == (turns[0],)
    assert fitting([Turn("assistant", "alone")]) == ()


def test_window_cuts_a_long_turn_instead_of_losing_the_question() -> None:
    question, answer = Turn("user", "Why?"), Turn("assistant", "کیوں " * 2_000)
    kept = fitting([question, answer])
    assert kept[0] == question
    assert kept[1].content.endswith("…")
    assert len(kept[1].content.encode()) <= TURN_TOKENS * 4 + 4
