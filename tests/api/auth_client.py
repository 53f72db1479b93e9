"""A client for the account routes, and a database for them: fixtures to import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.adapters.sql.account_store import AccountStoreChooser
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.migrate import upgrade
from backend.crypto import make_ring
from backend.services.accounts import Accounts
from tests.api.auth_app import ORIGIN, SECRET, make_accounts, make_app

PASSWORD = "Corr3ct-horse-battery"


class Clock:
    """A time that only moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Browser(httpx.AsyncClient):
    """Sends what a page on :data:`ORIGIN` would send; ``bearer`` replaces the cookies."""

    def __init__(self, app: Any, *, base_url: str = "http://localhost:8080", **more: Any) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app, client=more.pop("peer", ("127.0.0.1", 5000))),
            base_url=base_url,
            headers={"origin": ORIGIN, "user-agent": "test/1"},
            **more,
        )

    async def auth(
        self, method: str, path: str, *, bearer: str = "", **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if bearer:
            headers["authorization"] = f"Bearer {bearer}"
        return await self.request(method, f"/api/auth{path}", headers=headers, **more)

    async def sign_up(self, email: str = "ada@x.test", **more: Any) -> httpx.Response:
        body = {"name": "Ada", "email": email, "password": PASSWORD} | more
        return await self.auth("POST", "/sign-up/email", json=body)

    async def sign_in(self, email: str = "ada@x.test", **more: Any) -> httpx.Response:
        body = {"email": email, "password": PASSWORD} | more
        return await self.auth("POST", "/sign-in/email", json=body)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path), on_first_use=upgrade)
    yield database
    await database.aclose()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    store = AccountStoreChooser(database, make_ring(None, SECRET), shared=False)
    return make_accounts(store, clock=clock)


@pytest.fixture
async def browser(accounts: Accounts) -> AsyncIterator[Browser]:
    async with Browser(make_app(accounts)) as client:
        yield client


@pytest.fixture
async def other(accounts: Accounts) -> AsyncIterator[Browser]:
    """A second device on the same service."""
    async with Browser(make_app(accounts)) as client:
        yield client
