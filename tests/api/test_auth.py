"""Sign-up, sign-in and sessions as the two clients use them."""

# ruff: noqa: F401, F811  fixtures are imported, then named as arguments
from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from backend.adapters.sql.account_store import AccountStoreChooser
from backend.adapters.sql.engine import Database
from backend.crypto import make_ring
from backend.errors import NotConfigured, UpstreamRefused
from backend.services.accounts import Accounts
from tests.api.auth_app import SECRET, always, make_accounts, make_app
from tests.api.auth_client import (
    PASSWORD,
    Browser,
    Clock,
    accounts,
    browser,
    clock,
    database,
    other,
)


class Gone:
    """A store whose database is away."""

    def __getattr__(self, name: str):  # type: ignore[no-untyped-def]
        async def fail(*_: object, **__: object) -> None:
            raise UpstreamRefused("database", "The database is away.")

        return fail


class TestExistingFrontend:
    """It reads `detail`, `user` and `session.accessToken`, and sends a bearer, never a cookie."""

    async def test_register_page_may_leave_the_level_out(self, browser: Browser) -> None:
        body = {"email": "ada@x.test", "name": "Ada", "password": PASSWORD}
        answer = await browser.auth("POST", "/sign-up", json=body)
        assert answer.status_code == 200
        assert answer.json()["user"]["proficiency"] == "pro"
        assert answer.json()["session"]["accessToken"]
        assert answer.json()["session"]["tokenType"] == "bearer"

    async def test_access_token_serves_every_route(self, browser: Browser) -> None:
        token = (await browser.sign_up()).json()["session"]["accessToken"]
        browser.cookies.clear()
        session = await browser.auth("GET", "/get-session", bearer=token)
        assert session.json()["user"]["email"] == "ada@x.test"
        verified = await browser.auth("GET", "/verify", bearer=token)
        assert verified.json()["valid"] is True
        assert verified.json()["user"]["proficiency"] == "pro"

    async def test_profile_is_in_the_user(self, browser: Browser) -> None:
        token = (await browser.sign_up()).json()["session"]["accessToken"]
        browser.cookies.clear()
        empty = await browser.auth("GET", "/profile", bearer=token)
        assert empty.json() == {"profile": None}
        fields = {"technical_background": "C", "hardware_access": "", "learning_goals": "robots"}
        saved = await browser.auth("POST", "/profile/update", bearer=token, json=fields)
        assert saved.json() == {"success": True}
        session = await browser.auth("GET", "/get-session", bearer=token)
        assert session.json()["user"].items() >= fields.items()
        profile = await browser.auth("GET", "/profile", bearer=token)
        assert profile.json() == {"profile": fields}

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/sign-up", {}),
            ("POST", "/sign-up", {"email": 7, "password": [], "name": {}}),
            ("POST", "/sign-up", {"email": "no", "name": "N", "password": PASSWORD}),
            ("POST", "/sign-in/email", {"email": "ada@x.test"}),
            ("POST", "/sign-in/email", {"email": "ada@x.test", "password": "wrong"}),
            ("POST", "/sign-in/email", []),
            ("GET", "/verify", None),
            ("GET", "/profile", None),
            ("POST", "/profile/update", {}),
        ],
    )
    async def test_detail_is_always_a_sentence(
        self, browser: Browser, method: str, path: str, body: object
    ) -> None:
        more = {} if body is None else {"json": body}
        answer = await browser.auth(method, path, **more)
        assert answer.status_code >= 400
        assert isinstance(answer.json()["detail"], str)
        assert answer.json()["detail"] == answer.json()["message"]
        assert isinstance(answer.json()["code"], str)
        assert answer.json()["request_id"] == answer.headers["x-request-id"]

    async def test_database_away_signs_nobody_out(
        self,
        browser: Browser,
        clock: Clock,
    ) -> None:
        token = (await browser.sign_up()).json()["session"]["accessToken"]
        away = make_accounts(always(Gone()), clock=clock)  # type: ignore[arg-type]
        async with Browser(make_app(away)) as later:
            session = await later.auth("GET", "/get-session", bearer=token)
            assert session.status_code == 200
            assert session.json()["user"]["email"] == "ada@x.test"
            assert (await later.auth("GET", "/verify", bearer=token)).status_code == 200
            changing = await later.auth("POST", "/update-user", bearer=token, json={"name": "x"})
            assert changing.status_code == 503
            assert int(changing.headers["retry-after"]) > 0
            raw = await later.auth("GET", "/get-session", bearer="r" * 32)
            assert raw.status_code == 503
            assert (await later.auth("GET", "/get-session")).json() is None
            clock.advance(days=31)
            old = await later.auth("GET", "/get-session", bearer=token)
            assert old.status_code == 503

    async def test_session_seen_lately_outlives_the_database(
        self,
        accounts: Accounts,
        browser: Browser,
        other: Browser,
    ) -> None:
        await browser.sign_up()
        accounts._identity._store = always(Gone())  # type: ignore[arg-type]
        assert (await browser.auth("GET", "/get-session")).json()["user"]["name"] == "Ada"
        assert (await other.auth("GET", "/get-session")).json() is None


class TestSessions:
    async def test_session_slides_for_a_week_at_a_time(
        self,
        browser: Browser,
        clock: Clock,
    ) -> None:
        signed_up = await browser.sign_up()
        clock.advance(hours=23)
        untouched = await browser.auth("GET", "/get-session")
        assert "set-cookie" not in untouched.headers
        clock.advance(hours=2)
        extended = await browser.auth("GET", "/get-session")
        assert extended.headers["set-auth-token"] == signed_up.headers["set-auth-token"]
        assert extended.json()["session"]["expiresAt"] == "2026-12-01T13:00:00.123Z"
        clock.advance(days=7)
        expired = await browser.auth("GET", "/get-session")
        assert expired.json() is None
        assert len(expired.headers.get_list("set-cookie")) == 3

    async def test_short_session_ends_after_a_day(
        self,
        browser: Browser,
        clock: Clock,
    ) -> None:
        signed_up = await browser.sign_up(rememberMe=False)
        assert not any("Max-Age" in one for one in signed_up.headers.get_list("set-cookie"))
        clock.advance(hours=23)
        assert (await browser.auth("GET", "/get-session")).json() is not None
        clock.advance(hours=2)
        assert (await browser.auth("GET", "/get-session")).json() is None

    async def test_every_spelling_of_the_token_is_taken(self, browser: Browser) -> None:
        from urllib.parse import quote

        signed = (await browser.sign_up()).headers["set-auth-token"]
        browser.cookies.clear()
        for spelling in (signed, quote(signed, safe=""), signed.split(".")[0]):
            answer = await browser.auth("GET", "/get-session", bearer=spelling)
            assert answer.json()["session"]["token"] == signed.split(".")[0]

    async def test_list_needs_a_fresh_sign_in(
        self,
        browser: Browser,
        clock: Clock,
    ) -> None:
        await browser.sign_up()
        clock.advance(days=1)
        stale = await browser.auth("GET", "/list-sessions")
        assert (stale.status_code, stale.json()["code"]) == (403, "SESSION_NOT_FRESH")
        deleting = await browser.auth("POST", "/delete-user", json={})
        assert (deleting.status_code, deleting.json()["code"]) == (400, "SESSION_EXPIRED")
        again = await browser.auth("POST", "/delete-user", json={"password": PASSWORD})
        assert again.status_code == 200

    async def test_list_tells_no_token_of_another_device(
        self, browser: Browser, other: Browser
    ) -> None:
        here = (await browser.sign_up()).json()["token"]
        there = (await other.sign_in()).json()["token"]
        listed = (await browser.auth("GET", "/list-sessions")).json()
        assert here in [one["token"] for one in listed]
        assert there not in str(listed)
        handle = next(one["token"] for one in listed if one["token"] != here)
        await browser.auth("POST", "/revoke-session", json={"token": handle})
        assert (await other.auth("GET", "/get-session")).json() is None
        assert (await browser.auth("GET", "/get-session")).json() is not None

    async def test_revoke_all_and_all_others(self, browser: Browser, other: Browser) -> None:
        await browser.sign_up()
        await other.sign_in()
        await browser.auth("POST", "/revoke-other-sessions", json={})
        assert (await other.auth("GET", "/get-session")).json() is None
        await other.sign_in()
        await browser.auth("POST", "/revoke-sessions", json={})
        for client in (browser, other):
            assert (await client.auth("GET", "/get-session")).json() is None


class TestRequests:
    @pytest.mark.parametrize(
        ("content", "status", "code"),
        [
            (b'{"email":"a@x.test","password":"\\ud800aaaaaaa","name":"N"}', 422, "invalid"),
            (b'{"email":"a@x.test","password":NaN,"name":"N"}', 422, "invalid"),
            (
                b'{"email":"a@x.test","password":"12345678","name":"\\u0000"}',
                422,
                "VALIDATION_ERROR",
            ),
            (b"[" * 100_000, 400, "BAD_REQUEST"),
            (b"\xff\xfe{\x00", 400, "BAD_REQUEST"),
            (b'"text"', 400, "VALIDATION_ERROR"),
            (b"null", 400, "VALIDATION_ERROR"),
        ],
    )
    async def test_odd_bodies_are_refused(
        self, browser: Browser, content: bytes, status: int, code: str
    ) -> None:
        headers = {"content-type": "application/json"}
        for path in ("/sign-up", "/sign-up/email"):
            answer = await browser.auth("POST", path, content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (status, code)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", "x" * 256),
            ("proficiency", "wizard"),
            ("image", "x" * 8_001),
            ("technical_background", "x" * 8_001),
            ("name", " "),
        ],
    )
    async def test_fields_have_limits(self, browser: Browser, field: str, value: str) -> None:
        await browser.sign_up()
        answer = await browser.auth("POST", "/update-user", json={field: value})
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
        assert f"[body.{field}]" in answer.json()["message"]

    async def test_update_without_fields_is_refused(self, browser: Browser) -> None:
        await browser.sign_up()
        answer = await browser.auth("POST", "/update-user", json={"isAdmin": True})
        assert answer.status_code == 400

    async def test_answers_are_not_stored(self, browser: Browser) -> None:
        for answer in (await browser.sign_up(), await browser.auth("GET", "/verify")):
            assert answer.headers["cache-control"] == "no-store"

    async def test_accounts_that_are_off_name_the_variable(self) -> None:
        off = NotConfigured("Accounts are off: set BETTER_AUTH_SECRET and restart.")
        async with Browser(make_app(off)) as client:
            answer = await client.sign_in()
            assert answer.status_code == 503
            assert answer.json()["code"] == "not_configured"
            assert "BETTER_AUTH_SECRET" in answer.json()["detail"]
            assert (await client.auth("GET", "/ok")).json() == {"ok": True}


async def test_wrong_data_key_is_503_and_shows_nothing(
    browser: Browser,
    database: Database,
    clock: Clock,
) -> None:
    signed = (await browser.sign_up(name="Lovelace")).headers["set-auth-token"]
    store = AccountStoreChooser(database, make_ring("another-key-not-real", None), shared=False)
    async with Browser(make_app(make_accounts(store, clock=clock, secret=SECRET))) as later:
        for answer in (
            await later.auth("GET", "/get-session", bearer=signed),
            await later.sign_in(),
            await later.sign_up("new@x.test"),
            await later.request(
                "GET", "/api/account/export", headers={"authorization": f"Bearer {signed}"}
            ),
        ):
            assert answer.status_code == 503
            assert "DATA_ENCRYPTION_KEY" in answer.json()["detail"]
            assert "ENC2" not in answer.text
            assert "Lovelace" not in answer.text
    assert (
        await database.read(lambda c: c.execute(text("SELECT count(*) FROM users")))
    ) is not None


async def test_parallel_sign_ups_of_one_address(browser: Browser) -> None:
    answers = await asyncio.gather(*(browser.sign_up() for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 7
