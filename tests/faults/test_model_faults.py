"""What the model server can answer in place of an answer, over a real connection."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import replace

import pytest

from backend.adapters.http_pool import KEPT
from backend.metrics import DEGRADED, UPSTREAM_CALLS
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import product
from tests.faults.figures import scale, within
from tests.faults.invariants import SPARE, watched
from tests.faults.models import KEY, PATIENT, PATIENT_POLICIES, POLICIES, behind, keys
from tests.faults.waiting import rested


async def test_f04_short_retry_after_is_waited_out_once_a_long_one_is_told(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        before, wait_s = openai.calls("chat"), scale("WAIT_S", 1, 2)
        openai.fail("status", on="chat", status=429, retry_after=f"{wait_s}")
        answer = (await watch.ask()).json
        assert (answer["mode"], answer["degraded"]) == ("generated", None)
        assert openai.calls("chat") - before == 2
        openai.fail("status", on="chat", status=429, retry_after="120", times=None)
        started = time.perf_counter()
        answer = (await watch.ask()).json
        wall = time.perf_counter() - started
        assert answer["mode"] == "extractive"
        assert "ask again in 120 s" in answer["degraded"]
        assert openai.calls("chat") - before == 3, "nobody waits two minutes"
        assert (await watch.circuit("openai"))["failure_count"] == 0
        before, asked = openai.calls("chat"), 20
        openai.heal()
        openai.fail("status", on="chat", status=429, retry_after="0.01", times=None)
        for _ in range(asked):
            await watch.ask()
        calls = openai.calls("chat") - before
        assert calls <= 1.2 * asked + 1
        seen(f"1 retry after {wait_s} s; 120 s told after {wall:.2f} s; {calls} calls for {asked}")


async def test_f05_spent_quota_is_quoted_at_once(docs, tmp_path, openai, model_line, seen):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        before, counted = openai.calls("chat"), DEGRADED.value("next_model", "quota")
        openai.fail("status", on="chat", status=429, code="insufficient_quota", times=None)
        started = time.perf_counter()
        answer = (await watch.ask()).json
        wall = time.perf_counter() - started
        assert openai.calls("chat") - before == 1
        assert answer["mode"] == "extractive"
        assert "no quota left" in answer["degraded"]
        assert all(citation["url"] for citation in answer["citations"])
        within("seconds of an answer", wall, 1.0)
        assert DEGRADED.value("next_model", "quota") == counted + 1
        row = (await watch.ready())["openai"]
        assert (row["status"], "OPENAI_API_KEY" in row["detail"]) == ("down", True)
        assert (await watch.circuit("openai"))["failure_count"] == 0
        seen(f"0 retries, quoted after {wall * 1000:.0f} ms")


async def test_f06_burst_of_failures_is_not_amplified_and_opens_the_circuit(
    docs, tmp_path, openai, model_line, seen
):
    endless = POLICIES | {"openai": replace(PATIENT, failure_threshold=1000)}
    asked = 50
    async with (
        behind(model_line, docs, tmp_path, policies=endless) as site,
        # each connection that the pool keeps is four descriptors with the proxy's and the double's
        watched(site, heal=openai.heal, spare=SPARE + 4 * KEPT) as watch,
    ):
        before = openai.calls("chat")
        openai.fail("status", on="chat", status=503, times=None)
        for _ in range(asked // 5):
            replies = await asyncio.gather(*(watch.ask() for _ in range(5)))
            assert [reply.json["mode"] for reply in replies] == ["extractive"] * 5
        unbroken = openai.calls("chat") - before
        assert unbroken <= 1.2 * asked
    openai.heal()
    data = tmp_path / "again"
    async with (
        behind(model_line, docs, data, policies=PATIENT_POLICIES) as site,
        watched(site, mode=None) as watch,
    ):
        before = openai.calls("chat")
        openai.fail("status", on="chat", status=500, times=None)
        for _ in range(asked):
            await watch.ask()
        calls = openai.calls("chat") - before
        entry = await watch.circuit("openai")
        assert entry["state"] in ("open", "half_open")
        assert entry["last_error_kind"] == "upstream_unavailable"
        assert calls <= 1.2 * asked
        openai.heal()
        await rested(site)
        assert (await watch.ask()).json["mode"] == "generated"
        seen(f"{unbroken} calls for {asked} requests without the circuit, {calls} with it")


@pytest.mark.parametrize("status", [401, 403])
async def test_f09_refused_key_is_red_at_once_and_shown_nowhere(
    docs, tmp_path, openai, model_line, seen, caplog, status
):
    caplog.set_level(logging.DEBUG)
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        before = openai.calls("chat")
        openai.fail("status", on="chat", status=status, code="invalid_api_key", times=None)
        answer = (await watch.ask()).json
        assert openai.calls("chat") - before == 1
        assert answer["mode"] == "extractive"
        assert "OPENAI_API_KEY" in answer["degraded"]
        assert (await watch.circuit("openai"))["failure_count"] == 0
        ready = await watch.ready()
        assert (ready["http"], ready["openai"]["status"]) == (200, "down")
        assert "OPENAI_API_KEY" in ready["openai"]["detail"]
        openai.heal()
        assert (await watch.ask()).json["mode"] == "generated"
        assert (await watch.ready())["openai"]["status"] == "ok", "and green without a restart"
        shown = b"".join(reply.body for reply in watch.replies) + caplog.text.encode()
        assert shown.count(KEY.encode()) == 0
        seen("0 retries, 0 bytes of the key")


async def test_f10_embeddings_that_do_not_fit_the_index_are_left_out(
    docs, tmp_path, openai, qdrant, seen
):
    openai.dimensions = 512
    variables = keys(openai.port, QDRANT_URL=qdrant.url, EMBEDDING_MODEL="house-model")
    async with (
        product(docs, tmp_path / "data", policies=POLICIES, **variables) as site,
        watched(site, mode=None) as watch,
    ):
        assert (await watch.ask()).json["degraded"] is None
        openai.dimensions = 1024
        vectors = site.container.retrieval._embedder
        embedder = vectors._embedder._inner
        asked = openai.calls("embeddings")
        for part, expected in (("embeddings", 512), ("qdrant", None)):
            vectors._vectors.clear()
            embedder.dimensions = expected  # None: nothing but the index itself can tell
            counted = UPSTREAM_CALLS.value(part, "dimension_mismatch")
            answer = (await watch.ask()).json
            assert answer["mode"] == "generated"
            for word in ("words only", "512", "1024"):
                assert word in answer["degraded"]
            assert UPSTREAM_CALLS.value(part, "dimension_mismatch") == counted + 1
            assert (await watch.circuit(part))["failure_count"] == 0
            row = (await watch.ready())[part]
            assert row["status"] == "down"
            assert {"512", "1024"} <= set(re.findall(r"\d+", row["detail"]))
        assert openai.calls("embeddings") - asked == 2
        vectors._vectors.clear()
        openai.dimensions = embedder.dimensions = 512
        assert (await watch.ask()).json["degraded"] is None, "recovery"
        seen("0 retries; 512 and 1024 named in `degraded` and readiness")


async def test_fallback_model_answers_where_the_first_one_fails(docs, tmp_path, openai, model_line):
    async with OpenAIDouble() as second:
        more = {
            "FALLBACK_API_KEY": "second-key-not-real",
            "FALLBACK_BASE_URL": second.base_url,
            "FALLBACK_MODEL": "gpt-4o-mini",
        }
        async with (
            behind(model_line, docs, tmp_path, **more) as site,
            watched(site, heal=model_line.heal) as watch,
        ):
            model_line.set(hang=True)
            late = DEGRADED.value("next_model", "upstream_timeout")
            quoted = DEGRADED.value("quoted", "models_failed")
            reply = await watch.stream()
            answer = reply.events[-1][1]
            assert answer["mode"] == "generated"
            assert "did not answer in time" in answer["degraded"]
            assert {"failed", "first_token"} <= answer["timings_ms"].keys()
            second.fail("status", on="chat", status=500, times=None)
            answer = (await watch.ask()).json
            assert answer["mode"] == "extractive"
            assert "Quoted from the book" in answer["degraded"]
            assert DEGRADED.value("next_model", "upstream_timeout") >= late + 2
            assert DEGRADED.value("quoted", "models_failed") == quoted + 1


async def test_embeddings_that_are_away_leave_the_search_by_words(
    docs, tmp_path, openai, model_line
):
    variables = keys(openai.port, EMBEDDING_API_KEY=KEY, EMBEDDING_BASE_URL=model_line.url + "/v1")
    async with (
        product(docs, tmp_path / "data", policies=POLICIES, **variables) as site,
        watched(site, heal=model_line.heal, mode=None) as watch,
    ):
        model_line.cut()
        model_line.set(refuse=True)
        counted = DEGRADED.value("words_only", "upstream_unavailable")
        answer = (await watch.ask()).json
        assert answer["mode"] == "generated"
        assert "words only" in answer["degraded"]
        assert DEGRADED.value("words_only", "upstream_unavailable") == counted + 1
