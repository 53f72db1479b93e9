"""What the model server can do to us, over a real connection."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from backend.guarded import CHAT_POLICY, EMBED_POLICY
from backend.metrics import DEGRADED, UPSTREAM_CALLS
from tests.api.serving import parse_events
from tests.doubles.openai import OpenAIDouble
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import product
from tests.faults.invariants import QUESTION, watched

KEY = "test-key-not-real"
SOON_S = 0.25
LATE_S = 0.5
"""What a deadline may be exceeded by."""
CHAT = replace(
    CHAT_POLICY, first_token_timeout_s=SOON_S, idle_timeout_s=SOON_S, base_delay_s=0.01, open_s=0.2
)
PATIENT = replace(CHAT, first_token_timeout_s=10.0)
POLICIES = {"openai": CHAT, "embeddings": replace(EMBED_POLICY, base_delay_s=0.01, open_s=0.2)}
PATIENT_POLICIES = POLICIES | {"openai": PATIENT}
FAILURES = CHAT.failure_threshold


def keys(port: int, **more: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", **more}


@asynccontextmanager
async def behind(line, docs, tmp_path, *, policies=POLICIES, **more):
    """The product whose model server is behind the proxy, embeddings on a line of their own."""
    embeddings = {"EMBEDDING_BASE_URL": f"http://127.0.0.1:{line.target}/v1"}
    async with QdrantDouble() as index:
        variables = keys(
            line.port, EMBEDDING_API_KEY=KEY, QDRANT_URL=index.url, **embeddings, **more
        )
        async with product(docs, tmp_path / "data", policies=policies, **variables) as site:
            yield site


def tokens_of(reply):
    return [data["text"] for name, data in reply.events if name == "token"]


async def test_f01_slow_first_token_leaves_headers_and_sources_at_once(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=model_line.heal),
    ):
        model_line.set(latency_s=0.6)
        started = time.perf_counter()
        async with site.http.post("/chat/stream", json={"query": QUESTION}) as response:
            first = await response.content.readline()
            first_s = time.perf_counter() - started
            text = first.decode()
            while "event: sources" not in text:
                text += (await response.content.readline()).decode()
            sources_s = time.perf_counter() - started
            text += (await response.content.read()).decode()
            whole_s = time.perf_counter() - started
        assert first.startswith(b":")
        events = parse_events(text)
        names = [name for name, _ in events]
        assert (names[0], names[-1], names.count("sources")) == ("sources", "done", 1)
        timings = events[-1][1]["timings_ms"]
        assert timings["first_token"] >= 600
        assert {"search", "embed", "first_token", "generate", "total"} <= timings.keys()
        assert first_s < 0.3
        assert sources_s < 0.6 < whole_s
        seen(f"first byte {first_s * 1000:.0f} ms, sources {sources_s * 1000:.0f} ms")


async def test_f02_hang_before_the_first_token_is_quoted_within_the_deadline(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path) as site,
        watched(site, heal=model_line.heal, mode=None) as watch,
    ):
        model_line.set(hang=True)
        walls = []
        for _ in range(FAILURES):
            started = time.perf_counter()
            answer = (await watch.stream()).events[-1][1]
            walls.append(time.perf_counter() - started)
            assert answer["mode"] == "extractive"
            assert "did not answer in time" in answer["degraded"]
            assert answer["timings_ms"]["failed"] >= SOON_S * 1000 * 0.9
        assert max(walls) < SOON_S + LATE_S
        assert (await watch.circuit("openai"))["state"] == "open"
        started = time.perf_counter()
        assert (await watch.ask()).json["timings_ms"]["failed"] < 50
        fast = time.perf_counter() - started
        model_line.heal()
        await asyncio.sleep(CHAT.open_s)
        assert (await watch.ask()).json["mode"] == "generated", "one probe closes the circuit"
        seen(
            f"{max(walls):.2f} s at a deadline of {SOON_S:.2f} s; open circuit {fast * 1000:.0f} ms"
        )


async def test_f03_hang_between_tokens_ends_with_one_error_and_keeps_the_text(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        openai.reply = "A topic is a named bus [1]."
        for ask in (watch.stream, watch.ask):
            openai.fail("hang_mid", on="chat", after=3)
            started = time.perf_counter()
            await ask()
            wall = time.perf_counter() - started
            assert wall < SOON_S + LATE_S
        streamed, whole = watch.replies
        name, error = streamed.events[-1]
        assert (name, error.get("code")) == ("error", "upstream_timeout"), error
        assert (error["truncated"], error["retryable"]) == (True, True)
        assert "generate" in error["timings_ms"]
        assert whole.status == 200
        assert whole.json["response"].split() == "".join(tokens_of(streamed)).split()
        assert "broke off" in whole.json["degraded"]
        assert (await watch.circuit("openai"))["failure_count"] == 0
        seen(f"ended after {wall:.2f} s at a deadline of {SOON_S:.2f} s")


async def test_f04_short_retry_after_is_waited_out_once_a_long_one_is_told(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        before = openai.calls("chat")
        openai.fail("status", on="chat", status=429, retry_after="1")
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
        seen(f"1 retry after 1 s; 120 s told after {wall:.2f} s; {calls} calls for {asked}")


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
        assert wall < 1.0
        assert DEGRADED.value("next_model", "quota") == counted + 1
        row = (await watch.ready())["openai"]
        assert (row["status"], "OPENAI_API_KEY" in row["detail"]) == ("down", True)
        assert (await watch.circuit("openai"))["failure_count"] == 0
        seen(f"0 retries, quoted after {wall * 1000:.0f} ms")


async def test_f06_burst_of_failures_is_not_amplified_and_opens_the_circuit(
    docs, tmp_path, openai, model_line, seen
):
    patient = POLICIES | {"openai": replace(CHAT, failure_threshold=1000)}
    asked = 50
    async with (
        behind(model_line, docs, tmp_path, policies=patient) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        before = openai.calls("chat")
        openai.fail("status", on="chat", status=503, times=None)
        for _ in range(asked):
            assert (await watch.ask()).json["mode"] == "extractive"
        unbroken = openai.calls("chat") - before
        assert unbroken <= 1.2 * asked
    openai.heal()
    data = tmp_path / "again"
    async with (
        behind(model_line, docs, data) as site,
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
        await asyncio.sleep(CHAT.open_s)
        assert (await watch.ask()).json["mode"] == "generated"
        seen(f"{unbroken} calls for {asked} requests without the circuit, {calls} with it")


async def test_f07_reset_after_the_first_token_is_never_run_again(
    docs, tmp_path, openai, model_line, seen
):
    openai.token_delay_s = 0.02
    async with (
        behind(model_line, docs, tmp_path) as site,
        watched(site, heal=model_line.heal) as watch,
    ):
        before = openai.calls("chat")
        model_line.cut()
        model_line.set(reset_after=900)
        reply = await watch.stream()
        assert openai.calls("chat") - before == 1
        name, error = reply.events[-1]
        assert (name, error["code"]) == ("error", "upstream_unavailable")
        assert error["truncated"] is True
        said = tokens_of(reply)
        assert said
        assert len(said) == len(set(said)), "a token came twice"
        seen(f"{len(said)} tokens, 1 call, 1 error")


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("malformed", None), ("no_choices", "generated"), ("non_utf8", None), ("cut", None),
        ("empty", "extractive"), ("length", "generated"), ("garbage", "extractive"),
    ],
)  # fmt: skip
async def test_f08_malformed_stream_is_never_an_empty_success(
    docs, tmp_path, openai, model_line, seen, kind, mode
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        openai.fail(kind, on="chat", times=None, after=2)
        reply = await watch.stream()
        name, last = reply.events[-1]
        if mode is None:
            assert (name, last["code"]) == ("error", "upstream_malformed")
            assert last["truncated"] is True
        else:
            assert (name, last["mode"]) == ("done", mode)
            assert last["response"].strip()
            assert bool(last["degraded"]) is (kind != "no_choices")
        assert (await watch.ask()).json["response"].strip()
        seen(f"{kind}: {name}" + (f" {mode}" if mode else ""))


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
    variables = keys(openai.port, QDRANT_URL=qdrant.url, EMBEDDING_MODEL="house-model")
    openai.dimensions = 512
    async with product(docs, tmp_path / "data", **variables) as site:
        pass
    openai.dimensions = 1024
    name = next(iter(qdrant.collections))
    qdrant.collections[name].dense["dense"]["size"] = 512
    async with (
        product(docs, tmp_path / "data", policies=POLICIES, **variables) as site,
        watched(site, mode=None) as watch,
    ):
        container = site.container
        container.retrieval._embedder._inner.dimensions = None
        counted = UPSTREAM_CALLS.value("qdrant", "dimension_mismatch")
        reply = await watch.ask()
        degraded = reply.json["degraded"]
        assert reply.json["mode"] == "generated"
        assert "words only" in degraded
        assert "512" in degraded
        assert "1024" in degraded
        assert UPSTREAM_CALLS.value("qdrant", "dimension_mismatch") <= counted + 1
        for part in ("qdrant", "embeddings"):
            assert (await watch.circuit(part))["failure_count"] == 0
        rows = await watch.ready()
        red = [row["detail"] for row in rows.values() if isinstance(row, dict) and row["detail"]]
        assert any("512" in detail and "1024" in detail for detail in red), rows
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
            reply = await watch.stream()
            answer = reply.events[-1][1]
            assert answer["mode"] == "generated"
            assert "did not answer in time" in answer["degraded"]
            assert {"failed", "first_token"} <= answer["timings_ms"].keys()
            second.fail("status", on="chat", status=500, times=None)
            answer = (await watch.ask()).json
            assert answer["mode"] == "extractive"
            assert "Quoted from the book" in answer["degraded"]


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
        answer = (await watch.ask()).json
        assert answer["mode"] == "generated"
        assert "words only" in answer["degraded"]
        assert sum(DEGRADED.values.values()) > 0
