"""What conversations and repeated requests promise, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, select, text

from backend.adapters.sql.conversations import SqlConversations
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.idempotency import SqlReplays
from backend.adapters.sql.migrate import upgrade
from backend.adapters.sql.ownership import delete_owned
from backend.adapters.sql.tables import chat_messages, chat_sessions, idempotency_keys, users
from backend.conversation_ports import (
    COMPLETE,
    TRUNCATED,
    UNTITLED,
    Claim,
    Conversation,
    Earlier,
    Exchange,
    Settlement,
)
from backend.domain import Turn
from backend.errors import Conflict, NotFound
from tests.contract.postgres import postgres  # noqa: F401
from tests.postgres import PostgresServer

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
ADA, EVE = "ada-id", "eve-id"
Sent = list[tuple[str, Any]]
"""Statements and their parameters."""
SCANS = re.compile(r"SCAN (?!CONSTANT ROW)")
CITATION = {"n": 1, "title": "Nodes", "heading_path": ["Nodes"], "quote": "A node", "score": 0.9}


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = sqlite_url(tmp_path)
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.database())
    database = Database(url, on_first_use=upgrade)
    await database.write(lambda c: c.execute(insert(users), [user_row(ADA), user_row(EVE)]))
    yield database
    await database.aclose()


@pytest.fixture
def store(database: Database) -> SqlConversations:
    return SqlConversations(database)


def user_row(user_id: str) -> dict[str, Any]:
    return {"id": user_id, "email": user_id, "email_hash": user_id, "password_hash": "!"}


def exchange(**changes: Any) -> Exchange:
    values: dict[str, Any] = {
        "user_id": ADA,
        "session_id": None,
        "new_session_id": str(uuid4()),
        "title": "What is a node?",
        "question_id": str(uuid4()),
        "answer_id": str(uuid4()),
        "question": "What is a node?",
        "selected_text": None,
        "answer": "A node computes [1].",
        "sources": ["[1] Nodes"],
        "citations": [CITATION],
        "status": COMPLETE,
        "at": NOW,
    }
    return Exchange(**(values | changes))


def claim(**changes: Any) -> Claim:
    values: dict[str, Any] = {
        "scope": "s" * 64,
        "key": "k" * 64,
        "fingerprint": "f" * 64,
        "holder": str(uuid4()),
        "user_id": ADA,
        "made_at": NOW,
        "lease_ends_at": NOW + timedelta(minutes=2),
    }
    return Claim(**(values | changes))


async def count(database: Database, table: Any) -> int:
    return len(await database.read(lambda c: c.execute(select(table)).all()))


@contextmanager
def statements(database: Database) -> Iterator[Sent]:
    """What is sent to the database, without the beginnings of transactions; of many rows one."""
    sent: Sent = []

    def note(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, many: bool) -> None:
        if not statement.startswith("BEGIN"):
            sent.append((statement, given[0] if many and isinstance(given, list) else given))

    def note_on_lines(send: Any) -> Any:
        async def noted(statement: str, given: Any) -> Any:
            sent.append((statement, given))
            return await send(statement, given)

        return noted

    event.listen(database.engine, "before_cursor_execute", note)
    lines = database._lines
    if lines is not None:
        lines._send = note_on_lines(lines._send)  # type: ignore[method-assign]
    yield sent
    event.remove(database.engine, "before_cursor_execute", note)
    if lines is not None:
        del lines._send


class TestConversationStore:
    async def test_record_begins_a_conversation_and_continues_it(
        self, store: SqlConversations
    ) -> None:
        first = await store.record(exchange(selected_text="a process"))
        later = NOW + timedelta(minutes=1)
        again = exchange(session_id=first, question="And a topic?", title="Other", at=later)
        assert await store.record(again) == first
        opened = await store.open(ADA, first)
        assert opened.conversation == Conversation(
            first, ADA, "What is a node?", NOW, later, True, 4
        )
        assert [(m.role, m.content) for m in opened.messages] == [
            ("user", "What is a node?"),
            ("assistant", "A node computes [1]."),
            ("user", "And a topic?"),
            ("assistant", "A node computes [1]."),
        ]
        asked, answered = opened.messages[:2]
        assert (asked.selected_text, asked.sources, asked.citations) == ("a process", None, ())
        assert answered.sources == ("[1] Nodes",)
        assert list(answered.citations) == [CITATION]
        assert answered.status == COMPLETE

    async def test_record_never_writes_into_a_foreign_or_missing_conversation(
        self, store: SqlConversations
    ) -> None:
        adas = await store.record(exchange())
        for wanted in (adas, str(uuid4()), "' or 1=1 --"):
            eves = await store.record(exchange(user_id=EVE, session_id=wanted))
            assert eves not in (adas, wanted)
        assert len((await store.open(ADA, adas)).messages) == 2
        assert await store.last_turns(EVE, adas, 10, 100) == []

    async def test_record_twice_stores_one_pair_and_completes_a_cut_one(
        self, store: SqlConversations, database: Database
    ) -> None:
        """A commit whose confirmation was lost is repeated, and so is a stream that broke off."""
        cut = exchange(status=TRUNCATED, answer="A no")
        first = await store.record(cut)
        whole = replace(cut, status=COMPLETE, answer="A node.", new_session_id=str(uuid4()))
        assert await store.record(whole) == await store.record(whole) == first
        other = Conversation("other", ADA, UNTITLED, NOW, NOW)
        await store.add(other)
        assert await store.record(replace(whole, session_id="other")) == first
        assert (await store.open(ADA, "other")).conversation == other
        messages = (await store.open(ADA, first)).messages
        assert [(m.content, m.status) for m in messages] == [
            ("What is a node?", COMPLETE),
            ("A node.", COMPLETE),
        ]
        assert await count(database, chat_sessions) == 2

    async def test_record_at_the_same_time_stores_one_pair(
        self, store: SqlConversations, database: Database
    ) -> None:
        pair = exchange()
        await asyncio.gather(*(store.record(pair) for _ in range(6)), return_exceptions=True)
        assert await count(database, chat_messages) == 2
        assert await count(database, chat_sessions) == 1

    async def test_record_of_half_a_pair_leaves_nothing(
        self, store: SqlConversations, database: Database
    ) -> None:
        with pytest.raises(TypeError):
            await store.record(exchange(citations=[object()]))
        with pytest.raises(Conflict):
            await store.record(exchange(user_id="nobody"))
        assert await count(database, chat_messages) == 0
        assert await count(database, chat_sessions) == 0

    async def test_first_question_names_an_empty_conversation(
        self, store: SqlConversations
    ) -> None:
        named = Conversation("named", ADA, "Robots", NOW, NOW)
        unnamed = Conversation("unnamed", ADA, UNTITLED, NOW, NOW, is_active=False)
        for conversation in (named, unnamed):
            await store.add(conversation)
            await store.add(conversation)
            assert await store.record(exchange(session_id=conversation.id)) == conversation.id
        titles = {c.id: (c.title, c.is_active) for c in (await store.page(ADA, 9, 0)).conversations}
        assert titles == {"named": ("Robots", True), "unnamed": ("What is a node?", True)}

    async def test_page_is_ordered_counted_and_the_owners(self, store: SqlConversations) -> None:
        ids = [
            await store.record(exchange(at=NOW + timedelta(minutes=minute))) for minute in range(5)
        ]
        await store.record(exchange(user_id=EVE))
        newest_first = ids[::-1]
        for limit, offset in ((2, 0), (2, 2), (2, 4), (5, 0), (100, 0), (2, 50)):
            page = await store.page(ADA, limit, offset)
            assert [c.id for c in page.conversations] == newest_first[offset : offset + limit]
            assert page.total == 5
            assert all(c.message_count == 2 for c in page.conversations)
        assert (await store.page("nobody", 10, 0)).total == 0

    async def test_everything_is_the_owners_alone(self, store: SqlConversations) -> None:
        adas = await store.record(exchange())
        for owner, session in ((EVE, adas), (ADA, str(uuid4())), (ADA, adas.upper() + "x")):
            with pytest.raises(NotFound) as missing:
                await store.open(owner, session)
            for call in (
                store.rename(owner, session, "x", NOW),
                store.delete(owner, session),
            ):
                with pytest.raises(NotFound) as refused:
                    await call
                assert refused.value.detail == missing.value.detail
        assert await store.clear(EVE) == 0
        assert await store.export(EVE) == []
        assert (await store.open(ADA, adas)).conversation.title == "What is a node?"

    async def test_rename_delete_and_clear(
        self, store: SqlConversations, database: Database
    ) -> None:
        first, second = await store.record(exchange()), await store.record(exchange())
        later = NOW + timedelta(hours=1)
        renamed = await store.rename(ADA, first, "Robots", later)
        assert (renamed.title, renamed.message_count, renamed.updated_at) == ("Robots", 2, later)
        await store.delete(ADA, second)
        assert [o.conversation.id for o in await store.export(ADA)] == [first]
        assert await store.clear(ADA) == 1
        assert await count(database, chat_messages) == 0

    async def test_last_turns_are_the_newest_in_order_and_cut(
        self, store: SqlConversations, database: Database
    ) -> None:
        session = await store.record(exchange(question="first", answer="1"))
        for text_, minute in (("second", 1), ("third" * 100, 2)):
            at = NOW + timedelta(minutes=minute)
            await store.record(exchange(session_id=session, question=text_, answer=text_, at=at))
        note = {"id": "n", "session_id": session, "role": "system", "content": "x"}
        await database.write(lambda c: c.execute(insert(chat_messages), [note]))
        assert await store.last_turns(ADA, session, 4, 10) == [
            Turn("user", "second"),
            Turn("assistant", "second"),
            Turn("user", "thirdthird"),
            Turn("assistant", "thirdthird"),
        ]

    async def test_rows_of_an_earlier_deployment_are_served_as_they_are(
        self, store: SqlConversations, database: Database
    ) -> None:
        old = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
        stored = {
            "m1": (None, None),
            "m2": ('["a.md", "b.md"]', ("a.md", "b.md")),
            "m3": (
                '[{"title": "Nodes", "score": 1}, {"file_path": "c.md"}, {}]',
                ("Nodes", "c.md"),
            ),
            "m4": ('"a.md"', ("a.md",)),
            "m5": ("docs/a.md", ("docs/a.md",)),
            "m6": ("[]", None),
        }

        def fill(connection: Any) -> None:
            connection.execute(
                insert(chat_sessions).values(
                    id="old",
                    user_id=ADA,
                    title="First",
                    is_active=None,
                    created_at=old,
                    updated_at=None,
                )  # fmt: skip
            )
            for name, (sources, _) in stored.items():
                connection.execute(
                    insert(chat_messages).values(
                        id=name,
                        session_id="old",
                        role="assistant",
                        content="ENC:plain",
                        sources=sources,
                        created_at=old,
                    )  # fmt: skip
                )

        await database.write(fill)
        opened = await store.open(ADA, "old")
        assert opened.conversation == Conversation("old", ADA, "First", old, old, True, 6)
        assert {m.id: m.sources for m in opened.messages} == {
            name: expected for name, (_, expected) in stored.items()
        }
        assert {(m.content, m.status, m.citations) for m in opened.messages} == {
            ("ENC:plain", COMPLETE, ())
        }

    async def test_delete_of_an_account_leaves_no_row(
        self, store: SqlConversations, database: Database
    ) -> None:
        replays = SqlReplays(database)
        for owner in (ADA, EVE):
            held = claim(user_id=owner, scope=owner)
            await replays.claim(held, NOW - timedelta(days=1))
            await store.record(exchange(user_id=owner), Settlement(held, str.encode))
        await database.write(lambda connection: delete_owned(connection, ADA))
        for table, left in ((chat_sessions, 1), (chat_messages, 2), (idempotency_keys, 1)):
            assert await count(database, table) == left
        await database.write(lambda c: c.execute(users.delete().where(users.c.id == EVE)))
        for table in (chat_sessions, chat_messages, idempotency_keys):
            assert await count(database, table) == 0, "foreign keys cascade too"


class TestReplayStore:
    DAY_AGO = NOW - timedelta(days=1)

    async def test_claim_belongs_to_one_of_many(self, database: Database) -> None:
        replays = SqlReplays(database)
        claims = [claim() for _ in range(8)]
        found = await asyncio.gather(*(replays.claim(each, self.DAY_AGO) for each in claims))
        assert sum(isinstance(each, Claim) for each in found) == 1
        winner = next(each for each in found if isinstance(each, Claim))
        assert await replays.claim(winner, self.DAY_AGO) == winner, "a retry of the same attempt"
        others = [claim(scope="t" * 64), claim(key="l" * 64)]
        assert [await replays.claim(other, self.DAY_AGO) for other in others] == others

    async def test_outcome_is_stored_with_the_pair(
        self, store: SqlConversations, database: Database
    ) -> None:
        replays, held = SqlReplays(database), claim()
        await replays.claim(held, self.DAY_AGO)
        with pytest.raises(Conflict):
            await store.record(exchange(user_id="nobody"), Settlement(held, str.encode))
        earlier = await replays.claim(claim(), self.DAY_AGO)
        assert earlier == Earlier(held.fingerprint, None, held.lease_ends_at)
        session = await store.record(exchange(), Settlement(held, str.encode))
        earlier = await replays.claim(claim(fingerprint="other"), self.DAY_AGO)
        assert earlier == Earlier(held.fingerprint, session.encode(), held.lease_ends_at)

    async def test_claim_that_was_left_behind_is_continued(self, database: Database) -> None:
        """The continuing claim keeps the time of the first, from which ids are made."""
        replays = SqlReplays(database)
        await replays.claim(claim(), self.DAY_AGO)
        later = NOW + timedelta(minutes=3)
        late = claim(made_at=later, lease_ends_at=later + timedelta(minutes=2))
        assert isinstance(
            await replays.claim(replace(late, fingerprint="other"), self.DAY_AGO), Earlier
        )
        continued = await replays.claim(late, self.DAY_AGO)
        assert continued == replace(late, made_at=NOW)
        assert isinstance(await replays.claim(claim(), self.DAY_AGO), Earlier)
        await replays.release(continued, NOW + timedelta(minutes=4))
        again = claim(made_at=NOW + timedelta(minutes=4))
        assert await replays.claim(again, self.DAY_AGO) == replace(again, made_at=NOW)

    async def test_settle_after_the_claim_was_lost_changes_nothing(
        self, database: Database
    ) -> None:
        replays, lost = SqlReplays(database), claim(lease_ends_at=NOW)
        await replays.claim(lost, self.DAY_AGO)
        held = claim()
        await replays.claim(held, self.DAY_AGO)
        await replays.settle(lost, b"stale")
        await replays.settle(held, b"whole")
        await replays.release(held, NOW)
        earlier = await replays.claim(claim(), self.DAY_AGO)
        assert isinstance(earlier, Earlier)
        assert earlier.outcome == b"whole"

    async def test_old_keys_are_free_again_and_pruned(self, database: Database) -> None:
        replays, old = SqlReplays(database), claim()
        await replays.claim(old, self.DAY_AGO)
        await replays.settle(old, b"done")
        tomorrow = NOW + timedelta(days=1)
        new = claim(made_at=tomorrow, fingerprint="other")
        assert await replays.claim(new, NOW) == new
        await replays.prune(NOW)
        assert await count(database, idempotency_keys) == 1
        await replays.prune(tomorrow)
        assert await count(database, idempotency_keys) == 0


class TestScale:
    """1,000 readers with 50,000 messages."""

    READERS, PER_READER, PER_CONVERSATION = 1_000, 5, 10

    @pytest.fixture
    async def filled(self, database: Database) -> Database:
        sessions, messages = [], []
        for reader in range(self.READERS):
            for number in range(self.PER_READER):
                session = f"s-{reader}-{number}"
                at = NOW + timedelta(seconds=number)
                sessions.append(
                    {"id": session, "user_id": f"u-{reader}", "title": "T", "is_active": True,
                     "created_at": at, "updated_at": at}
                )  # fmt: skip
                messages += [
                    {"id": f"{session}-{n}", "session_id": session, "content": "text " * 20,
                     "role": ("user", "assistant")[n % 2], "created_at": at + timedelta(seconds=n)}
                    for n in range(self.PER_CONVERSATION)
                ]  # fmt: skip

        def fill(connection: Any) -> None:
            connection.execute(
                insert(users), [user_row(f"u-{reader}") for reader in range(self.READERS)]
            )
            connection.execute(insert(chat_sessions), sessions)
            connection.execute(insert(chat_messages), messages)

        await database.write(fill)
        await database.write(lambda c: c.execute(text("ANALYZE")))
        return database

    async def test_everything_goes_along_indexes_in_few_statements(self, filled: Database) -> None:
        store, foreign = SqlConversations(filled), "s-8-0"
        pair = exchange(user_id="u-7", session_id="s-7-2")
        pair_takes = 1 if filled.dialect == "postgresql" else 2
        calls = {
            "a page": (store.page("u-7", 3, 0), 1),
            "a page beyond the last": (store.page("u-7", 3, 9), 2),
            "opening": (store.open("u-7", "s-7-2"), 2),
            "the last turns": (store.last_turns("u-7", "s-7-2", 12, 100), 1),
            "a pair": (store.record(pair), pair_takes),
            "a pair in a new conversation": (store.record(exchange(user_id="u-7")), pair_takes),
            "a pair that asks for a foreign one": (
                store.record(exchange(user_id="u-7", session_id=foreign)),
                pair_takes,
            ),
            "the export": (store.export("u-7"), 2),
            "a title": (store.rename("u-7", "s-7-2", "Robots", NOW), 2),
            "deletion": (store.delete("u-7", "s-7-2"), 2),
            "deletion of everything": (store.clear("u-7"), 2),
        }
        for name, (call, most) in calls.items():
            with statements(filled) as sent:
                await call
            assert len(sent) == most, (name, sent)
            for plan in await self.plans(filled, sent):
                assert "Seq Scan" not in plan, (name, plan)
                assert not SCANS.search(plan), (name, plan)
        assert len((await store.open("u-8", foreign)).messages) == self.PER_CONVERSATION

    async def plans(self, database: Database, sent: Sent) -> list[str]:
        explain = "EXPLAIN" if database.dialect == "postgresql" else "EXPLAIN QUERY PLAN"

        def work(connection: Any) -> list[str]:
            return [
                "\n".join(map(str, connection.exec_driver_sql(f"{explain} {statement}", given)))
                for statement, given in sent
            ]

        return await database.read(work)
