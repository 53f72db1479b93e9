"""What the vector database can do to us, over a real connection."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from backend.domain import JobState
from backend.guarded import INDEX_POLICY
from backend.metrics import SKIPPED_POINTS
from tests.doubles.qdrant import Fault
from tests.e2e.product import ingest, product, until
from tests.faults.figures import within
from tests.faults.invariants import QUESTION, watched
from tests.faults.models import keys

QUICK = {"qdrant": replace(INDEX_POLICY, base_delay_s=0.01, open_s=0.2)}
ADDED_S = 2.5
SEARCH = r"POST .*/points/query"
WRITE = r"POST .*/points/batch"


@asynccontextmanager
async def behind(line, docs, tmp_path, openai):
    """The product whose index is behind the proxy."""
    variables = keys(openai.port, QDRANT_URL=line.url)
    async with product(docs, tmp_path / "data", policies=QUICK, **variables) as site:
        yield site


@pytest.mark.parametrize(
    ("toxic", "code"),
    [({"refuse": True}, "upstream_unavailable"), ({"hang": True}, "upstream_timeout")],
    ids=["down", "hang"],
)
async def test_f11_index_that_is_away_is_told_in_time(
    docs, tmp_path, openai, index_line, seen, toxic, code
):
    async with (
        behind(index_line, docs, tmp_path, openai) as site,
        watched(site, heal=index_line.heal) as watch,
    ):
        if "refuse" in toxic:
            index_line.cut()
        index_line.set(**toxic)
        before, walls = openai.calls("chat"), []
        for ask in (watch.ask, watch.stream):
            started = time.perf_counter()
            reply = await ask()
            walls.append(time.perf_counter() - started)
            if ask == watch.ask:
                assert (reply.status, reply.json["code"]) == (503, code)
                assert int(reply.headers["retry-after"]) >= 1
            else:
                assert [name for name, _ in reply.events] == ["error"]
        search = await watch.call("POST", "/api/search", json={"query": QUESTION})
        assert search.status == 503
        assert openai.calls("chat") == before, "no answer without grounds"
        within("seconds of an answer", max(walls), ADDED_S)
        assert (await watch.circuit("qdrant"))["failure_count"] >= 2
        seen(f"{max(walls):.2f} s, 0 answers without grounds")


async def test_f11_retry_after_of_the_index_is_handed_on(docs, tmp_path, openai, qdrant, seen):
    async with (
        product(
            docs, tmp_path / "data", policies=QUICK, **keys(openai.port, QDRANT_URL=qdrant.url)
        ) as site,
        watched(site, heal=qdrant.faults.clear) as watch,
    ):
        qdrant.faults.append(_fault("status", status=429, retry_after="120", times=None))
        reply = await watch.ask()
        assert reply.status == 503
        assert reply.headers["retry-after"] == "120"
        assert (await watch.circuit("qdrant"))["failure_count"] == 0
        seen("Retry-After: 120 handed on")


async def test_f12_missing_collection_is_named_and_opens_no_circuit(
    docs, tmp_path, openai, qdrant, seen
):
    variables = keys(openai.port, QDRANT_URL=qdrant.url)
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
        watched(site) as watch,
    ):
        kept, aliases = dict(qdrant.collections), dict(qdrant.aliases)
        qdrant.collections.clear()
        qdrant.aliases.clear()
        before = qdrant.asked(SEARCH)
        for _ in range(3):
            reply = await watch.ask()
            assert (reply.status, reply.json["code"]) == (503, "index_missing")
            assert "QDRANT_COLLECTION_NAME" in reply.json["detail"]
        assert qdrant.asked(SEARCH) - before <= 3
        entry = await watch.circuit("qdrant")
        assert (entry["state"], entry["failure_count"]) == ("closed", 0)
        ready = await watch.ready()
        assert (ready["http"], ready["qdrant"]["status"]) == (503, "down")
        assert "QDRANT_COLLECTION_NAME" in ready["qdrant"]["detail"]
        qdrant.collections.update(kept)
        qdrant.aliases.update(aliases)
        assert (await watch.ask()).json["mode"] == "generated"
        assert (await watch.ready())["qdrant"]["status"] == "ok"
        qdrant.collections.clear()
        qdrant.aliases.clear()
        assert (await watch.ask()).status == 503
        assert (await ingest(site))["embedded"] > 0, "an ingestion mends it too"
        seen("0 retries, 503 index_missing, green again by itself")


async def test_f13_points_without_content_are_left_out_and_counted(
    docs, tmp_path, openai, qdrant, seen
):
    variables = keys(openai.port, QDRANT_URL=qdrant.url)
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
        watched(site) as watch,
    ):
        points = next(iter(qdrant.collections.values())).points
        chunks = [id_ for id_, (_, payload) in points.items() if payload.get("kind") == "chunk"]
        best = (await watch.call("POST", "/api/search", json={"query": QUESTION})).json["results"]
        spoilt = [id_ for id_ in chunks if id_ != best[0]["id"]]
        for number, id_ in enumerate(spoilt):
            vectors, payload = points[id_]
            bad = {"content": (None, 7, "", ["x"])[number % 4]}
            points[id_] = (vectors, {**payload, **bad} if number % 2 else {"other": "payload"})
        counted = SKIPPED_POINTS.value()
        for _ in range(2):
            answer = (await watch.ask()).json
            assert answer["mode"] == "generated"
        assert {citation["source"] for citation in answer["citations"]} == {best[0]["source"]}
        assert SKIPPED_POINTS.value() > counted
        seen(f"{len(spoilt)} of {len(chunks)} spoilt, 0 x 500, all counted")


@pytest.mark.parametrize("kind", ["garbage", "reset"])
async def test_f13_answers_that_are_no_answers_are_told(docs, tmp_path, openai, qdrant, seen, kind):
    variables = keys(openai.port, QDRANT_URL=qdrant.url)
    async with (
        product(docs, tmp_path / "data", policies=QUICK, **variables) as site,
        watched(site, heal=qdrant.faults.clear) as watch,
    ):
        qdrant.faults.append(_fault(kind, times=None))
        reply = await watch.ask()
        assert reply.status == 503
        assert reply.json["code"] in ("upstream_malformed", "upstream_unavailable")
        seen(f"{kind}: 503 {reply.json['code']}")


async def test_f11_index_that_fails_while_the_book_is_read_in_gets_it_later(
    docs, tmp_path, openai, qdrant, seen
):
    qdrant.faults.append(Fault("status", on=WRITE, times=QUICK["qdrant"].max_attempts))
    variables = keys(openai.port, QDRANT_URL=qdrant.url)
    async with product(docs, tmp_path / "data", policies=QUICK, **variables) as site:
        ingestion = site.container.ingestion
        failed = ingestion.last
        assert (failed.state, failed.embedded) == (JobState.FAILED, 0)
        await until(lambda: ingestion.last is not failed)
        assert ingestion.last.state is JobState.DONE
        answer = (await site.ask("POST", "/chat", json={"query": QUESTION})).json
        assert (answer["mode"], answer["degraded"]) == ("generated", None)
        seen("an ingestion at start that it broke off is made again")


def _fault(kind: str, **how):
    return Fault(kind, on=SEARCH, **how)
