"""Translation, feedback and insights through the whole product, its database included."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import ask, product, write_book

ENGLISH = "The Gripper calls `rclpy.init()` before it closes."
URDU = "⟦1⟧ بند ہونے سے پہلے ⟦2⟧ کو کال کرتا ہے۔"


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        yield double


def keys(openai: OpenAIDouble) -> dict[str, str]:
    return {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url}


async def post(site: Any, path: str, body: Any) -> Any:
    reply = await site.ask("POST", path, json=body)
    assert reply.status == 200, reply.body
    return reply.json


async def test_translation_outlives_the_process_that_made_it(
    tmp_path: Path, openai: OpenAIDouble
) -> None:
    docs = write_book(tmp_path / "docs")
    (docs / "_glossary.txt").write_text("# The book's own\nGripper\n", encoding="utf-8")
    openai.reply = URDU
    translated = "Gripper بند ہونے سے پہلے `rclpy.init()` کو کال کرتا ہے۔"
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        first = await post(site, "/translate", {"text": ENGLISH})
        assert first == {"translation": translated, "failed": [], "degraded": None}
    openai.reply = "another reply"
    calls = openai.calls("chat")
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        again = await post(site, "/translate/batch", {"texts": [ENGLISH, ENGLISH]})
        assert again["translations"] == [translated] * 2
        assert openai.calls("chat") == calls
        other = await post(site, "/translate/batch", {"texts": ["Other words here."]})
        assert (other["translations"], other["failed"]) == (["Other words here."], [0])
        assert openai.calls("chat") == calls + 2


async def test_what_readers_ask_is_kept_without_who_they_are(tmp_path: Path) -> None:
    docs = write_book(tmp_path / "docs")
    secret = "ada@example.org"
    async with product(docs, tmp_path / "data", ADMIN_TOKEN="test-token-not-real") as site:
        answered = await ask(site, "How do I stop a node?")
        refused = await ask(site, f"Which Paris metro has the best restaurant? Tell {secret}")
        assert refused["mode"] == "refused"
        rating = {"message_id": answered["message_id"], "rating": "down", "comment": secret}
        reply = await site.ask("POST", "/api/feedback", json=rating)
        assert reply.status == 204
        headers = {"authorization": "Bearer test-token-not-real"}
        report = (await site.ask("GET", "/api/insights", headers=headers)).json
    assert (report["questions"], report["refused"]) == (2, 1)
    assert {tuple(gap["reasons"]) for gap in report["gaps"]} >= {("refused",)}
    assert report["feedback"]["comments"][0]["comment"] == "[email]"
    assert report["latency_ms"]["p50"] > 0
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("*.sqlite3*"))
    assert b"Paris" in stored
    assert secret.encode() not in stored


async def test_database_that_is_away_costs_the_cache_and_nothing_else(
    tmp_path: Path, openai: OpenAIDouble
) -> None:
    docs = write_book(tmp_path / "docs")
    openai.reply = "بند کریں"
    async with product(
        docs, tmp_path / "data", NEON_API_KEY="postgresql://u:p@127.0.0.1:9/x", **keys(openai)
    ) as site:
        made = await post(site, "/translate", {"text": "Stop the robot."})
        assert (made["translation"], made["degraded"]) == ("بند کریں", None)
        assert (await ask(site, "How do I stop a node?"))["mode"] in ("generated", "extractive")
        reply = await site.ask("POST", "/api/feedback", json={"message_id": "m", "rating": "up"})
        assert reply.status == 503
        assert reply.json["detail"].count(".") >= 1


async def test_notes_are_written_when_the_service_stops(tmp_path: Path) -> None:
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data") as site:
        await ask(site, "How do I stop a node?")
    with sqlite3.connect(tmp_path / "data" / "book-answers.sqlite3") as connection:
        found = connection.execute("SELECT question, mode FROM answer_notes").fetchall()
    connection.close()
    assert found == [("How do I stop a node?", "extractive")]
