"""History over HTTP: for its owner, in the shapes that the existing frontend reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from backend.adapters.sql.account_store import AccountStoreChooser
from backend.adapters.sql.conversations import SqlConversations
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.idempotency import SqlReplays
from backend.adapters.sql.migrate import upgrade
from backend.api import history_answers, history_examples
from backend.crypto import make_ring
from backend.domain import DoneEvent, Turn
from backend.errors import UpstreamUnavailable
from backend.services.accounts import Accounts, Client, SignUp
from backend.services.conversations import Conversations
from backend.services.credentials import COOKIE
from backend.services.dialogues import Dialogues
from backend.services.replays import Replays
from tests.api.auth_app import ORIGIN, SECRET, make_accounts
from tests.api.fakes import ANSWER, FakeContainer
from tests.api.serving import Reply, Site, serving

SESSION = {"id", "user_id", "title", "created_at", "updated_at", "is_active", "message_count"}
MESSAGE = {"id", "session_id", "role", "content", "selected_text", "created_at", "sources",
           "citations", "status"}  # fmt: skip
LIST = "/api/chat/sessions"


class Container(FakeContainer):
    """Accounts and history on a SQLite file; the answers are the fake's."""

    def __init__(self, database: Database) -> None:
        super().__init__(cors_allowed_origins=(ORIGIN,))
        self.database = database
        store, replays = SqlConversations(database), Replays(SqlReplays(database))
        self.conversations = Conversations(store, replays)
        self.dialogues = Dialogues(self.answering, store, replays)
        self.accounts = make_accounts(
            AccountStoreChooser(database, make_ring(None, SECRET), shared=False),
            exporters={"conversations": self.conversations.everything},
        )

    async def open_accounts(self) -> Accounts:
        return self.accounts


def accounts_of(site: Site) -> Accounts:
    assert isinstance(site.container, Container)
    return site.container.accounts


class Reader:
    """Somebody with an account."""

    def __init__(self, site: Site, token: str, user_id: str) -> None:
        self.site, self.token, self.id = site, token, user_id
        self.headers = {"authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.site.ask(method, path, headers=headers, **options)

    async def chat(self, query: str = "What is a node?", **fields: Any) -> Any:
        reply = await self.ask("POST", "/chat", json={"query": query, **fields})
        assert reply.status == 200, reply.body
        return reply.json

    async def history(self) -> Any:
        reply = await self.ask("GET", LIST)
        assert reply.status == 200, reply.body
        return reply.json


async def sign_up(site: Site, name: str) -> Reader:
    accounts = accounts_of(site)
    form = SignUp(f"{name}@x.test", "Corr3ct-horse-battery", name)
    signed_in = await accounts.sign_up(form, Client("203.0.113.7", "test/1"))
    assert signed_in.session.token is not None
    return Reader(site, signed_in.session.token, signed_in.user.id)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path), on_first_use=upgrade)
    yield database
    await database.aclose()


@pytest.fixture
async def served(database: Database) -> AsyncIterator[Site]:
    async with serving(Container(database)) as site:
        yield site


@pytest.fixture
async def ada(served: Site) -> Reader:
    return await sign_up(served, "ada")


@pytest.fixture
async def eve(served: Site) -> Reader:
    return await sign_up(served, "eve")


def fits(model: Any, value: Any) -> None:
    TypeAdapter(model).validate_python(value, strict=True)


async def test_history_has_the_shapes_that_the_frontend_reads(ada: Reader) -> None:
    answer = await ada.chat(selected_text="a process")
    page = await ada.history()
    fits(history_answers.ConversationPage, page)
    assert (page["total"], len(page["sessions"])) == (1, 1)
    session = page["sessions"][0]
    assert set(session) == SESSION
    assert (session["id"], session["user_id"]) == (answer["session_id"], ada.id)
    assert (session["title"], session["is_active"], session["message_count"]) == (
        "What is a node?", True, 2,
    )  # fmt: skip
    opened = (await ada.ask("GET", f"{LIST}/{session['id']}")).json
    fits(history_answers.ConversationOpened, opened)
    asked, answered = opened["messages"]
    assert set(asked) == set(answered) == MESSAGE
    assert (asked["role"], asked["content"], asked["selected_text"], asked["sources"]) == (
        "user", "What is a node?", "a process", None,
    )  # fmt: skip
    assert (answered["role"], answered["content"]) == ("assistant", ANSWER.text)
    assert answered["sources"] == ["[1] Nodes › What is a node?"]
    assert answered["citations"] == answer["citations"]
    assert (answered["id"], answer["saved"]) == (answer["message_id"], True)
    assert answered["created_at"].endswith("Z")


async def test_next_question_continues_and_sees_the_last_turns(ada: Reader) -> None:
    first = await ada.chat()
    answering = ada.site.container.answering
    answering.events[-1] = DoneEvent(replace(ANSWER, message_id="message-2"))
    second = await ada.chat("And a topic?", session_id=first["session_id"])
    assert answering.history == (Turn("user", "What is a node?"), Turn("assistant", ANSWER.text))
    assert second["session_id"] == first["session_id"]
    assert (await ada.history())["sessions"][0]["message_count"] == 4


async def test_sessions_are_begun_renamed_exported_and_deleted(ada: Reader, eve: Reader) -> None:
    await eve.chat()
    started = [
        (await ada.ask("POST", LIST, **body)).json
        for body in ({}, {"json": {}}, {"json": {"title": None}}, {"json": {"title": " Robots "}})
    ]
    assert [s["title"] for s in started] == ["New Chat", "New Chat", "New Chat", "Robots"]
    assert all(set(s) == SESSION for s in started)
    path = f"{LIST}/{started[0]['id']}"
    renamed = await ada.ask("PATCH", f"{path}/title", json={"title": " ROS 2 "})
    assert (renamed.status, renamed.json["title"]) == (200, "ROS 2")
    for title in ("", "   ", "t" * 256, None, 7):
        assert (await ada.ask("PATCH", f"{path}/title", json={"title": title})).status == 422
    for query, kind in (("", str), ("?format=text", str), ("?format=markdown", str)):
        exported = (await ada.ask("GET", f"{path}/export{query}")).json
        fits(history_answers.ConversationExport, exported)
        assert isinstance(exported["content"], kind)
    assert isinstance((await ada.ask("GET", f"{path}/export?format=json")).json["content"], dict)
    assert (await ada.ask("GET", f"{path}/export?format=csv")).status == 422
    fits(history_answers.Deleted, (await ada.ask("DELETE", path)).json)
    assert (await ada.ask("DELETE", path)).status == 404
    cleared = (await ada.ask("DELETE", "/api/chat/history")).json
    assert cleared["deleted"] == 3
    assert (await ada.history())["total"] == 0
    assert (await eve.history())["total"] == 1


async def test_what_is_somebody_elses_is_as_absent_as_what_never_was(
    ada: Reader, eve: Reader
) -> None:
    session = (await ada.chat("My secret?"))["session_id"]
    title = {"json": {"title": "Mine"}}
    for method, rest, body in (
        ("GET", "", {}), ("DELETE", "", {}), ("GET", "/export", {}), ("PATCH", "/title", title),
    ):  # fmt: skip
        wrong = ["7c4a8d09-ca37-4e5b-9d1f-2a6b8c0e4f13", session.upper(), "%00", "'%20or%201=1--",
                 "..%2F", "s" * 2_000]  # fmt: skip
        replies = [
            await eve.ask(method, f"{LIST}/{id_}{rest}", **body) for id_ in [session, *wrong]
        ]
        assert {reply.status for reply in replies} == {404}
        foreign, missing = (dict(reply.json, request_id="") for reply in replies[:2])
        assert foreign == missing
    answer = await eve.chat("And?", session_id=session)
    assert answer["session_id"] != session
    assert (await ada.history())["sessions"][0]["message_count"] == 2


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=0", "limit=101", "limit=1000000000", "offset=-1", f"offset={2**63}",
     "limit=1e5", "limit=0x10", "offset=1.5", "limit="],
)  # fmt: skip
async def test_pages_have_limits(ada: Reader, query: str) -> None:
    reply = await ada.ask("GET", f"{LIST}?{query}")
    assert reply.status == 422
    assert isinstance(reply.json["detail"], str)


@pytest.mark.parametrize(
    "header", [{}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}]
)
async def test_history_is_for_those_who_signed_in(served: Site, header: dict[str, str]) -> None:
    for method, path in (
        ("GET", LIST), ("POST", LIST), ("GET", f"{LIST}/x"), ("DELETE", f"{LIST}/x"),
        ("PATCH", f"{LIST}/x/title"), ("GET", f"{LIST}/x/export"), ("DELETE", "/api/chat/history"),
    ):  # fmt: skip
        reply = await served.ask(method, path, headers=header)
        assert (reply.status, reply.json["code"]) == (401, "not_signed_in"), path
        assert reply.headers["www-authenticate"] == "Bearer"


async def test_cookie_counts_from_trusted_pages_only(ada: Reader) -> None:
    site = ada.site
    cookie = f"{COOKIE}={accounts_of(site).signer.cookie_value(ada.token)}"
    trusted, foreign = (
        {"cookie": cookie, "origin": origin} for origin in (ORIGIN, "https://evil.example")
    )
    body = {"query": "Why?"}
    assert (await site.ask("POST", "/chat", json=body, headers=trusted)).json["saved"] is True
    assert (await site.ask("POST", "/chat", json=body, headers=foreign)).json["saved"] is False
    assert (await site.ask("DELETE", "/api/chat/history", headers=foreign)).status == 403
    assert (await site.ask("DELETE", "/api/chat/history", headers=trusted)).json["deleted"] == 1


async def test_token_that_has_ended_is_anonymous_in_chat(ada: Reader) -> None:
    await ada.site.ask(
        "POST", "/chat", json={"query": "Why?"}, headers={"authorization": "Bearer x"}
    )
    await accounts_of(ada.site).revoke_all(await current(ada), but_current=False)
    answer = await ada.chat()
    assert (answer["saved"], answer["degraded"]) == (False, None)
    assert (await ada.ask("GET", LIST)).status == 401


async def current(reader: Reader) -> Any:
    from backend.services.credentials import Shown

    return await accounts_of(reader.site).require(Shown(reader.token))


async def test_stream_ends_with_the_stored_ids(ada: Reader) -> None:
    reply = await ada.ask("POST", "/chat/stream", json={"query": "What is a node?"})
    name, done = reply.events[-1]
    assert (name, done["saved"]) == ("done", True)
    opened = (await ada.ask("GET", f"{LIST}/{done['session_id']}")).json
    assert opened["messages"][1]["id"] == done["message_id"]


async def test_same_key_is_answered_once_as_json_and_as_a_stream(ada: Reader, eve: Reader) -> None:
    body, key = {"query": "What is a node?"}, {"idempotency-key": "k-1"}
    first = await ada.ask("POST", "/chat", json=body, headers=key)
    again = await ada.ask("POST", "/chat", json=body, headers=key)
    assert again.json == first.json
    streamed = await ada.ask("POST", "/chat/stream", json=body, headers=key)
    assert [name for name, _ in streamed.events] == ["sources", "token", "done"]
    assert streamed.events[-1][1] == first.json
    assert len(ada.site.container.answering.asked) == 1
    other = await ada.ask("POST", "/chat", json={"query": "Why?"}, headers=key)
    assert (other.status, other.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    long = await ada.ask("POST", "/chat", json=body, headers={"idempotency-key": "k" * 256})
    assert long.status == 422
    hers = await eve.ask("POST", "/chat", json=body, headers=key)
    assert hers.json["session_id"] != first.json["session_id"]
    assert len(ada.site.container.answering.asked) == 2


async def test_key_that_is_in_use_is_a_conflict(ada: Reader) -> None:
    answering, go = ada.site.container.answering, asyncio.Event()
    answering.events.insert(1, go)
    body, key = {"query": "What is a node?"}, {"idempotency-key": "k-2"}
    first = asyncio.create_task(ada.ask("POST", "/chat", json=body, headers=key))
    await answering.waiting.wait()
    busy = await ada.ask("POST", "/chat/stream", json=body, headers=key)
    assert (busy.status, busy.json["code"]) == (409, "conflict")
    assert int(busy.headers["retry-after"]) >= 1
    go.set()
    assert (await first).status == 200
    assert (await ada.history())["sessions"][0]["message_count"] == 2


async def test_key_makes_one_conversation(ada: Reader) -> None:
    replies = [
        await ada.ask("POST", LIST, json={"title": "Robots"}, headers={"idempotency-key": "k"})
        for _ in range(2)
    ]
    assert replies[0].json == replies[1].json
    assert (await ada.history())["total"] == 1


async def test_account_takes_its_conversations_along_and_leaves_none(
    ada: Reader, eve: Reader, database: Database
) -> None:
    await ada.ask("POST", "/chat", json={"query": "Mine?"}, headers={"idempotency-key": "k"})
    await eve.chat("Hers?")
    accounts = accounts_of(ada.site)
    exported: Any = await accounts.export(await current(ada))
    assert [m["content"] for c in exported["conversations"] for m in c["messages"]] == [
        "Mine?", ANSWER.text,
    ]  # fmt: skip
    await accounts.delete(await current(ada), None)
    left = await database.read(
        lambda c: {
            table: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            for table in ("chat_sessions", "chat_messages", "idempotency_keys")
        }
    )
    assert left == {"chat_sessions": 1, "chat_messages": 2, "idempotency_keys": 0}


async def test_database_that_is_away_is_said_and_costs_no_answer(ada: Reader) -> None:
    first = await ada.chat()
    async with away(ada.site.container.database):
        answer = await ada.chat(session_id=first["session_id"])
        assert (answer["response"], answer["saved"]) == (ANSWER.text, False)
        assert answer["session_id"] == first["session_id"]
        assert "Not saved in your history" in answer["degraded"]
        for credential in ("x" * 32, "acc_x"):
            header = {"authorization": f"Bearer {credential}"}
            unknown = await ada.site.ask("POST", "/chat", json={"query": "Why?"}, headers=header)
            assert (unknown.status, unknown.json["saved"]) == (200, False)
        reply = await ada.ask("GET", LIST)
        assert (reply.status, reply.json["code"]) == (503, "upstream_unavailable")
        assert "retry-after" in reply.headers
    assert (await ada.history())["sessions"][0]["message_count"] == 2


@asynccontextmanager
async def away(database: Database) -> AsyncIterator[None]:
    """Every transaction fails until the block ends."""

    async def refuse(_work: Any) -> Any:
        raise UpstreamUnavailable("database", "The database broke the connection.")

    guard, database._guard = database._guard, refuse
    yield
    database._guard = guard


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (history_answers.ConversationPage, history_examples.PAGE),
        (history_answers.ConversationOpened, history_examples.OPENED),
        (history_answers.ConversationExport, history_examples.EXPORT),
        (history_answers.Deleted, history_examples.DELETED),
        (history_answers.Deleted, history_examples.CLEARED),
    ],
)
def test_examples_fit_their_schemas(model: Any, example: Any) -> None:
    fits(model, example)
