"""Conversations through the whole product: real accounts and databases, the double as a model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import create_engine

from backend.adapters.sql.engine import sqlite_url
from backend.services.accounts import Client, SignUp
from tests import legacy_database
from tests.contract.postgres import postgres  # noqa: F401
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import product, until, write_book
from tests.postgres import PostgresServer

CLIENT = Client("203.0.113.7", "test/1")
LIST = "/api/chat/sessions"
REPLY = "A topic is a named bus [1]."


@pytest.fixture
async def openai():
    async with OpenAIDouble() as double:
        double.reply = REPLY
        yield double


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    return write_book(tmp_path / "docs")


def keys(openai: OpenAIDouble) -> dict[str, str]:
    return {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url}


async def sign_up(site: Any, name: str = "ada") -> dict[str, str]:
    """The header of a new reader."""
    accounts = await site.container.open_accounts()
    form = SignUp(f"{name}@x.test", "Corr3ct-horse-battery", name)
    signed_in = await accounts.sign_up(form, CLIENT)
    return {"authorization": f"Bearer {signed_in.session.token}"}


async def chat(site: Any, header: dict[str, str], query: str, **fields: Any) -> Any:
    reply = await site.ask("POST", "/chat", json={"query": query, **fields}, headers=header)
    assert reply.status == 200, reply.body
    return reply.json


async def messages(site: Any, header: dict[str, str]) -> list[dict[str, Any]]:
    """The messages of the only conversation."""
    page = (await site.ask("GET", LIST, headers=header)).json
    assert page["total"] == 1, page
    opened = await site.ask("GET", f"{LIST}/{page['sessions'][0]['id']}", headers=header)
    found: list[dict[str, Any]] = opened.json["messages"]
    return found


def prompts(openai: OpenAIDouble) -> list[list[tuple[str, str]]]:
    """What the model was asked, without the rules that stand before it."""
    return [
        [(m["role"], m["content"]) for m in request.body["messages"][1:]]
        for request in openai.requests
        if request.kind == "chat"
    ]


async def test_model_reads_the_readers_own_turns_and_nobody_elses(docs, tmp_path, openai):
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        ada, eve = await sign_up(site), await sign_up(site, "eve")
        first = await chat(site, ada, "What is a topic?")
        assert (first["mode"], first["saved"]) == ("generated", True)
        await chat(site, ada, "What is the default history depth of a topic?",
                   session_id=first["session_id"])  # fmt: skip
        hers = await chat(site, eve, "What is a topic?", session_id=first["session_id"])
        assert hers["session_id"] != first["session_id"]
        asked = prompts(openai)
        assert asked[1][:2] == [("user", "What is a topic?"), ("assistant", REPLY)]
        assert len(asked[0]) == len(asked[2]) == 1
        assert len(await messages(site, ada)) == 4


async def test_stream_that_breaks_off_is_kept_as_truncated(docs, tmp_path, openai):
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        ada = await sign_up(site)
        openai.fail("reset", on="chat", after=3)
        body = {"query": "What is a topic?"}
        reply = await site.ask("POST", "/chat/stream", json=body, headers=ada)
        assert [name for name, _ in reply.events][-1] == "error"
        asked, answered = await messages(site, ada)
        assert (asked["content"], asked["status"]) == ("What is a topic?", "complete")
        assert answered["status"] == "truncated"
        assert REPLY.startswith(answered["content"].rstrip())


async def test_reader_who_leaves_finds_the_beginning_and_holds_no_connection(
    docs, tmp_path, openai
):
    async with product(docs, tmp_path / "data", **keys(openai)) as site:
        ada = await sign_up(site)
        openai.fail("hang_mid", on="chat", after=3)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{site.port}") as http:
            body = {"query": "What is a topic?"}
            async with http.post("/chat/stream", json=body, headers=ada) as stream:
                while b"event: token" not in await stream.content.readline():
                    pass
                assert site.container.gauges()["database_connections_in_use"] == 0
        await asyncio.wait_for(openai.client_left.wait(), 10)
        await until(lambda: not site.container.dialogues._running)
        asked, answered = await messages(site, ada)
        assert (asked["status"], answered["status"]) == ("complete", "truncated")
        again = await chat(site, ada, "What is a topic?", session_id=asked["session_id"])
        assert again["session_id"] == asked["session_id"]


async def test_replicas_share_conversations_and_keys(docs, tmp_path, openai, request):
    server: PostgresServer = request.getfixturevalue("postgres")
    shared = {
        "NEON_API_KEY": server.dsn(server.database()),
        "BETTER_AUTH_SECRET": "test-secret-not-real-0123456789-abcdef",
        **keys(openai),
    }
    async with (
        product(docs, tmp_path / "one", **shared) as one,
        product(docs, tmp_path / "two", **shared) as two,
    ):
        ada = await sign_up(one)
        openai.may_speak.clear()
        header = {**ada, "idempotency-key": "key-1"}
        body = {"query": "What is a topic?"}
        asking = [
            asyncio.create_task(site.ask("POST", "/chat", json=body, headers=header))
            for site in (one, two) * 2
        ]
        await until(lambda: sum(task.done() for task in asking) == 3)
        openai.may_speak.set()
        replies = await asyncio.gather(*asking)
        assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
        answer = next(reply.json for reply in replies if reply.status == 200)
        assert all("retry-after" in reply.headers for reply in replies if reply.status == 409)
        for site in (one, two):
            again = await site.ask("POST", "/chat", json=body, headers=header)
            assert again.json == answer
            assert [m["id"] for m in await messages(site, ada)][1] == answer["message_id"]
        assert openai.calls("chat") == 1


async def test_history_of_an_earlier_deployment_is_there_and_goes_on(docs, tmp_path, openai):
    data = tmp_path / "data"
    data.mkdir()
    engine = create_engine(sqlite_url(data))
    with engine.begin() as connection:
        legacy_database.create(connection)
        for encrypted in (True, False):
            legacy_database.add_user(
                connection, f"{encrypted}@x.test", "old-password", encrypted=encrypted
            )
    engine.dispose()
    settings = {"DATA_ENCRYPTION_KEY": legacy_database.KEY, **keys(openai)}
    async with product(docs, data, **settings) as site:
        accounts = await site.container.open_accounts()
        for encrypted in (True, False):
            signed_in = await accounts.sign_in(f"{encrypted}@x.test", "old-password", CLIENT)
            header = {"authorization": f"Bearer {signed_in.session.token}"}
            old = await messages(site, header)
            assert [(m["role"], m["content"], m["sources"]) for m in old] == [
                ("user", "user said", None), ("assistant", "assistant said", None),
            ]  # fmt: skip
            session = old[0]["session_id"]
            await chat(site, header, "What is a topic?", session_id=session)
            assert len(await messages(site, header)) == 4
            assert prompts(openai)[-1][0] == ("user", "user said")
