"""What the model server can do to a stream, over a real connection."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from backend.metrics import UPSTREAM_CALLS
from backend.services import answering
from tests.api.serving import parse_events
from tests.faults.figures import scale, within
from tests.faults.invariants import QUESTION, watched
from tests.faults.models import CHAT, LATE_S, PATIENT_POLICIES, POLICIES, SOON_S, behind
from tests.faults.readers import sign_up, whole_pairs
from tests.faults.waiting import rested

WHOLE_S = 2.0
RESET_REPLY = " ".join(f"word{n}" for n in range(60)) + " [1]."


def tokens_of(reply):
    return [data["text"] for name, data in reply.events if name == "token"]


async def partial(site, reader, error) -> str:
    """The text that is kept of an answer that broke off, as its reader finds it."""
    messages = await reader.messages(site, error["session_id"])
    whole_pairs(messages)
    assert (messages[-1]["id"], messages[-1]["status"]) == (error["message_id"], "truncated")
    return str(messages[-1]["content"])


async def test_f01_slow_first_token_leaves_headers_and_sources_at_once(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=model_line.heal),
    ):
        model_line.set(hang=True)
        started = time.perf_counter()
        async with site.http.post("/chat/stream", json={"query": QUESTION}) as response:
            first = await response.content.readline()
            first_s = time.perf_counter() - started
            text = first.decode()
            while "event: sources" not in text:
                text += (await response.content.readline()).decode()
            sources_s = time.perf_counter() - started
            await asyncio.sleep(scale("SLOW_S", 0, 8))
            model_line.heal()  # it has not said a word until now
            text += (await response.content.read()).decode()
        assert first.startswith(b":")
        events = parse_events(text)
        names = [name for name, _ in events]
        assert (names[0], names[-1], names.count("sources")) == ("sources", "done", 1)
        timings = events[-1][1]["timings_ms"]
        assert {"search", "embed", "first_token", "generate", "total"} <= timings.keys()
        assert (events[-1][1]["mode"], events[-1][1]["degraded"]) == ("generated", None)
        within("seconds until the first byte", first_s, 0.3)
        seen(
            f"first byte {first_s * 1000:.0f} ms, sources {sources_s * 1000:.0f} ms, first token "
            f"{timings['first_token'] / 1000:.1f} s"
        )


async def test_f02_hang_before_the_first_token_is_quoted_within_the_deadline(
    docs, tmp_path, openai, model_line, seen
):
    chat = replace(CHAT, failure_threshold=3, open_s=4.0)
    async with (
        behind(model_line, docs, tmp_path, policies=POLICIES | {"openai": chat}) as site,
        watched(site, heal=model_line.heal, mode=None) as watch,
    ):
        model_line.set(hang=True)
        walls = []
        for _ in range(chat.failure_threshold):
            started = time.perf_counter()
            answer = (await watch.stream()).events[-1][1]
            walls.append(time.perf_counter() - started)
            assert answer["mode"] == "extractive"
            assert "did not answer in time" in answer["degraded"]
            assert "failed" in answer["timings_ms"]
        within("seconds of an answer", max(walls), SOON_S + LATE_S)
        assert (await watch.circuit("openai"))["state"] == "open"
        refused, held = UPSTREAM_CALLS.value("openai", "circuit_open"), model_line.held
        started = time.perf_counter()
        answer = (await watch.ask()).json
        fast = time.perf_counter() - started
        assert UPSTREAM_CALLS.value("openai", "circuit_open") == refused + 1
        assert model_line.held == held, "nobody asked a model that is left alone"
        assert answer["mode"] == "extractive"
        within("seconds of an answer with an open circuit", fast, 0.05)
        model_line.heal()
        await rested(site)
        assert (await watch.ask()).json["mode"] == "generated", "one probe closes the circuit"
        seen(
            f"{max(walls):.2f} s at a deadline of {SOON_S:.2f} s; open circuit {fast * 1000:.0f} ms"
        )


async def test_f02_hang_before_a_whole_answer_is_quoted_within_its_deadline(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path) as site,
        watched(site, heal=model_line.heal) as watch,
    ):
        model_line.set(hang=True)
        started = time.perf_counter()
        answer = (await watch.ask()).json
        wall = time.perf_counter() - started
        assert answer["mode"] == "extractive"
        assert "did not answer in time" in answer["degraded"]
        within("seconds of an answer", wall, SOON_S + LATE_S)
        assert (await watch.circuit("openai"))["failure_count"] == 1
        seen(f"JSON quoted after {wall:.2f} s")


async def test_f03_hang_between_tokens_ends_with_one_error_and_keeps_the_text(
    docs, tmp_path, openai, model_line, seen
):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        reader = await sign_up(site)
        openai.reply = "A topic is a named bus [1]."
        openai.fail("hang_mid", on="chat", after=3)
        started = time.perf_counter()
        streamed = await watch.stream(headers=reader.headers)
        wall = time.perf_counter() - started
        within("seconds until the error", wall, SOON_S + LATE_S)
        name, error = streamed.events[-1]
        assert (name, error.get("code")) == ("error", "upstream_timeout"), error
        assert (error["truncated"], error["retryable"]) == (True, True)
        assert "generate" in error["timings_ms"]
        assert "".join(tokens_of(streamed)).split() == ["A", "topic", "is"]
        assert (await partial(site, reader, error)).split() == ["A", "topic", "is"]
        assert (await watch.circuit("openai"))["failure_count"] == 0
        seen(f"ended after {wall:.2f} s at a deadline of {SOON_S:.2f} s")


async def test_f03_answer_without_end_is_cut_by_the_deadline_of_the_whole(
    docs, tmp_path, openai, model_line, monkeypatch, seen
):
    """Each token comes in time, and so would the next one, for hours."""
    monkeypatch.setattr(answering, "ANSWER_DEADLINE_S", WHOLE_S)
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        openai.reply, openai.token_delay_s = "word " * 100_000, 0.05
        started = time.perf_counter()
        streamed = await watch.stream()
        wall = time.perf_counter() - started
        openai.reply, openai.token_delay_s = None, 0.0
        name, error = streamed.events[-1]
        assert (name, error.get("code")) == ("error", "upstream_timeout"), error
        assert error["truncated"] is True
        assert {"search", "first_token", "generate", "total"} <= error["timings_ms"].keys()
        assert tokens_of(streamed)
        within("seconds until the error", wall, WHOLE_S + LATE_S)
        seen(f"no end: cut after {wall:.1f} s at a deadline of {WHOLE_S:.0f} s for the whole")


async def test_f03_hang_in_a_whole_answer_is_quoted(docs, tmp_path, openai, model_line, seen):
    async with (
        behind(model_line, docs, tmp_path) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        openai.fail("hang_mid", on="chat")
        answer = (await watch.ask()).json
        assert answer["mode"] == "extractive"
        assert "did not answer in time" in answer["degraded"]
        assert "broke off" not in answer["degraded"], "nobody saw a word of it"
        seen("JSON quoted")


async def test_f07_reset_after_the_first_token_is_never_run_again(
    docs, tmp_path, openai, model_line, seen
):
    openai.token_delay_s = 0.02
    openai.reply = RESET_REPLY
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=model_line.heal) as watch,
    ):
        reader = await sign_up(site)
        before = openai.calls("chat")
        model_line.cut()
        model_line.set(reset_after=900)
        reply = await watch.stream(headers=reader.headers)
        assert openai.calls("chat") - before == 1
        name, error = reply.events[-1]
        assert (name, error["code"]) == ("error", "upstream_unavailable")
        assert error["truncated"] is True
        said = tokens_of(reply)
        assert said
        openai.reply = None
        words = "".join(said).split()
        assert (await partial(site, reader, error)).split() == words
        assert " ".join(words) in " ".join(RESET_REPLY.split()), "a token came twice"
        seen(f"{len(words)} tokens, 1 call, 1 error")


async def test_f07_reset_in_a_whole_answer_is_asked_again(docs, tmp_path, openai, model_line, seen):
    async with (
        behind(model_line, docs, tmp_path, policies=PATIENT_POLICIES) as site,
        watched(site, heal=openai.heal) as watch,
    ):
        before = openai.calls("chat")
        openai.fail("reset", on="chat")
        answer = (await watch.ask()).json
        assert (answer["mode"], answer["degraded"]) == ("generated", None)
        assert openai.calls("chat") - before == 2
        seen("JSON: nothing was shown, so asked again")


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
        answer = (await watch.ask()).json
        assert answer["mode"] == ("generated" if kind == "length" else "extractive")
        assert answer["response"].strip()
        assert answer["degraded"]
        seen(f"{kind}: {name}" + (f" {mode}" if mode else "") + f", JSON {answer['mode']}")
