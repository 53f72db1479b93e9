"""What an answer has cost, from the provider's count of its tokens to the metric."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.metrics import COST
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import ask, product, write_book

QUESTION = "What is a topic?"


async def test_answer_tells_its_cost_where_the_price_is_known(tmp_path: Path) -> None:
    docs = write_book(tmp_path / "docs")
    async with OpenAIDouble() as openai:
        keys = {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url}
        async with product(docs, tmp_path / "one", **keys) as site:
            assert (await ask(site, QUESTION))["usage"]["cost_usd"] is None
        prices = {"MODEL_PRICES": "gpt-4o-mini=100/1000"}
        async with product(docs, tmp_path / "two", **keys, **prices) as site:
            before = COST.value()
            usage = (await ask(site, QUESTION))["usage"]
            expected = usage["prompt_tokens"] * 1e-4 + usage["completion_tokens"] * 1e-3
            assert usage["cost_usd"] == pytest.approx(expected)
            assert COST.value() - before == pytest.approx(expected)
            metrics = (await site.ask("GET", "/metrics")).body.decode()
            assert "book_answers_cost_usd_total" in metrics
    async with product(docs, tmp_path / "three") as site:
        assert (await ask(site, QUESTION))["usage"]["cost_usd"] == 0.0, "no model, no cost"
