"""Stands before every path of the mount: who is it, does the path exist, where does it come from.

Plain ASGI, in front of Gradio's own checks, because those leave some of its routes open and have
failed open before. Decides from ``scope["path"]`` only.
"""

from __future__ import annotations

import contextlib
import math
import secrets
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import AppError, Forbidden, NotFound, NotSignedIn, TooLarge
from ui import routes
from ui.access import Caller, Doorman
from ui.headers import NONCE, protected
from ui.incoming import from_own_site, header, is_plain, local_path, wants_page
from ui.pages import Pages
from ui.signin import SignIn
from ui.throttle import Slots, Tries

MAX_BODY_BYTES = 256 * 1024
MAX_STREAMS_PER_ADDRESS = 40
MAX_STREAMS = 400
CALLER = "ui.caller"
"""Key of the ASGI scope that holds the admitted :class:`Caller`."""


class Guard:
    """Runs ``app`` for what may pass; ``own`` answers the paths that are ours (see mount)."""

    def __init__(
        self,
        app: ASGIApp,
        doorman: Doorman,
        pages: Pages,
        *,
        own: frozenset[str] = frozenset(),
        tries: Tries | None = None,
        slots: Slots | None = None,
    ) -> None:
        self._app = app
        self._doorman = doorman
        self._pages = pages
        self._own = own
        self._signin = SignIn(doorman, pages, tries or Tries())
        self._slots = slots or Slots(per_address=MAX_STREAMS_PER_ADDRESS, total=MAX_STREAMS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or pass on one connection; sockets are refused, nothing here speaks them."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            return
        scope = {**scope, NONCE: secrets.token_urlsafe(18)}
        path = local_path(scope)
        keep = routes.is_unchanging(path)
        started = False

        async def protecting_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                fine = keep and message["status"] == 200
                headers = protected(message.get("headers", ()), scope[NONCE], keep=fine)
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._serve(scope, receive, protecting_send, path)
        except AppError as error:
            if not started:
                await self._refusal(scope, error)(scope, receive, protecting_send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        response = await self._without_sign_in(scope, receive, path)
        if response is not None:
            await response(scope, receive, send)
            return
        caller = self._doorman.admit(scope)
        if path not in self._own and not routes.exists(scope["method"], path):
            raise NotFound("There is nothing at this address.")
        with self._slot(caller, path):
            await self._app({**scope, CALLER: caller}, _bounded(scope, receive), send)

    async def _without_sign_in(self, scope: Scope, receive: Receive, path: str) -> Response | None:
        """The answer to what needs no caller, or None."""
        if not path:
            name = str(scope.get("root_path") or scope["path"]).rpartition("/")[2]
            return Response(status_code=307, headers={"location": f"{name}/"})
        if not is_plain(path):
            raise NotFound("There is nothing at this address.")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return Response(status_code=405, headers={"allow": "GET, HEAD, POST"})
        if scope["method"] == "POST" and not from_own_site(scope):
            raise Forbidden("This is not taken from another site's page.")
        if path == "/login":
            return await self._signin.login(scope, receive)
        if path == "/logout":
            return self._signin.logout(scope)
        return None

    def _slot(self, caller: Caller, path: str) -> contextlib.AbstractContextManager[None]:
        if routes.is_stream(path):
            return self._slots.taken(caller.address)
        return contextlib.nullcontext()

    def _refusal(self, scope: Scope, error: AppError) -> Response:
        response: Response
        if wants_page(scope) and isinstance(error, NotSignedIn):
            response = Response(status_code=303, headers={"location": "login"})
        elif wants_page(scope):
            page = self._pages.refused(scope[NONCE], error, local=not self._doorman.gate.configured)
            response = HTMLResponse(page, status_code=error.status)
        else:
            response = JSONResponse(_view(error), status_code=error.status)
        if error.retry_after_s is not None:
            response.headers["retry-after"] = str(math.ceil(error.retry_after_s))
        return response


def _view(error: AppError) -> dict[str, Any]:
    return {"detail": error.detail, "code": error.code}


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """``receive`` that ends a body larger than the page ever sends."""
    too_large = TooLarge(f"The body may have {MAX_BODY_BYTES} bytes.")
    declared = header(scope, "content-length") or "0"
    if not declared.isdecimal() or int(declared) > MAX_BODY_BYTES:
        raise too_large
    received = 0

    async def bounded_receive() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise too_large
        return message

    return bounded_receive
