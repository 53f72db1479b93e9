"""What attackers try against accounts, and what they get."""

# ruff: noqa: F401, F811  fixtures are imported, then named as arguments
from __future__ import annotations

import string
import time
from base64 import b64encode

import jwt
import pytest
from sqlalchemy import text

from backend.adapters.sql.engine import Database
from backend.services.accounts import Accounts
from backend.services.auth_limits import AuthLimits
from tests.api.auth_app import ORIGIN, SECRET, make_app
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


class TestPasswords:
    @pytest.mark.parametrize(
        ("password", "code"),
        [
            ("a", "PASSWORD_TOO_SHORT"),
            ("1234567", "PASSWORD_TOO_SHORT"),
            ("x" * 129, "PASSWORD_TOO_LONG"),
        ],
    )
    async def test_length_is_limited(self, browser: Browser, password: str, code: str) -> None:
        answer = await browser.sign_up(password=password)
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    async def test_what_follows_72_bytes_counts(self, browser: Browser) -> None:
        assert (await browser.sign_up(password="é" * 40)).status_code == 200
        assert (await browser.sign_in(password="é" * 39 + "e")).status_code == 401
        assert (await browser.sign_in(password="é" * 40)).status_code == 200

    async def test_unknown_address_and_wrong_password_look_alike(self, browser: Browser) -> None:
        await browser.sign_up()
        browser.cookies.clear()
        wrong = await browser.sign_in(password="wrong-password")
        unknown = await browser.sign_in("nobody@x.test", password="wrong-password")
        assert wrong.status_code == unknown.status_code == 401
        bodies = [answer.json() | {"request_id": ""} for answer in (wrong, unknown)]
        assert bodies[0] == bodies[1]
        names = [sorted(answer.headers) for answer in (wrong, unknown)]
        assert names[0] == names[1]


class TestSignUp:
    async def test_privileges_cannot_be_brought_along(
        self, browser: Browser, database: Database
    ) -> None:
        answer = await browser.sign_up(
            emailVerified=True, isAdmin=True, id="x", role="admin", userId="y", provider="z"
        )
        user = answer.json()["user"]
        assert user["emailVerified"] is False
        assert user["id"] != "x"
        (row,) = await database.read(
            lambda c: c.execute(text("SELECT * FROM users")).mappings().all()
        )
        assert not row["email_verified"]
        assert row["provider"] == "credentials"

    @pytest.mark.parametrize(
        "spelling",
        ["KATE@x.test", "kate@x.test ", "\u212aate@x.test", "kate\uff20x.test", "kate@X.TEST"],
    )
    async def test_another_spelling_is_the_same_account(
        self, browser: Browser, spelling: str
    ) -> None:
        await browser.sign_up("kate@x.test")
        answer = await browser.sign_up(spelling)
        assert (answer.status_code, answer.json()["code"]) == (
            422,
            "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
        )

    @pytest.mark.parametrize(
        "email",
        ["kate@x.test.", "kate", "@x.test", "a@b", "a..b@x.test", "a@x.test\n", "é@x.test", "a@[1]"]
        + ["a" * 250 + "@x.test", "a b@x.test", "a@x.test,b@x.test", "<a@x.test>"],
    )
    async def test_what_is_no_address_is_refused(self, browser: Browser, email: str) -> None:
        answer = await browser.sign_up(email)
        assert answer.status_code == (200 if email.strip() == "a@x.test" else 400)


class TestForgedCredentials:
    async def test_damaged_cookies_are_nobody(self, browser: Browser) -> None:
        signed = (await browser.sign_up()).headers["set-auth-token"]
        token, signature = signed.split(".")
        foreign = (await browser.sign_up("eve@x.test")).headers["set-auth-token"].split(".")[1]
        browser.cookies.clear()
        changed = ("a" if token[0] != "a" else "b") + token[1:]
        for value in (
            f"{changed}.{signature}",
            f"{token}.{foreign}",
            f"{token}.{signature[:43]}",
            token,
            f".{signature}",
            "",
            "%",
            "%ff%fe",
            "x" * 10_000,
        ):
            headers = {"cookie": f"better-auth.session_token={value}"}
            answer = await browser.auth("GET", "/get-session", headers=headers)
            assert (answer.status_code, answer.json()) == (200, None), value

    async def test_foreign_tokens_are_nobody(self, browser: Browser) -> None:
        signed_up = await browser.sign_up()
        user_id = signed_up.json()["user"]["id"]
        browser.cookies.clear()
        later = int(time.time()) + 600
        claims = {"email": "ada@x.test", "userId": user_id, "user_id": user_id, "sub": user_id}
        cache = {"session": {"userId": user_id}, "user": {"id": user_id}, "exp": later}
        tokens = [
            jwt.encode(claims | {"exp": later}, SECRET, algorithm="HS256"),
            jwt.encode(cache, SECRET, algorithm="HS256"),
            jwt.encode(claims, None, algorithm="none"),
            "acc_" + b64encode(b"x" * 60).decode(),
            "acc_",
            "garbage",
            "a.b",
        ]
        for token in tokens:
            answer = await browser.auth("GET", "/verify", bearer=token)
            assert answer.status_code == 401, token
            assert (await browser.auth("GET", "/get-session", bearer=token)).json() is None
        odd = {b"authorization": b"Bearer \xc3\xa9\xff"}
        assert (await browser.get("/api/auth/get-session", headers=odd)).json() is None

    async def test_chosen_session_is_not_taken_over(self, browser: Browser) -> None:
        chosen = "c" * 32
        browser.cookies.set("better-auth.session_token", chosen)
        answer = await browser.sign_up()
        assert answer.json()["token"] != chosen
        assert len(answer.json()["token"]) == 32
        assert set(answer.json()["token"]) <= set(string.ascii_letters + string.digits)


class TestRevocation:
    async def test_token_is_dead_after_sign_out(self, browser: Browser) -> None:
        body = (await browser.sign_up()).json()
        await browser.auth("POST", "/sign-out", json={})
        browser.cookies.clear()
        for bearer in (body["token"], body["session"]["accessToken"]):
            assert (await browser.auth("GET", "/verify", bearer=bearer)).status_code == 401

    async def test_token_is_dead_after_a_new_password(
        self, browser: Browser, other: Browser
    ) -> None:
        body = (await browser.sign_up()).json()
        await other.sign_in()
        answer = await browser.auth(
            "POST",
            "/change-password",
            json={
                "currentPassword": PASSWORD,
                "newPassword": "An0ther-passphrase",
                "revokeOtherSessions": True,
            },
        )
        assert answer.status_code == 200
        assert (await other.auth("GET", "/get-session")).json() is None
        assert (await browser.auth("GET", "/get-session")).json() is not None
        browser.cookies.clear()
        for bearer in (body["token"], body["session"]["accessToken"]):
            assert (await browser.auth("GET", "/verify", bearer=bearer)).status_code == 401
        assert (await browser.sign_in()).status_code == 401

    async def test_token_is_dead_after_deletion(self, browser: Browser, database: Database) -> None:
        body = (await browser.sign_up()).json()
        await browser.auth("POST", "/profile/update", json={"learning_goals": "x"})
        deleted = await browser.auth("POST", "/delete-user", json={"password": PASSWORD})
        assert deleted.json() == {"success": True, "message": "User deleted"}
        browser.cookies.clear()
        for bearer in (body["token"], body["session"]["accessToken"]):
            assert (await browser.auth("GET", "/verify", bearer=bearer)).status_code == 401
        for table in ("users", "user_profiles", "auth_sessions"):
            statement = text(f"SELECT count(*) FROM {table}")
            count = await database.read(lambda c, s=statement: c.execute(s).scalar())
            assert count == 0, table

    async def test_another_account_cannot_be_signed_out(
        self, browser: Browser, other: Browser
    ) -> None:
        victim = (await browser.sign_up()).json()
        await other.sign_up("eve@x.test")
        for token in (victim["token"], victim["session"]["id"], "' OR 1=1 --", "%", ""):
            answer = await other.auth("POST", "/revoke-session", json={"token": token})
            assert answer.json() == {"status": True}
        assert (await browser.auth("GET", "/get-session")).json() is not None

    async def test_deleting_needs_the_right_password(self, browser: Browser) -> None:
        await browser.sign_up()
        answer = await browser.auth("POST", "/delete-user", json={"password": "wrong-password"})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PASSWORD")


class TestForeignPages:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "null",
            "",
            "http://localhost:3999.evil.com",
            "https://evil.com#localhost:3999",
            "http://localhost:39999",
            "HTTP://LOCALHOST:3999",
            "https://localhost:3999",
            "http://user@localhost:3999",
            "http://localhost:3999/",
        ],
    )
    async def test_cookie_from_elsewhere_changes_nothing(
        self, browser: Browser, origin: str
    ) -> None:
        await browser.sign_up()
        for path in ("/update-user", "/sign-out", "/delete-user", "/sign-in/email", "/sign-up"):
            answer = await browser.auth("POST", path, json={}, headers={"origin": origin})
            assert answer.status_code == 403, path
            assert answer.json()["code"] in ("INVALID_ORIGIN", "MISSING_OR_NULL_ORIGIN")
        assert (await browser.auth("GET", "/get-session")).json() is not None

    async def test_referer_stands_in_for_a_missing_origin(self, browser: Browser) -> None:
        await browser.sign_up()
        del browser.headers["origin"]
        for referer, status in (
            (ORIGIN + "/page?x=1", 200),
            ("https://evil.example/" + ORIGIN, 403),
            ("nonsense", 403),
        ):
            answer = await browser.auth(
                "POST", "/update-user", json={"name": "X"}, headers={"referer": referer}
            )
            assert answer.status_code == status, referer

    async def test_command_line_needs_no_origin(self, browser: Browser) -> None:
        del browser.headers["origin"]
        signed = (await browser.sign_up()).headers["set-auth-token"]
        browser.cookies.clear()
        changed = await browser.auth("POST", "/update-user", bearer=signed, json={"name": "X"})
        assert changed.status_code == 200

    async def test_sign_in_by_a_foreign_form_is_blocked(self, browser: Browser) -> None:
        del browser.headers["origin"]
        headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        answer = await browser.auth("POST", "/sign-in/email", data={"email": "a"}, headers=headers)
        assert answer.json()["code"] == "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"

    @pytest.mark.parametrize(
        "url",
        ["//evil", "/\\evil", "\\/evil", "/%2f%2fevil", "/%5Cevil", "javascript:alert(1)"]
        + [
            "https://evil",
            "http://localhost:3999@evil",
            "https:evil",
            "/\tx",
            "\n//evil",
            "data:,x",
        ]
        + ["http://localhost:3999.evil", "///evil", "evil", "http:\\\\evil", "/a\\b"],
    )
    async def test_redirects_elsewhere_are_refused(self, browser: Browser, url: str) -> None:
        await browser.sign_up()
        for field in ("callbackURL", "errorCallbackURL", "redirectTo", "newUserCallbackURL"):
            answer = await browser.sign_in(**{field: url})
            assert answer.status_code == 403, field
            assert "location" not in answer.headers
        asked = await browser.auth(
            "POST",
            "/sign-in/email",
            params={"callbackURL": url},
            json={"email": "ada@x.test", "password": PASSWORD},
        )
        assert asked.status_code == 403

    @pytest.mark.parametrize("url", ["/", "/docs/a?x=//y#z", ORIGIN + "/page", "/a%20b"])
    async def test_redirects_home_are_given_back(self, browser: Browser, url: str) -> None:
        await browser.sign_up()
        answer = await browser.sign_in(callbackURL=url)
        assert answer.status_code == 200
        assert (answer.json()["redirect"], answer.json()["url"]) == (True, url)


class TestLimits:
    async def attempts(
        self, accounts: Accounts, addresses: list[str], email: str = "ada@x.test"
    ) -> list[int]:
        statuses = []
        async with Browser(make_app(accounts), peer=("10.0.0.1", 1)) as client:
            for address in addresses:
                answer = await client.auth(
                    "POST",
                    "/sign-in/email",
                    json={"email": email, "password": "wrong-password"},
                    headers={"x-forwarded-for": address},
                )
                statuses.append(answer.status_code)
                if answer.status_code == 429:
                    assert int(answer.headers["x-retry-after"]) > 0
                    assert answer.headers["retry-after"] == answer.headers["x-retry-after"]
        return statuses

    @pytest.mark.parametrize(
        "addresses",
        [
            ["203.0.113.7"] * 4,
            [f"1.2.3.{number}, 203.0.113.7" for number in range(4)],
            [f"2001:db8:1:2::{number:x}" for number in range(4)],
            ["203.0.113.7", "::ffff:203.0.113.7"] * 2,
        ],
    )
    async def test_fourth_attempt_in_ten_seconds_is_refused(
        self,
        accounts: Accounts,
        addresses: list[str],
    ) -> None:
        accounts.limits = AuthLimits(clock=lambda: 0.0)
        assert await self.attempts(accounts, addresses) == [401, 401, 401, 429]

    async def test_window_ends(self, accounts: Accounts) -> None:
        now = 0.0
        accounts.limits = AuthLimits(clock=lambda: now)
        assert (await self.attempts(accounts, ["203.0.113.7"] * 4))[-1] == 429
        now = 10.0
        assert await self.attempts(accounts, ["203.0.113.7"]) == [401]

    async def test_one_account_from_many_addresses_is_throttled(
        self,
        accounts: Accounts,
    ) -> None:
        accounts.limits = AuthLimits(clock=lambda: 0.0)
        addresses = [f"203.0.113.{number}" for number in range(12)]
        assert await self.attempts(accounts, addresses) == [401] * 10 + [429] * 2
        assert await self.attempts(accounts, ["198.51.100.1"], "other@x.test") == [401]


async def test_export_holds_all_and_only_the_callers_own(browser: Browser, other: Browser) -> None:
    await browser.sign_up(name="Lovelace")
    await other.sign_up("eve@x.test", name="Mallory")
    await browser.auth("POST", "/profile/update", json={"learning_goals": "robots"})
    exported = await browser.get("/api/account/export")
    assert exported.status_code == 200
    assert exported.json()["user"]["email"] == "ada@x.test"
    assert exported.json()["user"]["profile"]["learning_goals"] == "robots"
    assert len(exported.json()["sessions"]) == 1
    for foreign in ("eve@x.test", "Mallory"):
        assert foreign not in exported.text
    browser.cookies.clear()
    anonymous = await browser.get("/api/account/export")
    assert (anonymous.status_code, anonymous.json()["code"]) == (401, "UNAUTHORIZED")
