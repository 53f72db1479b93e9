"""The chat of the page and ``POST /chat``: the same question, the same way, the same numbers."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import gradio as gr
import orjson
import pytest
from starlette.requests import Request

from backend.domain import Answer, AnswerEvent, DoneEvent, Principal, Question
from backend.services.admin import AdminGate
from backend.services.limits import Limits, MemoryCounters
from tests.api.serving import Site
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import ask, product, write_book
from tests.unit.ui.asgi import scope_of
from ui.access import Doorman
from ui.chat import Chat
from ui.conversation import Conversation
from ui.markup import duration, money
from ui.why import STEPS, steps_of

QUESTIONS = {
    "generated": "What is a topic?",
    "extractive": "What is a topic?",
    "refused": "Which battery lasts longest on Mars?",
}


@dataclass
class Listening:
    """The container, and every answer that the page was given by it."""

    container: Any
    answers: list[Answer] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.container, name)

    @property
    def dialogues(self) -> Listening:
        return self

    async def open(self, question: Question, asker: Principal) -> Any:
        self._opened = await self.container.dialogues.open(question, asker)
        return self

    @property
    def events(self) -> AsyncGenerator[AnswerEvent, None]:
        return self._overheard()

    async def _overheard(self) -> AsyncGenerator[AnswerEvent, None]:
        async with aclosing(self._opened.events) as events:
            async for event in events:
                if isinstance(event, DoneEvent):
                    self.answers.append(event.answer)
                yield event


@dataclass
class Asked:
    """One question: what REST said, what the page was given, and what it shows."""

    rest: Any
    found: Any
    answer: Answer
    conversation: Conversation

    @property
    def foot(self) -> str:
        return self.conversation.exchanges[-1].foot

    @property
    def panel(self) -> str:
        return self.foot.split("Why this answer</summary>", 1)[1]


async def on_the_page(site: Site, question: str) -> tuple[Answer, Conversation]:
    parts = Listening(site.container)
    chat = Chat(
        parts,
        Doorman(AdminGate(None, on_space=False), on_space=False),
        Limits(None, MemoryCounters()),
    )
    event = gr.Request(Request(scope_of("POST", "/gradio_api/queue/join")))
    outputs = [out async for out in chat.ask(question, Conversation(), "", "", "", "", event)]
    return parts.answers[-1], outputs[-1][1]


@pytest.fixture(params=list(QUESTIONS))
async def asked(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Asked]:
    """The real service with a model that always says the same, or with none."""
    question = QUESTIONS[request.param]
    async with OpenAIDouble() as openai:
        openai.reply = "A topic is a named bus over which nodes exchange messages [1]."
        keys = {
            "OPENAI_API_KEY": "test-key-not-real",
            "OPENAI_BASE_URL": openai.base_url,
            "MODEL_PRICES": "gpt-4o-mini=0.15/0.60",
        }
        docs = write_book(tmp_path / "docs")
        chosen = {} if request.param == "extractive" else keys
        async with product(docs, tmp_path / "data", **chosen) as site:
            rest = await ask(site, question)
            assert rest["mode"] == request.param
            found = await site.ask("POST", "/api/search", json={"query": question})
            yield Asked(rest, found.json, *await on_the_page(site, question))


async def test_the_page_gets_what_post_chat_answers(asked: Asked) -> None:
    rest, answer, shown = asked.rest, asked.answer, asked.conversation.exchanges[-1]

    assert answer.text == shown.text == rest["answer"]
    assert answer.mode.value == rest["mode"]
    assert answer.degraded == rest["degraded"]
    assert orjson.loads(orjson.dumps(answer.citations)) == rest["citations"]
    assert answer.usage.total_tokens == rest["usage"]["total_tokens"]
    assert answer.usage.prompt_tokens == rest["usage"]["prompt_tokens"]
    assert set(answer.timings_ms) - {"first_token"} == set(rest["timings_ms"])
    assert shown.message_id == answer.message_id


async def test_the_panel_shows_the_candidates_with_the_scores_of_the_search(asked: Asked) -> None:
    trace = asked.answer.trace
    assert trace is not None
    scored = [(hit.score, hit.dense_score, hit.sparse_score) for hit in trace.candidates]

    told = [(r["score"], r["dense_score"], r["sparse_score"]) for r in asked.found["results"]]
    assert scored == told[: len(scored)]
    assert bool(scored) is (asked.rest["mode"] != "refused")
    assert trace.confidence == asked.found["confidence"]
    assert f"<b>{asked.found['confidence']:.2f}</b>" in asked.panel
    rows = re.findall(r"<tr class=\"(.*?)\">(.*?)</tr>", asked.panel)
    assert len(rows) == len(trace.candidates) + len(trace.dropped)
    for hit, (kind, row) in zip((*trace.candidates, *trace.dropped), rows, strict=True):
        assert kind == ("" if hit in trace.candidates else "ba-out")
        cells = re.findall(r"<td>([^<]*)</td>", row)
        raw = (hit.score, hit.dense_score, hit.sparse_score)
        assert cells[-3:] == ["–" if value is None else f"{value:.3f}" for value in raw]


async def test_the_panel_shows_tokens_and_every_step_with_its_time(asked: Asked) -> None:
    steps = steps_of(asked.answer.timings_ms)
    total = sum(value for _, value in steps)

    legend = re.findall(r"</i>([^<]+) <b>([^<]+)</b>", unescape(asked.panel))
    assert legend == [(STEPS[name], duration(value)) for name, value in steps]
    widths = [float(width) for width in re.findall(r"flex-grow:([\d.]+)", asked.panel)]
    assert widths == [pytest.approx(value / total, abs=1e-4) for _, value in steps]
    tokens = asked.rest["usage"]["total_tokens"]
    assert (f"<b>{tokens:,}</b> tokens" in asked.panel) is (tokens > 0)
    cost = asked.rest["usage"]["cost_usd"]
    assert cost == asked.answer.usage.cost_usd
    assert (tokens == 0) or (cost or 0) > 0, "MODEL_PRICES names the model"
    assert (tokens == 0) or f"<b>{money(cost)}</b>" in asked.panel


async def test_the_page_shows_every_citation_of_the_answer(asked: Asked) -> None:
    shown = unescape(asked.foot)

    for citation in asked.rest["citations"]:
        assert f'<span class="ba-n">{citation["n"]}</span>' in shown
        assert citation["title"] in shown
        assert citation["source"] in shown
    assert shown.count('class="ba-n"') == len(asked.rest["citations"])
