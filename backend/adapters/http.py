"""The one HTTP client of the hot paths: raw JSON out, raw bytes or SSE payloads back.

Every failure leaves here as an :class:`~backend.errors.UpstreamError`: connection faults by the
table in ``http_errors``, statuses by the ``classify`` function of the adapter that knows the
protocol. Nothing that an upstream or a library wrote is put into a sentence.

Redirects are not followed: they would carry the key to an address that nobody configured;
``classify`` sees the 3xx.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import orjson

from backend.adapters.http_connection import Connection, Headers, Reply
from backend.adapters.http_errors import translated
from backend.adapters.http_pool import Pool, address_of
from backend.adapters.http_stream import Pauses, Payloads
from backend.errors import ShuttingDown, UpstreamError, UpstreamRejected
from backend.turns import TURNS

Classify = Callable[[int, Mapping[str, str], bytes], UpstreamError]
"""Turns (status, headers, start of the body) of an answer that is not 2xx into the error to raise.
Names of headers are in lower case."""

MAX_CONNECTIONS = 512
MAX_BODY_BYTES = 64 * 2**20
GATHER_S = 0.05
"""20 pieces a second are as smooth to a reader as 50, and cost half."""
LONGEST_GATHER_S = 0.15
PIECES_PER_S = 500
"""Of all streams together: where hundreds are open, each has fewer and larger pieces."""
DRAIN_S = (
    0.05  # how long a finished stream may take to end properly, so that its connection is reused
)

_FIXED = (
    "Content-Type: application/json\r\n"
    "Accept-Encoding: identity\r\n"  # base64 and tokens hardly shrink, unpacking them costs CPU
    "Accept: */*\r\n"
    "User-Agent: book-answers\r\n"
)


class HttpTransport:
    """Requests over keep-alive connections that all adapters share."""

    def __init__(self, *, max_connections: int = MAX_CONNECTIONS) -> None:
        self._pool = Pool()
        self._places = asyncio.Semaphore(max_connections)
        self._pauses = Pauses()
        self._streams = 0
        self._closed = False

    async def post_json(
        self,
        url: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
        upstream: str,
        classify: Classify,
        variable: str | None = None,
    ) -> bytes:
        """POST ``body`` (bytes as they are, anything else as JSON) and return the body of a 2xx.

        Args:
            url: The whole address.
            body: Bytes of JSON, or a value that orjson can write.
            headers: Additional headers, such as the credential.
            timeout_s: Seconds from the call to the last byte, connecting included.
            upstream: Circuit name that errors carry (``openai``, ``qdrant``).
            classify: Makes the error of an answer that is not 2xx.
            variable: Variable that holds the address; by default the upstream's usual one.

        Raises:
            UpstreamError: See the module; ShuttingDown after :meth:`aclose`.
        """
        reply = await self._whole(
            "POST", url, headers, _encoded(body, upstream), timeout_s, MAX_BODY_BYTES,
            translated(upstream, variable),
        )  # fmt: skip
        if 200 <= reply.status < 300:
            return reply.body
        raise classify(reply.status, _readable(reply.headers), reply.body)

    async def get(
        self, url: str, *, timeout_s: float, most: int, upstream: str, variable: str
    ) -> tuple[int, bytes]:
        """GET: the status and the body, of at most ``most`` bytes. Raises UpstreamError."""
        reply = await self._whole(
            "GET", url, None, b"", timeout_s, most, translated(upstream, variable)
        )
        return reply.status, reply.body

    async def _whole(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        body: bytes,
        timeout_s: float,
        most: int,
        as_ours: translated,
    ) -> Reply:
        self._require_open()
        ends = asyncio.get_running_loop().time() + timeout_s
        with as_ours:
            origin, target, host = address_of(url)
            request = _request(method, target, host, headers, body)
            async with self._places, asyncio.timeout_at(ends):
                connection = await self._pool.take(origin)
                try:
                    reply = await connection.ask(request, most)
                finally:
                    self._pool.give_back(origin, connection)
        await TURNS.take()
        return reply

    @asynccontextmanager
    async def stream_lines(
        self,
        url: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        upstream: str,
        classify: Classify,
        variable: str | None = None,
    ) -> AsyncIterator[Payloads]:
        """POST ``body`` and yield an iterator over the payloads of the answer's ``data:`` lines.

        The iterator ends at ``[DONE]``, which it does not yield, or with the answer. Leaving the
        block earlier closes the connection at once, so that the upstream stops working. Silence is
        not limited here: whoever waits knows how long (``resilience``).

        Args:
            url: The whole address.
            body: As in :meth:`post_json`.
            headers: Additional headers.
            upstream: Circuit name that errors carry.
            classify: Makes the error of an answer that is not 2xx.
            variable: Variable that holds the address.

        Raises:
            UpstreamError: See the module, from the block's start and from the iterator.
        """
        self._require_open()
        async with self._places:
            with translated(upstream, variable):
                origin, target, host = address_of(url)
                origin = origin._replace(narrow=True)
                request = _request("POST", target, host, headers, _encoded(body, upstream))
                connection = await self._pool.take(origin)
            try:
                with translated(upstream, variable):
                    await connection.open(request)
                    del request  # some ten kilobytes, for as long as the stream lasts
                    if not 200 <= connection.status < 300:
                        start = await connection.rest()
                        raise classify(connection.status, _readable(connection.headers), start)
                payloads = Payloads(connection, upstream, variable, self._pauses, self._gather_s)
                self._streams += 1
                try:
                    yield payloads
                finally:
                    self._streams -= 1
                    connection.release()
                if payloads.done:
                    await _drain(connection)
            finally:
                self._pool.give_back(origin, connection)

    async def aclose(self) -> None:
        """Close every connection; later requests raise ShuttingDown."""
        self._closed = True
        self._pool.close()

    def _gather_s(self) -> float:
        """How long a stream that nobody waits for word by word lies still after each read."""
        return min(max(GATHER_S, self._streams / PIECES_PER_S), LONGEST_GATHER_S)

    def _require_open(self) -> None:
        if self._closed:
            raise ShuttingDown("The service is being stopped; ask again in a moment.")


def _request(
    method: str, target: str, host: str, headers: Mapping[str, str] | None, body: bytes
) -> bytes:
    """The whole request. Raises ValueError for a header that cannot be written."""
    own = "".join([f"{name}: {value}\r\n" for name, value in (headers or {}).items()])
    if own.count("\n") != len(headers or {}) or "\0" in own:
        raise ValueError("a header has a line break or a null character")
    start = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n"
    head = f"{start}{_FIXED}{own}Content-Length: {len(body)}"
    return b"%b\r\n\r\n%b" % (head.encode("latin-1"), body)


def _encoded(body: object, upstream: str) -> bytes:
    if isinstance(body, bytes):
        return body
    try:
        return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    except orjson.JSONEncodeError as error:
        raise UpstreamRejected(
            upstream, "The text holds characters that cannot be sent; remove the broken ones."
        ) from error


def _readable(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


async def _drain(connection: Connection) -> None:
    """Read what follows a finished stream; a server that dawdles only loses the connection."""
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(DRAIN_S):
            while not connection.finished:
                await connection.read()
