"""The same question twice within minutes, through the whole product."""

from __future__ import annotations

from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import ask, ingest, product, write_book

QUESTION = "What is a topic?"


async def test_answer_is_kept_for_the_same_question_until_the_book_changes(tmp_path):
    docs = write_book(tmp_path / "docs")
    async with OpenAIDouble() as openai:
        variables = {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url}
        async with product(docs, tmp_path / "data", keep_answers=True, **variables) as site:
            first = await ask(site, QUESTION)
            again = await ask(site, QUESTION)
            streamed = await site.ask("POST", "/chat/stream", json={"query": QUESTION})
            assert openai.calls("chat") == 1
            assert again["response"] == first["response"] == streamed.events[-1][1]["response"]
            assert [name for name, _ in streamed.events] == ["sources", "token", "done"]
            assert again["message_id"] != first["message_id"]
            assert (again["usage"]["total_tokens"], "cache" in again["timings_ms"]) == (0, True)
            metrics = (await site.ask("GET", "/metrics")).body.decode()
            assert 'step_seconds_count{step="cache"} ' in metrics
            await ask(site, QUESTION, level="beginner")
            await site.ask(
                "POST", "/chat", json={"query": QUESTION}, headers={"Idempotency-Key": "k"}
            )
            assert openai.calls("chat") == 3
            (docs / "topics.md").write_text("# Topics\n\nA topic is a bus with a name.\n")
            await ingest(site)
            await ask(site, QUESTION)
            assert openai.calls("chat") == 4
