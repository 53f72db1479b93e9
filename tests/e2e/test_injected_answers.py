"""A hostile model against the whole product: what is left of its answers holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.quality.injection import HOST, REPLIES, faults
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import CHAPTERS, ask, product, write_book

QUESTION = "Which call creates a node, and what is a topic?"


@pytest.mark.parametrize("number", range(len(REPLIES)))
async def test_nothing_that_a_model_makes_up_gets_through(tmp_path: Path, number: int) -> None:
    docs = write_book(tmp_path / "docs")
    async with OpenAIDouble() as model:
        model.reply = lambda messages: REPLIES[number](1, "A node is a process that performs.")
        chosen = {"OPENAI_BASE_URL": model.base_url, "SCORE_THRESHOLD": "0"}
        async with product(docs, tmp_path / "data", **chosen) as site:
            answer = await ask(site, QUESTION)
            reply = await site.ask("POST", "/chat/stream", json={"query": QUESTION})
    streamed = next(data for name, data in reply.events if name == "done")
    for whole in (answer, streamed):
        assert whole["mode"] == "generated"
        assert not any(faults(whole, CHAPTERS).values()), (faults(whole, CHAPTERS), whole)


async def test_a_link_of_the_book_may_stay(tmp_path: Path) -> None:
    book = {"a.md": f"# Links\n\nThe manual of links is at https://{HOST}/manual for all.\n"}
    async with OpenAIDouble() as model:
        model.reply = f"It is at https://{HOST}/manual, not at https://{HOST}/other [1]."
        chosen = {"OPENAI_BASE_URL": model.base_url, "SCORE_THRESHOLD": "0"}
        docs = write_book(tmp_path / "docs", book)
        async with product(docs, tmp_path / "data", **chosen) as site:
            answer = await ask(site, "Where is the manual of links?")
    assert answer["response"] == f"It is at https://{HOST}/manual, not at (link left out) [1]."
