"""Refuses what is too large before anything reads it: address, headers, body."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.errors import HeadersTooLarge, UriTooLong, error_response
from backend.errors import AppError, BadRequest, TooLarge, UnsupportedMedia

MAX_URI_BYTES = 8 * 1024
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 1024 * 1024
DRAINED_BYTES = 8 * 1024 * 1024
"""A refused body up to this size is read to its end, so that browsers get to see the answer; the
connection of a larger one is closed."""
LINGER_S = 2.0
"""How long a larger one is still read, and thrown away, after it was refused."""


class RequestGuard:
    """Limits of the address and of the headers; compressed bodies are not taken at all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or run the app."""
        if scope["type"] == "http" and (error := _refusal(scope)) is not None:
            response = error_response(error)
            response.headers["connection"] = "close"
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _refusal(scope: Scope) -> AppError | None:
    uri = len(scope["raw_path"]) + len(scope["query_string"])
    if uri > MAX_URI_BYTES:
        return UriTooLong(f"Path and query may have {MAX_URI_BYTES} bytes, and {uri} came.")
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS:
        return HeadersTooLarge(f"At most {MAX_HEADERS} headers are taken, and {len(headers)} came.")
    size = 0
    for name, value in headers:
        size += len(name) + len(value)
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            return UnsupportedMedia("Send the body uncompressed, without Content-Encoding.")
    if size > MAX_HEADER_BYTES:
        return HeadersTooLarge(f"Headers may have {MAX_HEADER_BYTES} bytes, and {size} came.")
    return None


class _TooMuch(Exception):
    """Ends the reading of a body that the caller has been refused already."""


class BodyLimit:
    """At most ``limit`` bytes of body, by Content-Length, or by count where there is none."""

    def __init__(
        self,
        app: ASGIApp,
        limit: int = MAX_BODY_BYTES,
        larger: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        """Limit every route but those of ``larger``: method and path with a limit of their own."""
        self._app = app
        self._limit = limit
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 before the first byte is read where the length says so, else count."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get((scope["method"], scope["path"]), self._limit)
        try:
            declared = _content_length(scope)
        except ValueError:
            await error_response(BadRequest("Content-Length is not a number."))(
                scope, receive, send
            )
            return
        if declared is not None and declared > limit:
            await self._refuse(scope, receive, send, limit, close=declared > DRAINED_BYTES)
        elif _chunked(scope):
            await self._count(scope, receive, send, limit)
        else:  # the parser holds a sender to its Content-Length
            await self._app(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        received, started, refused = 0, False, False

        async def counting_receive() -> Message:
            nonlocal received, refused
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > limit:
                    if not started:
                        refused = True
                        await self._refuse(scope, receive, send, limit, close=True)
                    raise _TooMuch
            return message

        async def noting_send(message: Message) -> None:
            nonlocal started
            if not refused:
                started = True
                await send(message)

        try:
            await self._app(scope, counting_receive, noting_send)
        except _TooMuch:
            if not refused:
                raise

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, limit: int, *, close: bool
    ) -> None:
        response = error_response(
            TooLarge(f"The body is larger than the {limit} bytes that are taken.")
        )
        if not close:
            await response(scope, receive, send)
            return
        response.headers["connection"] = "close"

        async def leaving_open(message: Message) -> None:
            body = message["type"] == "http.response.body"
            await send({**message, "more_body": True} if body else message)

        await response(scope, receive, leaving_open)
        await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    """Read a little of what still comes: a connection that is closed before is reset.

    The reset would overtake the answer, and the sender would never learn why.
    """
    left = DRAINED_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return None


def _chunked(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])
