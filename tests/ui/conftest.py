"""A real server for an app, and a real browser before it.

``serve(app)`` runs any ASGI app under uvicorn in a thread of its own and gives its address.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from ui.mount import AdminUI, State

if TYPE_CHECKING:
    from playwright.async_api import Browser

CHROMIUM = shutil.which("chromium")
START_S = 60.0


@contextmanager
def serving(app: ASGIApp, **options: Any) -> Iterator[str]:
    """Serve an app on a free port of the loopback; yields its address without a slash."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, lifespan="on", ws="none", proxy_headers=False, log_config=None, access_log=False,
            timeout_graceful_shutdown=2, **options,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        _wait(lambda: server.started)
        try:
            yield f"http://localhost:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(START_S)


def app_with(ui: AdminUI) -> FastAPI:
    """A small app with the UI at /admin, as the real one mounts it."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await ui.start()
        yield
        await ui.aclose()

    app = FastAPI(lifespan=lifespan)
    app.mount("/admin", ui.asgi)
    return app


@contextmanager
def serving_ui(container: Any) -> Iterator[str]:
    """Serve the UI of a container and wait until it is there; yields the address of the page."""
    ui = AdminUI(container)
    with serving(app_with(ui)) as address:
        _wait(lambda: ui.state is not State.LOADING)
        assert ui.state is State.READY
        yield f"{address}/admin/"


def _wait(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not done():
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.02)


@pytest.fixture
def serve() -> Iterator[Callable[[ASGIApp], str]]:
    """Serves apps until the test ends."""
    running = []

    def start(app: ASGIApp) -> str:
        context = serving(app)
        running.append(context)
        return context.__enter__()

    yield start
    for context in reversed(running):
        context.__exit__(None, None, None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM)
        yield chromium
        await chromium.close()
