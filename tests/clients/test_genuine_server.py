"""A genuine Better Auth server and this service on one database: what one does, the other sees."""

# ruff: noqa: F401  fixtures are imported, then named as arguments
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from backend.adapters.sql.engine import sqlite_url
from tests.api.auth_server import CLIENTS, genuine_server, install_clients, python_server
from tests.contract.postgres import postgres
from tests.postgres import PostgresServer

ORIGIN = "http://localhost:3999"
SECRET = "test-secret-not-real-0123456789-abcdef"
PASSWORD = "Corr3ct-horse-battery"


@dataclass
class Side:
    """One of the two servers, spoken to as a bearer client."""

    base: str

    def call(self, method: str, path: str, bearer: str = "", **body: Any) -> httpx.Response:
        headers = {"origin": ORIGIN}
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        json = body if method == "POST" else None
        return httpx.request(
            method, f"{self.base}/api/auth{path}", headers=headers, json=json, timeout=10
        )

    def sign_up(self, email: str) -> str:
        answer = self.call("POST", "/sign-up/email", name="A", email=email, password=PASSWORD)
        assert answer.status_code == 200, answer.text
        return answer.headers["set-auth-token"]

    def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return self.call("POST", "/sign-in/email", email=email, password=password)

    def email(self, bearer: str) -> str | None:
        body = self.call("GET", "/get-session", bearer).json()
        return body["user"]["email"] if body else None


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def sides(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Side, Side]]:
    install_clients()
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "sqlite":
        if not (CLIENTS / "node_modules" / "better-sqlite3" / "build").is_dir():
            pytest.skip("better-sqlite3 could not be built here: npm needs a C++ compiler for it")
        url = sqlite_url(folder)
        place = url.removeprefix("sqlite:///")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        name = server.database()
        url, place = server.url(name), server.dsn(name)
    with genuine_server(folder, place, ORIGIN, SECRET) as theirs:
        environment = {
            "TEST_DATABASE_URL": url,
            "TEST_SHARED": "1",
            "TEST_SECRET": SECRET,
            "TEST_BETTER_AUTH_URL": f"http://127.0.0.1:{theirs}",
        }
        with python_server(folder, ORIGIN, environment) as ours:
            yield Side(f"http://127.0.0.1:{ours}"), Side(f"http://127.0.0.1:{theirs}")


@pytest.mark.timeout(900)  # the first run installs the packages
class TestSharedDatabase:
    def test_session_made_there_holds_here(self, sides: tuple[Side, Side]) -> None:
        ours, theirs = sides
        bearer = theirs.sign_up("there@example.test")
        assert ours.email(bearer) == "there@example.test"
        assert ours.email(bearer.split(".")[0]) == "there@example.test"

    def test_session_made_here_holds_there(self, sides: tuple[Side, Side]) -> None:
        ours, theirs = sides
        bearer = ours.sign_up("here@example.test")
        session = theirs.call("GET", "/get-session", bearer).json()
        assert session["user"]["email"] == "here@example.test"
        assert session["session"]["expiresAt"].endswith("Z")

    def test_passwords_hold_both_ways(self, sides: tuple[Side, Side]) -> None:
        for one, two in (sides, sides[::-1]):
            email = f"password-{one.base[-5:]}@example.test"
            one.sign_up(email)
            assert two.sign_in(email).status_code == 200
            assert two.sign_in(email, "another-password").status_code == 401

    def test_revocation_is_seen_both_ways(self, sides: tuple[Side, Side]) -> None:
        for one, two in (sides, sides[::-1]):
            bearer = one.sign_up(f"revoke-{one.base[-5:]}@example.test")
            assert two.call("POST", "/sign-out", bearer).json() == {"success": True}
            assert one.email(bearer) is None

    def test_changed_password_holds_there(self, sides: tuple[Side, Side]) -> None:
        ours, theirs = sides
        bearer = theirs.sign_up("change@example.test")
        changed = ours.call(
            "POST",
            "/change-password",
            bearer,
            currentPassword=PASSWORD,
            newPassword="An0ther-passphrase",
            revokeOtherSessions=True,
        )
        assert changed.status_code == 200
        assert theirs.email(bearer) is None
        assert theirs.email(changed.json()["token"]) == "change@example.test"
        assert theirs.sign_in("change@example.test", "An0ther-passphrase").status_code == 200

    def test_deleted_account_is_gone_there(self, sides: tuple[Side, Side]) -> None:
        ours, theirs = sides
        bearer = ours.sign_up("gone@example.test")
        ours.call("POST", "/profile/update", bearer, learning_goals="robots")
        assert ours.call("POST", "/delete-user", bearer, password=PASSWORD).status_code == 200
        assert theirs.email(bearer) is None
        assert theirs.sign_in("gone@example.test").status_code == 401

    def test_token_of_its_jwks_is_accepted(self, sides: tuple[Side, Side]) -> None:
        ours, theirs = sides
        bearer = theirs.sign_up("jwks@example.test")
        token = theirs.call("GET", "/token", bearer).json()["token"]
        verified = ours.call("GET", "/verify", token)
        assert verified.status_code == 200
        assert verified.json()["user"]["email"] == "jwks@example.test"
        session = ours.call("GET", "/get-session", token).json()
        assert session["user"]["id"] == verified.json()["user"]["id"]

    def test_email_verification_token_is_no_identity(self, sides: tuple[Side, Side]) -> None:
        import jwt

        ours, theirs = sides
        theirs.sign_up("trap@example.test")
        user_id = theirs.sign_in("trap@example.test").json()["user"]["id"]
        for claims in ({"email": "trap@example.test", "userId": user_id}, {"user_id": user_id}):
            token = jwt.encode(claims | {"exp": 4102444800}, SECRET, algorithm="HS256")
            assert ours.call("GET", "/verify", token).status_code == 401
            assert ours.email(token) is None
