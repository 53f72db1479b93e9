"""The outermost layer: the request's id, and one log line when it is over."""

from __future__ import annotations

import logging
import re
from secrets import token_hex
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.logs import request_id
from backend.metrics import REQUEST_SECONDS, REQUESTS
from backend.telemetry import TRACING

log = logging.getLogger("backend.access")

_HEADER = b"x-request-id"
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SHOWN_PATH = 200
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestContext:
    """Gives every request an id: the caller's where it is a sane one, else a new one.

    The log line has neither query string nor body: nothing of what was asked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app with the id in the context, in the response and in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        identity = _given_id(scope) or token_hex(16).encode()
        request_id.set(identity.decode())
        method = scope["method"] if scope["method"] in _METHODS else "other"
        started = perf_counter()
        status, sent = 0, 0

        async def noting_send(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [pair for pair in message.get("headers", ()) if pair[0] != _HEADER]
                message["headers"] = [*headers, (_HEADER, identity)]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            with TRACING.request(f"{method} request", {"http.request.method": method}) as span:
                try:
                    await self._app(scope, receive, noting_send)
                finally:
                    if span is not None:
                        span.update_name(f"{method} {_route(scope)}")
                        span.set_attribute("http.response.status_code", status)
        finally:
            seconds = perf_counter() - started
            route = _route(scope)
            REQUESTS.add(method, route, str(status))
            REQUEST_SECONDS.observe(route, seconds)
            _log(scope, status, seconds, sent)


def _route(scope: Scope) -> str:
    """The path's pattern: of what nobody serves, and of what is mounted, only a word."""
    route = scope.get("route")
    if route is not None:
        return str(getattr(route, "path", "other"))
    return "/admin" if scope["path"].startswith("/admin") else "other"


def _given_id(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == _HEADER and _SANE_ID.fullmatch(value):
            return bytes(value)
    return None


def _log(scope: Scope, status: int, seconds: float, sent: int) -> None:
    path = scope["path"]
    level = logging.DEBUG if path == "/health" or path.startswith("/health/") else logging.INFO
    if log.isEnabledFor(level):
        facts = {
            "method": scope["method"],
            "path": path[:_SHOWN_PATH],
            "status": status,
            "ms": round(seconds * 1000, 1),
            "bytes": sent,
        }
        log.log(level, "request", extra=facts)
