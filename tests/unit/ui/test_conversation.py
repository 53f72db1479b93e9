from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.domain import DocumentRecord, Turn
from ui.conversation import HISTORY_TURNS, MAX_EXCHANGES, Conversation
from ui.suggestions import spread, suggest


def talk(count: int) -> Conversation:
    conversation = Conversation()
    for number in range(count):
        conversation = conversation.asked(f"q{number}")
        conversation = conversation.updated(text=f"a{number}", shown=f"A{number}", answered=True)
    return conversation


def test_history_is_the_last_turns_that_were_answered() -> None:
    conversation = talk(5).asked("failed").updated(text="half", foot="<p>No</p>")

    assert len(conversation.history) == HISTORY_TURNS
    assert conversation.history[0] == Turn("user", "q2")
    assert conversation.history[-1] == Turn("assistant", "a4")


def test_messages_show_questions_harmlessly_and_leave_out_what_is_empty() -> None:
    conversation = Conversation().asked("see ![x](https://evil.example/a.png)")

    assert conversation.messages() == [{"role": "user", "content": "see x"}]
    assert talk(1).updated(foot="F").messages()[1]["content"] == ["A0", "F"]


def test_a_conversation_stays_bounded() -> None:
    assert len(talk(MAX_EXCHANGES + 5).exchanges) == MAX_EXCHANGES


@pytest.mark.parametrize(
    ("titles", "questions"),
    [
        ([], ()),
        (["Introduction", "README", "Appendix A", "x" * 90], ()),
        (["Chapter 3: Robot Arms"], ("What is “Robot Arms” about, in a few sentences?",)),
        (["Arms", "Arms"], ("What is “Arms” about, in a few sentences?",)),
    ],
)
def test_suggest_asks_about_titles_that_tell(titles: list[str], questions: tuple[str, ...]) -> None:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    records = [DocumentRecord(f"{n}", title, "", "", 1, when) for n, title in enumerate(titles)]

    assert suggest(spread(records)) == questions


def test_suggest_spreads_over_the_book() -> None:
    when = datetime(2026, 3, 1, tzinfo=UTC)
    records = [DocumentRecord(f"{n}", f"Topic {n} here", "", "", 1, when) for n in range(9)]

    assert ["Topic 0", "Topic 3", "Topic 6"] == [
        question.split("“")[1].split(" here")[0] for question in suggest(spread(records))
    ]
