"""With secrets: OpenAI's and Qdrant's protocol over loopback, faults included."""

import asyncio

import pytest

from backend.guarded import CHAT_POLICY, EMBED_POLICY
from backend.resilience import Policy
from tests.doubles.openai import OpenAIDouble
from tests.doubles.qdrant import QdrantDouble
from tests.doubles.rerank import RerankDouble
from tests.e2e.product import ask, ingest, product, until, write_book

QUESTION = "What is a topic?"


@pytest.fixture
async def openai():
    async with OpenAIDouble() as double:
        yield double


def keys(openai: OpenAIDouble, **more: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url, **more}


def soon(policy: Policy) -> Policy:
    """The same with a circuit that opens at the second failure and lets a trial in at once."""
    return Policy(
        attempt_timeout_s=policy.attempt_timeout_s, max_attempts=1, failure_threshold=2, open_s=0.0
    )


async def circuits(site):
    return {
        name: c["state"] for name, c in (await site.ask("GET", "/health/circuits")).json.items()
    }


async def test_answer_is_generated_streamed_and_cited(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    openai.reply = "A topic is a named bus [1]."
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        reply = await site.ask("POST", "/chat/stream", json={"query": QUESTION})
        names = [name for name, _ in reply.events]
        assert names[0] == "sources"
        assert names[-1] == "done"
        assert set(names[1:-1]) == {"token"}
        done = reply.events[-1][1]
        assert (done["mode"], done["degraded"]) == ("generated", None)
        assert (
            "".join(data["text"] for name, data in reply.events if name == "token")
            == (done["response"])
        )
        assert "named bus" in done["response"]
        assert [citation["source"] for citation in done["citations"]] == ["topics.md"]
        assert done["usage"]["total_tokens"] > 0


async def test_second_ingest_embeds_nothing(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        before = openai.calls("embeddings")
        assert (await ingest(site))["embedded"] == 0
        assert openai.calls("embeddings") == before
        hits = (await site.ask("POST", "/api/search", json={"query": QUESTION})).json["results"]
        assert all(hit["dense_score"] is not None for hit in hits[:1])


async def test_model_killed_in_mid_stream_is_one_error_then_quotes_then_itself_again(
    tmp_path, openai
):
    docs = write_book(tmp_path / "docs")
    policies = {"openai": soon(CHAT_POLICY), "embeddings": soon(EMBED_POLICY)}
    async with product(docs, tmp_path / "data", policies=policies, **keys(openai)) as site:
        openai.fail("reset", on="chat", after=2)
        reply = await site.ask("POST", "/chat/stream", json={"query": QUESTION})
        names = [name for name, _ in reply.events]
        assert names[-1] == "error"
        assert names.count("error") == 1
        assert "done" not in names
        assert (await circuits(site))["openai"] == "closed"  # the first token had settled it
        await openai.stop()
        for _ in range(3):
            answer = await ask(site, QUESTION)
            assert answer["mode"] == "extractive"
            assert answer["degraded"]
        entry = (await site.ask("GET", "/health/circuits")).json["openai"]
        assert entry["state"] in ("open", "half_open")
        assert entry["failure_count"] >= 2
        assert entry["last_error_kind"]
        await openai.start()
        assert (await ask(site, QUESTION))["mode"] == "generated"
        assert (await circuits(site))["openai"] == "closed"


async def test_questions_at_the_same_time_do_not_wait_for_each_other(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        openai.latency_s = 0.3
        answers = await asyncio.gather(*(ask(site, QUESTION) for _ in range(50)))
        assert {answer["mode"] for answer in answers} == {"generated"}
        assert openai.max_concurrent >= 50


async def test_caller_that_leaves_stops_the_model(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        openai.fail("hang_mid", on="chat", after=2)
        async with site.http.post("/chat/stream", json={"query": QUESTION}) as response:
            while b"event: token" not in await response.content.readline():
                pass
        await until(openai.client_left.is_set)
        assert (await circuits(site))["openai"] == "closed"


async def test_refused_key_is_a_configuration_fault_that_names_the_variable(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        openai.api_key = "another-key-not-real"
        answer = await ask(site, QUESTION)
        assert answer["mode"] == "extractive"
        assert "OPENAI_API_KEY" in answer["degraded"]
        assert (await circuits(site))["openai"] == "closed"
        report = (await site.ask("GET", "/health/config?probe=true")).json
        row = next(row for row in report["upstreams"] if row["name"] == "openai")
        assert row["status"] == "down"
        assert "OPENAI_API_KEY" in row["problem"]


async def test_fallback_provider_answers_when_the_first_fails(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    async with OpenAIDouble() as second:
        fallback = {
            "FALLBACK_API_KEY": "second-key-not-real",
            "FALLBACK_BASE_URL": second.base_url,
            "FALLBACK_MODEL": "gpt-4o-mini",
        }
        async with product(docs, tmp_path / "data", **keys(openai, **fallback)) as site:
            openai.fail("status", on="chat", status=429, code="insufficient_quota")
            answer = await ask(site, QUESTION)
            assert answer["mode"] == "generated"
            assert "quota" in answer["degraded"]
            assert second.calls("chat") == 1


async def test_qdrant_server_holds_the_book_and_its_absence_is_told(tmp_path, openai):
    docs = write_book(tmp_path / "docs")
    async with QdrantDouble() as qdrant:
        variables = keys(openai, QDRANT_URL=qdrant.url)
        async with product(docs, tmp_path / "data", **variables) as site:
            answer = await ask(site, QUESTION)
            assert answer["mode"] == "generated"
            await qdrant.stop()
            reply = await site.ask("POST", "/chat", json={"query": QUESTION})
            assert reply.status == 503
            assert reply.json["code"] == "upstream_unavailable"
            assert "QDRANT_URL" in reply.json["detail"]
            assert (await site.ask("GET", "/health")).status == 200
            await qdrant.start()
            assert (await ask(site, QUESTION))["mode"] == "generated"


@pytest.mark.parametrize(("key", "status"), [("test-key-not-real", "ok"), ("another", "down")])
async def test_a_reranking_model_is_asked_for_its_key_and_model_on_demand_only(
    tmp_path, key, status
):
    async with RerankDouble("test-key-not-real", lambda query, document: 1.0) as double:
        chosen = {"RERANK_BASE_URL": double.base_url, "RERANK_MODEL": "m", "RERANK_API_KEY": key}
        async with product(write_book(tmp_path / "docs"), tmp_path / "data", **chosen) as site:
            await until(lambda: double.asked)  # at the start
            await site.ask("GET", "/health/ready")
            assert len(double.asked) == 1, "polling costs nothing"
            report = (await site.ask("GET", "/health/config?probe=true")).json
            row = next(row for row in report["upstreams"] if row["name"] == "rerank")

    assert (row["status"], double.asked[-1]["top_n"]) == (status, 1)
    assert ("RERANK_API_KEY" in (row["problem"] or "")) is (status == "down")
    assert [step["name"] for step in row["steps"]] == ["DNS", "TCP"]
