"""The UI as an ASGI app that is there at once and turns into Gradio when that has been imported.

Importing Gradio takes seconds and over a hundred megabytes; nothing on the way to the first answer
of the API waits for it. If it cannot be imported or built, the page says so and the API goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import NotConfigured, Starting
from backend.loading import loading
from backend.services.admin import AdminGate
from backend.services.limits import Limits, MemoryCounters
from ui import assets
from ui.access import Doorman
from ui.document import STYLES, branded
from ui.guard import Guard
from ui.headers import NONCE
from ui.incoming import local_path
from ui.pages import Pages

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ui.parts import Parts

log = logging.getLogger(__name__)

_INNER_PATH = "/admin"
_BRAND = (*STYLES, "app.js", "icon.svg")
# After every event Gradio makes statistics of all events so far, for a page that we do not show.
_NO_STATISTICS = {
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
    "GRADIO_ANALYTICS_MAX_EVENTS": "1",
}
_QUEUE_PAUSE_S = 0.02
"""How often Gradio's queue looks for work. By itself it does so a thousand times a second, which
takes several percent of a core from an idle service and delays everybody's answers."""
_FAILED = (
    "The admin page could not be built; the log of this service says why. "
    "Reinstalling the packages of requirements.txt usually mends it."
)


Build = Callable[["Parts", Doorman, Limits, str], Coroutine[Any, Any, "FastAPI"]]


class State(StrEnum):
    """What the page is."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


class AdminUI:
    """The admin UI: mount :attr:`asgi`, and call :meth:`start` and :meth:`stop` in the lifespan."""

    def __init__(
        self,
        parts: Parts,
        *,
        title: str | None = None,
        gate: AdminGate | None = None,
        limits: Limits | None = None,
        build: Build | None = None,
    ) -> None:
        """Prepare the guard; nothing heavy is imported.

        Args:
            parts: The container, or whatever offers the same parts.
            title: The book's; that of the settings by default.
            gate: The one that the REST routes ask, so that wrong tokens count together.
            limits: Those of the REST routes, so that questions and tokens count together.
            build: Makes the app behind the guard; :func:`build_shell` by default.
        """
        settings = parts.settings
        token = settings.admin_token.get_secret_value() if settings.admin_token else None
        gate = gate or AdminGate(token, on_space=settings.on_space)
        self._parts = parts
        self._build = build or build_shell
        self._limits = limits or Limits(
            settings.rate_limit_chat, MemoryCounters(), daily_tokens=settings.daily_token_budget
        )
        self._title = title or settings.book_title
        self._doorman = Doorman(gate, on_space=settings.on_space)
        self._pages = Pages(self._title)
        self._brand = {f"/{assets.address(name)}": name for name in _BRAND}
        self._shell: FastAPI | None = None
        self._failed = False
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        own = frozenset({"/status", *self._brand})
        self.asgi: ASGIApp = Guard(self._serve, self._doorman, self._pages, own=own)

    @property
    def state(self) -> State:
        """Whether the page is there yet."""
        if self._failed:
            return State.FAILED
        return State.READY if self._shell else State.LOADING

    async def start(self) -> None:
        """Begin to build the page in the background; returns at once."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name="admin-ui")

    async def aclose(self) -> None:
        """End the page's own tasks; what is still being imported is left to itself."""
        self._stopping.set()
        if self._task is None:
            return
        if self._shell is None:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    stop = aclose

    async def settled(self) -> State:
        """Wait until the page is there or has failed."""
        while self.state is State.LOADING and self._task and not self._task.done():
            await asyncio.sleep(0.02)
        return self.state

    async def _run(self) -> None:
        try:
            shell = await asyncio.to_thread(self._build_in_loop)
            async with shell.router.lifespan_context(shell):
                self._shell = shell
                log.info("admin page ready")
                await self._stopping.wait()
        except Exception:
            # Whatever a UI toolkit throws while it is built, the API must go on.
            log.exception("admin page failed")
            self._failed = True
        finally:
            self._shell = None

    def _build_in_loop(self) -> FastAPI:
        with loading():
            # In a loop of its own: where none runs, Gradio makes one per lock and leaves it open.
            return asyncio.run(self._build(self._parts, self._doorman, self._limits, self._title))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the guard lets pass."""
        path = local_path(scope)
        if path in self._brand:
            name = self._brand[path]
            response: Response = Response(assets.text(name), media_type=assets.media_type(name))
        elif path == "/status":
            response = JSONResponse({"state": self.state.value})
        elif path == "/":
            response = await self._page(scope, receive)
        elif self._shell:
            await self._shell(_inner(scope), receive, send)
            return
        elif self._failed:
            raise NotConfigured(_FAILED)
        else:
            raise Starting("The admin page is still being prepared.", retry_after_s=2)
        await response(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive) -> Response:
        nonce = scope[NONCE]
        if self._failed:
            return HTMLResponse(self._pages.failed(nonce, _FAILED))
        if self._shell is None:
            return HTMLResponse(self._pages.loading(nonce))
        status, body = await _captured(self._shell, _inner(scope), receive)
        page = branded(body.decode(), title=self._title, nonce=nonce)
        return HTMLResponse(page, status_code=status)


async def build_shell(parts: Parts, doorman: Doorman, limits: Limits, title: str) -> FastAPI:
    """The app that Gradio is mounted on. Imports Gradio and blocks: for a thread."""
    # Before the import, which reads it: every start would be told to Gradio's makers.
    os.environ.update(GRADIO_ANALYTICS_ENABLED="False", **_NO_STATISTICS)
    import gradio
    from fastapi import FastAPI
    from starlette.middleware.cors import CORSMiddleware

    from ui.admin import build_blocks
    from ui.theme import build_theme

    blocks = build_blocks(parts, doorman, limits, title)
    blocks._queue.sleep_when_free = _QUEUE_PAUSE_S
    blocks.space_id = None  # with it the page asks the Hub about the Space: a foreign request
    shell = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    # Without exactly this class on its parent, Gradio grants every origin what it asks for.
    shell.add_middleware(CORSMiddleware, allow_origins=[])
    gradio.mount_gradio_app(
        shell,
        blocks,
        _INNER_PATH,
        auth_dependency=doorman_dependency(doorman),
        show_error=False,
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=build_theme(),
    )
    return shell


def doorman_dependency(doorman: Doorman) -> Any:
    """What Gradio asks on the routes where it asks at all."""

    def recognise(request: Any) -> str | None:
        return doorman.recognise(request.scope)

    return recognise


def _inner(scope: Scope) -> Scope:
    """The scope as the shell sees it, wherever we are mounted, and without what misleads Gradio."""
    path = _INNER_PATH + local_path(scope)
    dropped = (
        b"x-forwarded-host",
        b"x-gradio-server",
        b"accept-encoding" if path.endswith("/") else b"",
    )
    headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
    return {
        **scope, "root_path": "", "app_root_path": "", "path": path,
        "raw_path": path.encode(), "headers": headers,
    }  # fmt: skip


async def _captured(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, bytes]:
    """Status and body of an answer."""
    status, body = 500, b""

    async def capturing_send(message: Message) -> None:
        nonlocal status, body
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body += message.get("body", b"")

    await app(scope, receive, capturing_send)
    return status, body
