"""The web server: the app around a container, and the process around the app.

``python -m backend.server`` prints the OpenAPI document.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from backend.api import (
    account_export,
    auth,
    auth_account,
    chat,
    content,
    docs_page,
    documents,
    feedback,
    history,
    insights,
    knowledge,
    metrics,
    reading,
    status,
)
from backend.api.about import DESCRIPTION, SERVICE, VERSION
from backend.api.docs import openapi_json, openapi_of, operation_id
from backend.api.drain import GRACE_S, Drain, Droppable
from backend.api.errors import on_app_error, on_http_error, on_invalid
from backend.api.middleware.context import RequestContext
from backend.api.middleware.cors import Cors, Origins
from backend.api.middleware.direct import Direct
from backend.api.middleware.guards import BodyLimit, RequestGuard
from backend.api.middleware.last_resort import LastResort
from backend.api.middleware.security import SecurityHeaders
from backend.errors import AppError
from backend.services.admin import AdminGate
from backend.services.limits import Counters, Limits, MemoryCounters
from backend.watchdog import watching

if TYPE_CHECKING:
    from backend.container import Container
    from backend.settings import Settings

log = logging.getLogger(__name__)

CLOSE_MARGIN_S = 1.5
"""What is left after the grace for closing connections, files and processes."""
LAST_S = 1.7
"""After the grace and this the process ends, whatever still hangs."""
KEEP_ALIVE_S = 75
"""Longer than a proxy's idle timeout of 60 s: else it reuses connections that we have closed."""


class Ui(Protocol):
    """The admin UI: an ASGI app that is there at once and fills itself in the background."""

    @property
    def asgi(self) -> ASGIApp:
        """What is mounted at /admin."""
        ...

    async def start(self) -> None:
        """Load in the background; returns at once."""
        ...

    async def aclose(self) -> None:
        """Release what it holds."""
        ...


def create_app(
    container: Container,
    ui: Ui | None = None,
    *,
    limits: Limits | None = None,
    gate: AdminGate | None = None,
    grace_s: float = GRACE_S,
) -> FastAPI:
    """The app: routes, layers and life of one process.

    ``limits`` and ``gate`` are given where the UI shares them or replicas count together; else
    they are made from the settings.
    """
    settings = container.settings
    origins = Origins(settings.cors_allowed_origins)
    drain = Drain(container.stopping, grace_s)
    app = _routes(
        lifespan=_lifespan,
        middleware=[
            Middleware(RequestContext),
            Middleware(SecurityHeaders, https=settings.on_space),
            Middleware(Cors, origins),
            Middleware(RequestGuard),
            Middleware(LastResort),
            Middleware(BodyLimit, larger=documents.UPLOAD_LIMITS),
            Middleware(Direct, chat.router.routes),
        ],
    )
    app.state.container = container
    app.state.ui = ui
    app.state.origins = origins
    app.state.drain = drain
    app.state.limits = limits or limits_of(settings)
    app.state.gate = gate or gate_of(settings)
    app.state.startup = None
    if ui is not None:
        app.add_route("/admin", _to_ui, include_in_schema=False)
        app.mount("/admin", Droppable(ui.asgi, drain))
    return app


def limits_of(settings: Settings, counters: Counters | None = None) -> Limits:
    """The limits that the settings ask for; counted in this process unless counters are given."""
    return Limits(
        settings.rate_limit_chat,
        counters or MemoryCounters(),
        content=settings.rate_limit_content,
        daily_tokens=settings.daily_token_budget,
    )


def gate_of(settings: Settings) -> AdminGate:
    """The admin gate that the settings ask for."""
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    return AdminGate(token, on_space=settings.on_space)


def _routes(**arguments: object) -> FastAPI:
    app = FastAPI(
        title=SERVICE,
        version=VERSION,
        description=DESCRIPTION,
        docs_url=None,  # see docs_page
        redoc_url=None,
        redirect_slashes=False,  # its address would have the scheme that a proxy hides from us
        generate_unique_id_function=operation_id,
        # its log records hold what failed validation, which is what somebody asked
        telemetry={"logs": False, "auto_configure": False},
        exception_handlers={
            AppError: on_app_error,
            RequestValidationError: on_invalid,
            HTTPException: on_http_error,
        },
        **arguments,  # type: ignore[arg-type]
    )
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    # routes are tried in this order
    for part in (
        chat,
        history,
        status,
        content,
        feedback,
        metrics,
        knowledge,
        documents,
        insights,
        reading,
    ):
        app.include_router(part.router)
    for part in (auth, auth_account, account_export):
        app.include_router(part.router)
    app.include_router(docs_page.router)
    return app


async def _to_ui(request: object) -> Response:
    return RedirectResponse(status.UI_PATH)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the parts behind the open port; stop them when the last answer is through."""
    container, ui, drain = app.state.container, app.state.ui, app.state.drain
    app.state.startup = asyncio.create_task(_start(container), name="startup")
    if ui is not None:
        await ui.start()
    with watching():
        yield
    drain.begin()
    try:
        async with asyncio.timeout(drain.left_s + CLOSE_MARGIN_S):
            if ui is not None:
                await ui.aclose()
            app.state.startup.cancel()
            await asyncio.wait([app.state.startup])
            await container.aclose()
    except TimeoutError:
        log.warning("parts did not close in time")


async def _start(container: Container) -> None:
    try:
        await container.start()
    except Exception:  # nobody awaits this task, so the log is where it is told
        log.exception("the parts did not start")
        raise


class Server(uvicorn.Server):
    """Uvicorn, stopping as :class:`Drain` says: readiness and new questions first."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self.owns_process = False
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let answers finish within the grace, then close."""
        log.info("stopping", extra={"grace_s": self._drain.grace_s})
        if self.owns_process:
            # a thread that waits in a driver's call cannot be interrupted
            last = threading.Timer(self._drain.grace_s + LAST_S, os._exit, (0,))
            last.daemon = True
            last.start()
        self._drain.begin()
        await super().shutdown(sockets)
        # Raised again they would kill the process: a stop that was asked for ends with status 0.
        self._captured_signals.clear()


def make_server(app: FastAPI, host: str, port: int) -> Server:
    """A server for the app; its log goes to the handlers that are set up already."""
    from backend.api.protocol import Protocol

    drain: Drain = app.state.drain
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(drain.grace_s) + 1),
    )
    return Server(config, drain)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; gone within the grace and 2 seconds.

    Raises:
        SystemExit: the port cannot be had.
    """
    server = make_server(app, host, port)
    server.owns_process = True
    server.run()
    # the interpreter's last search for garbage, over all that was imported, takes a second and more
    gc.freeze()


def openapi() -> str:
    """The OpenAPI document, from the routes alone."""
    return openapi_json(_routes())


if __name__ == "__main__":
    sys.stdout.write(openapi())
