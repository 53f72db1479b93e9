"""A small app with the account routes, for tests and for the JavaScript clients.

``python -m tests.api.auth_app PORT FOLDER ORIGIN`` serves it on loopback over a SQLite file.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from backend.account_ports import AccountStore
from backend.adapters.http import HttpTransport
from backend.adapters.jwks import HttpKeySource
from backend.adapters.sql.account_store import AccountStoreChooser
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.migrate import upgrade
from backend.api import account_export, auth, auth_account
from backend.api.errors import on_app_error, on_http_error
from backend.api.middleware.context import RequestContext
from backend.api.middleware.cors import Cors, Origins
from backend.clock import utc_now
from backend.crypto import make_ring
from backend.errors import AppError
from backend.passwords import PasswordPool
from backend.services.accounts import Accounts
from backend.services.auth_limits import AuthLimits
from backend.services.credentials import TokenSigner
from backend.services.identity import Identity
from backend.services.tokens import TokenVerifier

SECRET = "test-secret-not-real-0123456789-abcdef"
ORIGIN = "http://localhost:3999"


def unlimited() -> AuthLimits:
    return AuthLimits(address=None, strict=None, failures=None)


def make_accounts(
    store: Callable[[], Any],
    *,
    clock: Callable[[], datetime] = utc_now,
    limits: AuthLimits | None = None,
    verifier: TokenVerifier | None = None,
    passwords: PasswordPool | None = None,
    secret: str = SECRET,
    **more: Any,
) -> Accounts:
    signer = TokenSigner(secret)
    return Accounts(
        store,
        signer,
        passwords or PasswordPool(),
        Identity(store, signer, verifier),
        limits=limits or unlimited(),
        clock=clock,
        **more,
    )


def always(store: AccountStore) -> Callable[[], Any]:
    async def give() -> AccountStore:
        return store

    return give


def make_app(
    accounts: Accounts | AppError, origins: tuple[str, ...] = (ORIGIN,), **arguments: Any
) -> FastAPI:
    class Container(SimpleNamespace):
        async def open_accounts(self) -> Accounts:
            if isinstance(accounts, AppError):
                raise accounts
            return accounts

    trusted = Origins(origins)
    app = FastAPI(
        middleware=[Middleware(RequestContext), Middleware(Cors, trusted)],
        exception_handlers={AppError: on_app_error, 404: on_http_error, 405: on_http_error},
        **arguments,
    )
    app.state.container = Container()
    app.state.origins = trusted
    for part in (auth, auth_account, account_export):
        app.include_router(part.router)
    return app


def serve(port: int, folder: Path, origin: str) -> None:
    """Serve until stopped; ``TEST_DATABASE_URL``, ``TEST_SHARED`` ... change what is served."""
    import uvicorn

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.aclose()

    url = os.environ.get("TEST_DATABASE_URL") or sqlite_url(folder)
    shared = os.environ.get("TEST_SHARED") == "1"
    secret = os.environ.get("TEST_SECRET", SECRET)
    database = asyncio.run(_open(url))
    store = AccountStoreChooser(database, make_ring(None, secret), shared=shared)
    issuer = os.environ.get("TEST_BETTER_AUTH_URL")
    verifier = TokenVerifier(HttpKeySource(HttpTransport(), issuer), issuer) if issuer else None
    accounts = make_accounts(store, secret=secret, verifier=verifier)
    app = make_app(accounts, (origin,), lifespan=lifespan)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=2)


async def _open(url: str) -> Database:
    return Database(url, on_first_use=upgrade)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
