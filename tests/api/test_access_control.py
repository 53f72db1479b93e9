"""Whose data it is, asked of the whole product; and where each known attack is tried.

Accounts and sessions
 1 short and long passwords       tests/api/test_auth_abuse.py::test_length_is_limited
 2 what follows 72 bytes          tests/api/test_auth_abuse.py::test_what_follows_72_bytes_counts
 3 privileges brought along       tests/api/test_auth_abuse.py::test_privileges_cannot_be_brought_along
 4 other spellings of an address  tests/api/test_auth_abuse.py::test_another_spelling_is_the_same_account
 5 parallel sign-ups              tests/api/test_auth.py::test_parallel_sign_ups_of_one_address
 6 known by time or answer        tests/unit/test_passwords.py::test_refusals_compute_one_hash_of_each_kind
                                  tests/api/test_auth_abuse.py::test_unknown_address_and_wrong_password_look_alike
 7 hidden sign-up of a known one  does not apply: no mail is sent, so sign-up tells it, as it does
                                  at the genuine server without verification
 8 damaged cookies                tests/api/test_auth_abuse.py::test_damaged_cookies_are_nobody
 9 forged JWTs                    tests/unit/services/test_tokens.py::test_headers_that_say_more_are_refused_unasked
                                  tests/unit/services/test_tokens.py::test_other_algorithms_are_refused_unasked
                                  tests/unit/services/test_tokens.py::test_foreign_key_under_a_known_id_is_refused
10 e-mail verification token      tests/clients/test_genuine_server.py::test_email_verification_token_is_no_identity
11 cookie-cache token             tests/api/test_auth_abuse.py::test_foreign_tokens_are_nobody
12 claims that do not fit         tests/unit/services/test_tokens.py::test_claims_that_do_not_fit_are_refused
13 tokens after their end         tests/api/test_auth_abuse.py::test_token_is_dead_after_sign_out
                                  tests/api/test_auth_abuse.py::test_token_is_dead_after_a_new_password
                                  tests/api/test_auth_abuse.py::test_token_is_dead_after_deletion
14 somebody else's session        tests/api/test_auth_abuse.py::test_another_account_cannot_be_signed_out
15 foreign origins                tests/api/test_auth_abuse.py::test_cookie_from_elsewhere_changes_nothing
16 redirects                      tests/api/test_auth_abuse.py::test_redirects_elsewhere_are_refused
17 guessing                       tests/api/test_auth_abuse.py::test_fourth_attempt_in_ten_seconds_is_refused
                                  tests/api/test_auth_abuse.py::test_one_account_from_many_addresses_is_throttled
18 many sign-ins at once          tests/api/test_access_control.py::test_200_sign_ins_at_once_leave_the_service_answering
19 session fixation               tests/api/test_auth_abuse.py::test_chosen_session_is_not_taken_over

Access
20 somebody else's conversation   tests/api/test_history.py::test_what_is_somebody_elses_is_as_absent_as_what_never_was
21 asking in somebody else's      tests/e2e/test_history.py::test_model_reads_the_readers_own_turns_and_nobody_elses
22 somebody else's key            tests/api/test_history.py::test_same_key_is_answered_once_as_json_and_as_a_stream
23 limits of pages                tests/api/test_history.py::test_pages_have_limits
24 odd ids                        tests/api/test_access_control.py::test_odd_ids_are_not_found
25 what deletion leaves           tests/api/test_access_control.py::test_deleted_account_leaves_no_row_in_any_table
26 what an export holds           tests/api/test_access_control.py::test_export_holds_all_and_only_the_callers_own
27 routes without a credential    tests/api/test_access_control.py::test_route_without_a_credential_gives_nothing_away
"""  # noqa: E501  the name of a test is longer than a line

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from backend import passwords
from backend.adapters.sql.tables import metadata
from tests.api.auth_app import unlimited
from tests.api.readers import LIST, PASSWORD, database_of, settle_in, sign_up
from tests.api.serving import Reply, Site
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import product, until, write_book

ROOT = Path(__file__).parents[2]
ADMIN = "test-token-not-real"
ANYBODY = {
    "GET /", "GET /health", "GET /health/ready", "GET /health/circuits", "GET /read/{page}",
    "POST /chat", "POST /chat/stream", "POST /api/search", "POST /api/feedback", "POST /translate",
    "POST /translate/batch", "POST /adjust-content", "POST /adjust-content/batch",
    "POST /api/auth/sign-up", "POST /api/auth/sign-up/email", "POST /api/auth/sign-in/email",
    "POST /api/auth/sign-out", "GET /api/auth/get-session", "GET /api/auth/ok",
}  # fmt: skip
"""What a caller without a credential may use; everything else is refused with 401."""
OF_THE_SERVICE = {"data_keys", "rewrites"}
"""Tables whose rows belong to nobody."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """The whole product on SQLite, answering in the book's own sentences."""
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data", ADMIN_TOKEN=ADMIN) as site:
        (await site.container.open_accounts()).limits = unlimited()  # type: ignore[attr-defined]
        yield site


async def rows(site: Site) -> dict[str, list[str]]:
    """Every row of every table."""
    return await database_of(site).read(
        lambda c: {
            table.name: sorted(str(dict(row)) for row in c.execute(select(table)).mappings())
            for table in metadata.sorted_tables
        }
    )


def operations(site: Site) -> Iterator[str]:
    for path, methods in site.app.openapi()["paths"].items():
        for method in methods:
            yield f"{method.upper()} {path}"


async def tried(site: Site, operation: str, **options: Any) -> Reply:
    method, path = operation.split()
    return await site.ask(method, re.sub(r"\{\w+\}", "x", path), **options)


async def test_route_without_a_credential_gives_nothing_away(site: Site) -> None:
    found = set(operations(site))
    assert found >= ANYBODY
    assert {"POST /ingest", "GET /metrics", "GET /health/config"} <= found - ANYBODY
    for operation in sorted(found):
        reply = await tried(site, operation)
        assert (reply.status == 401) == (operation not in ANYBODY), operation
        if reply.status == 401:
            assert reply.json["code"] in ("not_signed_in", "UNAUTHORIZED"), operation
            assert set(reply.json) <= {"code", "detail", "message", "request_id"}, operation


async def test_reader_is_no_admin(site: Site) -> None:
    reader = await sign_up(site, "ada")
    token = {"authorization": f"Bearer {reader.token}"}
    own = {
        operation for operation in operations(site) if " /api/a" in operation or LIST in operation
    }
    for operation in sorted(set(operations(site)) - ANYBODY - own - {"DELETE /api/chat/history"}):
        reply = await tried(site, operation, headers=token)
        assert reply.status in (401, 403), operation


async def test_deleted_account_leaves_no_row_in_any_table(site: Site) -> None:
    bob = await settle_in(site, "bob")
    before = await rows(site)
    empty = {name for name, found in before.items() if not found}
    assert empty <= OF_THE_SERVICE, "a table without a test row: let settle_in make one"
    ada = await settle_in(site, "ada")
    await ada.done("POST", "/api/auth/delete-user", json={"password": PASSWORD})
    assert await rows(site) == before
    await bob.done("POST", "/api/auth/delete-user", json={"password": PASSWORD})
    left = {name for name, found in (await rows(site)).items() if found}
    assert left <= OF_THE_SERVICE


async def test_note_that_waits_to_be_written_goes_with_its_account(site: Site) -> None:
    await sign_up(site, "bob")  # the first account leaves the key's mark in the database
    before = await rows(site)
    ada = await sign_up(site, "ada")
    await ada.done("POST", "/chat", json={"query": "What is a topic?"})
    await ada.done("POST", "/api/auth/delete-user", json={"password": PASSWORD})
    await site.container.insights.flush()
    assert await rows(site) == before


async def test_account_that_is_deleted_during_an_answer_gets_nothing_stored(
    tmp_path: Path,
) -> None:
    docs = write_book(tmp_path / "docs")
    async with OpenAIDouble() as openai:
        openai.may_speak.clear()
        keys = {"OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url}
        async with product(docs, tmp_path / "data", **keys) as site:
            ada = await sign_up(site, "ada")
            body, key = {"query": "What is a topic?"}, {"idempotency-key": "key of ada"}
            asked = asyncio.create_task(ada.ask("POST", "/chat", json=body, headers=key))
            await until(lambda: openai.calls("chat"))
            await ada.done("POST", "/api/auth/delete-user", json={"password": PASSWORD})
            openai.may_speak.set()
            reply = await asked
            assert (reply.status, reply.json["saved"]) == (200, False)
            left = {name for name, found in (await rows(site)).items() if found}
            assert left <= OF_THE_SERVICE | {"answer_notes"}  # they name nobody


async def test_export_holds_all_and_only_the_callers_own(site: Site) -> None:
    ada, bob = await settle_in(site, "ada"), await settle_in(site, "bob")
    reply = await ada.ask("GET", "/api/account/export")
    text = reply.body.decode()
    for said in (
        "ada@x.test", "goals of ada", "laptop of ada", "What is a topic, asks ada?",
        "selected by ada", "How do I stop a node, asks ada?", "title of ada", "thanks, ada",
    ):  # fmt: skip
        assert said in text
    assert "bob" not in text
    stored = await database_of(site).read(
        lambda c: {
            table.name: c.execute(select(table)).mappings().all()
            for table in metadata.sorted_tables
        }
    )
    own_chats = {row["id"] for row in stored["chat_sessions"] if row["user_id"] == ada.id}
    own = [row["id"] for name in ("auth_sessions", "chat_sessions")
           for row in stored[name] if row["user_id"] == ada.id]  # fmt: skip
    own += [row["id"] for row in stored["chat_messages"] if row["session_id"] in own_chats]
    assert len(own) == 2 + 3 + 4
    foreign = [row["id"] for row in stored["chat_messages"] if row["session_id"] not in own_chats]
    assert all(one in text for one in own)
    assert not any(one in text for one in [bob.id, *foreign])
    assert [one["rating"] for one in reply.json["answers"] if one["rating"]] == ["up"]
    assert len(reply.json["requests"]) == 1
    secrets = [row["token_hash"] for row in stored["auth_sessions"]]
    secrets += [row["password_hash"] for row in stored["users"]]
    assert not any(one in text for one in secrets)
    assert (await site.ask("GET", "/api/account/export")).status == 401


async def test_odd_ids_are_not_found(site: Site) -> None:
    ada = await settle_in(site, "ada")
    before = await rows(site)
    for odd in ("..%2F", "%00", "x" * 10_000, "' or 1=1--", "%F0%9F%A4%96", "%2e%2e%2fx", "*"):
        for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/export"), ("PATCH", "/title")):
            body = {"json": {"title": "x"}} if method == "PATCH" else {}
            reply = await ada.ask(method, f"{LIST}/{odd}{rest}", **body)
            assert reply.status in (404, 414), (method, odd, reply.body)
    assert await rows(site) == before


@contextmanager
def statements(site: Site) -> Iterator[list[tuple[str, Any]]]:
    """What is executed, without what begins and ends transactions."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            seen.append((statement, parameters))

    engine = database_of(site).engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_sessions_are_found_by_few_and_indexed_statements(site: Site) -> None:
    ada = await sign_up(site, "ada")
    body = {"email": "ada@x.test", "password": PASSWORD}
    assert (await site.ask("POST", "/api/auth/sign-in/email", json=body)).status == 200
    for limit, (method, path, json) in (
        (1, ("GET", "/api/auth/get-session", None)),
        (1, ("GET", "/api/auth/verify", None)),
        (6, ("POST", "/api/auth/sign-in/email", body)),
    ):  # fmt: skip
        with statements(site) as seen:
            await ada.done(method, path, json=json)
        assert 0 < len(seen) <= limit, (path, seen)
        plans = await database_of(site).read(
            lambda c, seen=tuple(seen): [
                row[3]
                for statement, parameters in seen
                for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            ]
        )
        assert not any(plan.startswith("SCAN") for plan in plans), plans


async def test_200_sign_ins_at_once_leave_the_service_answering(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes are computed a few at a time, beside the event loop; each takes 32 MiB."""
    await sign_up(site, "ada")
    running = most = hashes = 0

    def cheaper(password: str, salt: str) -> bytes:
        nonlocal running, most, hashes
        running, hashes = running + 1, hashes + 1
        most = max(most, running)
        key = hashlib.scrypt(password.encode(), salt=salt.encode(), n=1024, r=8, p=1, dklen=64)
        running -= 1
        return key

    monkeypatch.setattr(passwords, "_scrypt", cheaper)
    body = {"email": "ada@x.test", "password": "wrong-password"}
    attempts = [
        asyncio.create_task(site.ask("POST", "/api/auth/sign-in/email", json=body))
        for _ in range(200)
    ]
    await until(lambda: hashes > 0)
    answered = 0
    while hashes < 200:
        assert (await site.ask("GET", "/health")).status == 200
        answered += 1
    assert answered > 0
    assert {reply.status for reply in await asyncio.gather(*attempts)} == {401}
    assert most <= passwords.PasswordPool().threads


def test_every_case_of_the_table_names_tests_that_exist() -> None:
    table = __doc__ or ""
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", table)
    assert len(named) > 27
    for path, name in named:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^ *(?:async )?def {name}\b", source, re.M), f"{path}::{name}"
    assert [int(number) for number in re.findall(r"^ ?(\d+) ", table, re.M)] == list(range(1, 28))
