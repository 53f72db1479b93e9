"""What the chat's handlers give to Gradio, called as its queue calls them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr
import pytest
from starlette.requests import Request

from backend.errors import Forbidden
from backend.services.admin import AdminGate
from backend.services.limits import Limits, MemoryCounters
from backend.variables.values import Rate
from tests.ui.fakes import FakeContainer
from tests.unit.ui.asgi import scope_of
from ui.access import Doorman
from ui.chat import MAX_QUESTION_CHARS, Chat
from ui.conversation import Conversation

PLAIN = ("", "", "", "")
"""Level, language, selected text and page of a plain question."""


KEY = "00000000-0000-4000-8000-000000000001"


class Clock:
    """Advances by ``step`` seconds whenever somebody looks."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def chat_of(container: FakeContainer, *, rate: int = 100, step: float = 1.0) -> Chat:
    gate = AdminGate(None, on_space=False)
    limits = Limits(Rate(rate, 60), MemoryCounters())
    return Chat(container, Doorman(gate, on_space=False), limits, clock=Clock(step))


def event(client: str = "127.0.0.1") -> gr.Request:
    return gr.Request(Request(scope_of("POST", "/gradio_api/queue/join", client=client)))


async def run(outputs: AsyncGenerator[Any, None]) -> list[Any]:
    return [output async for output in outputs]


def shown(output: Any) -> str:
    return str(output[0])


@pytest.fixture
def container() -> FakeContainer:
    return FakeContainer()


async def test_ask_shows_the_question_at_once_then_the_answer(container: FakeContainer) -> None:
    outputs = await run(chat_of(container).ask(" How? ", Conversation(), *PLAIN, event()))

    assert outputs[0][0][0] == {"role": "user", "content": "How?"}
    assert "Searching the book" in shown(outputs[0])
    assert "Reading 2 passages" in shown(outputs[1])
    assert outputs[0][2]["value"] == ""
    last = outputs[-1]
    assert last[1].exchanges[0].answered
    assert (last[3]["visible"], last[4]["visible"]) == (True, False)
    assert container.answering.principals[0].is_admin


async def test_ask_bounds_how_often_the_page_is_updated(container: FakeContainer) -> None:
    often = await run(chat_of(container, step=1.0).ask("How?", Conversation(), *PLAIN, event()))
    rarely = await run(chat_of(container, step=0.001).ask("How?", Conversation(), *PLAIN, event()))

    assert len(rarely) < len(often)
    assert shown(rarely[-1]) == shown(often[-1])


async def test_ask_gives_fresh_updates_because_gradio_empties_them(
    container: FakeContainer,
) -> None:
    chat = chat_of(container)
    first = await run(chat.ask("How?", Conversation(), *PLAIN, event()))
    first[0][2].clear()
    second = await run(chat.ask("How?", Conversation(), *PLAIN, event()))

    assert second[0][2]["value"] == ""


async def test_a_blank_question_asks_nothing(container: FakeContainer) -> None:
    await run(chat_of(container).ask(" \n ", Conversation(), *PLAIN, event()))

    assert container.answering.questions == []


async def test_every_handler_admits_its_caller_anew(container: FakeContainer) -> None:
    chat, stranger = chat_of(container), event("203.0.113.9")

    outputs = await run(chat.ask("How?", Conversation(), *PLAIN, stranger))

    assert "on the server&#x27;s own machine only" in shown(outputs[-1])
    assert container.answering.questions == []
    with pytest.raises(Forbidden):
        chat.stop(Conversation(), stranger)
    with pytest.raises(Forbidden):
        chat.clear(Conversation(), stranger)
    with pytest.raises(Forbidden):
        chat.resume(f"resume {KEY} #1", Conversation(), stranger)


async def test_the_limits_of_the_service_hold_here_too(container: FakeContainer) -> None:
    chat = chat_of(container, rate=1)
    await run(chat.ask("How?", Conversation(), *PLAIN, event()))
    refused = await run(chat.ask("How?", Conversation(), *PLAIN, event()))
    too_long = await run(chat.ask("x" * (MAX_QUESTION_CHARS + 1), Conversation(), *PLAIN, event()))

    assert "More than 1" in shown(refused[-1])
    assert "4,000 characters" in shown(too_long[-1])
    assert len(container.answering.questions) == 1


async def test_an_answer_that_breaks_off_keeps_what_came_and_says_why(
    container: FakeContainer,
) -> None:
    outputs = await run(chat_of(container).ask("fail now", Conversation(), *PLAIN, event()))

    assert "A node publishes" in shown(outputs[-1])
    assert "no answer within 20 s" in shown(outputs[-1])
    assert outputs[-1][1].history == ()


async def test_a_fault_of_ours_shows_no_inside(
    container: FakeContainer, caplog: pytest.LogCaptureFixture
) -> None:
    outputs = await run(chat_of(container).ask("bug now", Conversation(), *PLAIN, event()))

    assert "Something went wrong on our side" in shown(outputs[-1])
    assert "postgresql" not in shown(outputs[-1])
    assert "chat failed" in caplog.text


async def test_closing_the_page_closes_the_answer(container: FakeContainer) -> None:
    outputs = chat_of(container).ask("How?", Conversation(), *PLAIN, event())
    for _ in range(3):
        await anext(outputs)
    await outputs.aclose()

    assert container.answering.cut == 1


async def test_a_page_that_is_loaded_anew_shows_what_was_said(container: FakeContainer) -> None:
    chat, resume = chat_of(container), f"resume {KEY} #1"
    new = Conversation(key=KEY)
    assert chat.resume(resume, Conversation(), event())[1] == new
    outputs = await run(chat.ask("How?", new, *PLAIN, event()))

    messages, conversation = chat.resume(resume, Conversation(), event())
    assert (messages, conversation) == outputs[-1][:2]
    assert len(conversation.history) == 2
    chat.clear(conversation, event())
    assert chat.resume(resume, Conversation(), event())[1] == new


async def test_an_answer_that_a_reload_cut_is_marked_so(container: FakeContainer) -> None:
    chat = chat_of(container)
    outputs = chat.ask("How?", Conversation(key=KEY), *PLAIN, event())
    for _ in range(3):
        await anext(outputs)
    await outputs.aclose()

    messages, conversation = chat.resume(f"resume {KEY} #1", Conversation(), event())
    assert "Stopped. The answer is as far as it got." in str(messages)
    assert conversation.history == ()


async def test_a_page_that_has_begun_is_not_overwritten(container: FakeContainer) -> None:
    chat = chat_of(container)
    await run(chat.ask("Old?", Conversation(key=KEY), *PLAIN, event()))
    begun = Conversation().asked("New?")

    _, conversation = chat.resume(f"resume {KEY} #1", begun, event())
    assert conversation.exchanges == begun.exchanges
    assert conversation.key == KEY


async def test_retry_asks_the_last_question_with_what_came_before_it(
    container: FakeContainer,
) -> None:
    chat = chat_of(container)
    first = await run(chat.ask("One?", Conversation(), *PLAIN, event()))
    second = await run(chat.ask("Two?", first[-1][1], *PLAIN, event()))
    third = await run(chat.retry(second[-1][1], event()))

    assert container.answering.questions[2] == container.answering.questions[1]
    assert len(third[-1][1].exchanges) == 2


async def test_stop_marks_what_was_cut(container: FakeContainer) -> None:
    chat = chat_of(container)
    begun = Conversation().asked("How?")

    messages, conversation, *_ = chat.stop(begun.updated(text="Ha", shown="Ha"), event())

    assert "Stopped. The answer is as far as it got." in str(messages)
    assert conversation.history == ()
    assert "Stopped before the answer began." in str(chat.stop(begun, event())[0])
