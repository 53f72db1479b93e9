"""Server-sent events: the bytes of one event, and a response that sends them.

The response does the least per event: one task iterates the events and sends them; beside it only
a timer for heartbeats and a listener for the client's leaving are kept, once per stream.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.errors import AppError

log = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
OPENING = b": open\n\n"
HEARTBEAT = b": waiting\n\n"
STALLED_BEATS = 3
"""Heartbeats for which a reader may take nothing before its stream is given up."""

HEADERS: Mapping[str, str] = {"cache-control": "no-store", "x-accel-buffering": "no"}


def event(name: str, data: Any) -> bytes:
    """One event. JSON escapes every line break, so the data is one line whatever it holds."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(data))


def token_event(text: str) -> bytes:
    """``event("token", {"text": text})``, the one that comes by the hundred."""
    return b'event: token\ndata: {"text":' + orjson.dumps(text) + b"}\n\n"


def error_event(error: AppError) -> bytes:
    """The terminal event of a stream that did not end well."""
    body = {"code": error.code, "detail": error.detail, "retryable": error.retryable}
    if error.partial is not None:
        body |= {"truncated": True, "timings_ms": error.partial.timings_ms}
        if error.partial.saved:
            kept = {"session_id": error.partial.session_id, "message_id": error.partial.message_id}
            body |= kept
    return event("error", body)


class EventStream(Response):
    """Sends frames as they come, a heartbeat when none does, and closes them with the client."""

    media_type = "text/event-stream"

    def __init__(
        self,
        frames: AsyncGenerator[bytes, None],
        *,
        heartbeat_s: float = HEARTBEAT_S,
        unbegun: Callable[[], object] | None = None,
    ) -> None:
        """Prepare; ``unbegun`` is called where the client leaves before the first frame is made.

        A generator that was never begun cannot clean up by itself.
        """
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._frames = frames
        self._heartbeat_s = heartbeat_s
        self._unbegun = unbegun
        self._quiet = True
        self._sending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything; return early when the client has gone or takes nothing any more."""
        try:
            await self._send_all(receive, send)
        finally:
            if self._unbegun is not None:
                self._unbegun()

    async def _send_all(self, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        # a proxy that waits for the first byte of a body passes the headers on with this one
        await self._send_soon(send, OPENING, more=True)
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_client_left(receive))
        try:
            await self._keep_alive(send, writing, leaving)
        finally:
            leaving.cancel()
            writing.cancel()
            await asyncio.wait((writing, leaving))  # the answer's own cleaning up included
        if not writing.cancelled():
            writing.result()
            await self._send_soon(send, b"", more=False)

    async def _write(self, send: Send) -> None:
        """Send the frames, and where they end with an exception, an error event in its place."""
        self._unbegun = None
        try:
            async with aclosing(self._frames) as frames:
                async for frame in frames:
                    self._quiet, self._sending = False, True
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
                    self._sending = False
            return
        except AppError as caught:
            error = caught
        except Exception:  # the status is sent, and the reader must still learn that it ended
            log.exception("stream failed")
            error = AppError()
        self._quiet, self._sending = False, True
        await send({"type": "http.response.body", "body": error_event(error), "more_body": True})
        self._sending = False

    async def _keep_alive(
        self, send: Send, writing: asyncio.Task[None], leaving: asyncio.Task[None]
    ) -> None:
        stalled = 0
        while True:
            self._quiet = True
            done, _ = await asyncio.wait(
                (writing, leaving),
                timeout=self._heartbeat_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if done or stalled == STALLED_BEATS:
                return
            if self._sending:
                stalled += 1
            elif self._quiet:
                stalled = 0
                if not await self._send_soon(send, HEARTBEAT, more=True):
                    return

    async def _send_soon(self, send: Send, body: bytes, *, more: bool) -> bool:
        """Send; False when the reader takes nothing: it must not hold this task for ever."""
        try:
            async with asyncio.timeout(STALLED_BEATS * self._heartbeat_s):
                await send({"type": "http.response.body", "body": body, "more_body": more})
        except TimeoutError:
            return False
        return True


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
