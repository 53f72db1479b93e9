from __future__ import annotations

import asyncio

import pytest

from backend import metrics
from backend.api.metrics import render
from backend.errors import UpstreamQuota
from backend.metrics import SECONDS, Counter, Durations, outcome_of
from tests.api.fakes import FakeContainer
from tests.api.serving import serving
from tests.api.test_admin import TOKEN
from tests.doubles.openai import OpenAIDouble
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import ask, product, write_book


def test_counter_counts_by_labels() -> None:
    counter = Counter("things", "Things.", ("kind",))
    counter.add("a")
    counter.add("a", amount=2)
    assert (counter.value("a"), counter.value("b")) == (3, 0)


def test_durations_are_cumulative_in_buckets_whose_bounds_belong_to_them() -> None:
    durations = Durations("waits", "Waits.", "step")
    for seconds in (SECONDS[0], SECONDS[0] + 0.001, 1_000.0):
        durations.observe("x", seconds)
    buckets = [count for _, count in durations.buckets("x")]
    assert buckets[:2] == [1, 2]
    assert buckets[-2:] == [2, 3]
    assert len(buckets) == len(SECONDS) + 1
    assert durations.total("x") == pytest.approx(1_000.011)


def test_outcome_is_a_stable_word() -> None:
    errors = (None, UpstreamQuota("openai", "No."), asyncio.CancelledError(), KeyError("x"))
    assert [outcome_of(error) for error in errors] == ["ok", "quota", "cancelled", "failed"]


def test_text_has_every_instrument_and_what_is_read_at_the_moment() -> None:
    metrics.STEP_SECONDS.observe("search", 0.02)
    body, kind = render({"qdrant": {"state": "open"}}, {"index_points": 12.0})
    text = body.decode()
    assert kind.startswith("text/plain")
    for instrument in (*metrics.COUNTERS, *metrics.DURATIONS):
        assert f"# HELP {instrument.name}" in text
    assert 'book_answers_circuit_state{state="open",upstream="qdrant"} 1.0' in text
    assert 'book_answers_circuit_state{state="closed",upstream="qdrant"} 0.0' in text
    assert "book_answers_index_points 12.0" in text
    assert 'book_answers_step_seconds_bucket{le="+Inf",step="search"}' in text
    assert "process_resident_memory_bytes" in text


async def test_route_is_for_the_admin() -> None:
    async with serving(FakeContainer(admin_token=TOKEN)) as site:
        assert (await site.ask("GET", "/metrics")).status == 401
        reply = await site.ask("GET", "/metrics", headers={"x-admin-token": TOKEN})
        assert reply.status == 200
        assert "qdrant" in reply.body.decode()


async def test_questions_are_counted_by_pattern_of_their_path_and_by_step(tmp_path) -> None:
    docs = write_book(tmp_path / "docs")
    async with OpenAIDouble() as openai, QdrantDouble() as index:
        variables = {
            "OPENAI_API_KEY": "test-key-not-real",
            "OPENAI_BASE_URL": openai.base_url,
            "QDRANT_URL": index.url,
        }
        async with product(docs, tmp_path / "data", **variables) as site:
            asked = metrics.REQUESTS.value("POST", "/chat", "200")
            spent = metrics.TOKENS.value("prompt")
            answer = await ask(site, "What is a topic?")
            await site.ask("GET", "/no/such/secret-path")
            text = (await site.ask("GET", "/metrics")).body.decode()
    assert metrics.REQUESTS.value("POST", "/chat", "200") == asked + 1
    assert metrics.TOKENS.value("prompt") == spent + answer["usage"]["prompt_tokens"]
    assert "secret-path" not in text
    for step in answer["timings_ms"]:
        assert f'step="{step}"' in text
    assert 'upstream="openai"' in text
