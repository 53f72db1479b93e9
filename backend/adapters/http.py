"""The one pooled HTTP client of the hot paths: raw JSON out, raw bytes or SSE payloads back.

Every failure leaves here as an :class:`~backend.errors.UpstreamError`: connection faults by the
table in ``http_errors``, statuses by the ``classify`` function of the adapter that knows the
protocol. Nothing that an upstream or a library wrote is put into a sentence.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import orjson

from backend.adapters.http_errors import too_large, translated
from backend.adapters.http_stream import STREAM_BUFFER_BYTES, Payloads
from backend.errors import ShuttingDown, UpstreamError, UpstreamRejected

if TYPE_CHECKING:
    import aiohttp

Classify = Callable[[int, Mapping[str, str], bytes], UpstreamError]
"""Turns (status, headers, body) of an answer that is not 2xx into the error to raise. Header names
are looked up without regard to case. The body is cut off at :data:`MAX_ERROR_BYTES`."""

MAX_CONNECTIONS = 512
MAX_BODY_BYTES = 64 * 2**20
MAX_ERROR_BYTES = 64 * 2**10
DNS_TTL_S = 60
KEEP_ALIVE_S = 30.0
CONNECT_TIMEOUT_S = 10.0
GATHER_S = 0.05
"""20 pieces a second are as smooth to a reader as 50, and cost half."""
LONGEST_GATHER_S = 0.15
PIECES_PER_S = 500
"""Of all streams together: where hundreds are open, each has fewer and larger pieces."""
DRAIN_S = (
    0.05  # how long a finished stream may take to end properly, so that its connection is reused
)

_HEADERS = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",  # base64 vectors and tokens hardly shrink, unpacking costs CPU
    "User-Agent": "book-answers",
}


class HttpTransport:
    """POST over keep-alive connections that all adapters share.

    The session is made by the first request, in the loop that runs it. Redirects are not followed:
    they would carry the key to an address that nobody configured; ``classify`` sees the 3xx.
    """

    def __init__(self, *, max_connections: int = MAX_CONNECTIONS) -> None:
        self._max_connections = max_connections
        self._clients: dict[bool, aiohttp.ClientSession] = {}
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
        import aiohttp

        data = _encoded(body, upstream)
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
        with translated(upstream, variable):
            async with self._session().post(
                url, data=data, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                if 200 <= response.status < 300:
                    return await _read(response, upstream)
                start = await _read_start(response)
        raise classify(response.status, response.headers, start)

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
        import aiohttp

        # a copy, because orjson's bytes hold their whole buffer, 64 KB, as long as the stream lasts
        data = bytes(memoryview(_encoded(body, upstream)))
        # without sock_read, whose timer aiohttp would make anew for every read
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S)
        with translated(upstream, variable):
            response = await self._session(streams=True).post(
                url, data=data, headers=headers, timeout=timeout, allow_redirects=False,
                read_bufsize=STREAM_BUFFER_BYTES,
            )  # fmt: skip
        try:
            if not 200 <= response.status < 300:
                with translated(upstream, variable):
                    start = await _read_start(response)
                raise classify(response.status, response.headers, start)
            self._streams += 1
            payloads = Payloads(response, upstream, variable, self._gather_s)
            try:
                yield payloads
            finally:
                self._streams -= 1
                payloads.release()
            if payloads.done:
                await _drain(response, upstream)
        finally:
            response.close()  # returns the connection to the pool if the answer was read to its end

    async def aclose(self) -> None:
        """Close every connection; later requests raise ShuttingDown."""
        self._closed = True
        for client in self._clients.values():
            await client.close()

    def _gather_s(self) -> float:
        """How long a stream that nobody waits for word by word lies still after each read."""
        return min(max(GATHER_S, self._streams / PIECES_PER_S), LONGEST_GATHER_S)

    def _session(self, *, streams: bool = False) -> aiohttp.ClientSession:
        if self._closed:
            raise ShuttingDown("The service is being stopped; ask again in a moment.")
        client = self._clients.get(streams)
        if client is None:
            client = self._clients[streams] = self._made(_narrow_socket if streams else None)
        return client

    def _made(self, factory: Callable[[Any], socket.socket] | None) -> aiohttp.ClientSession:
        import aiohttp

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._max_connections,
                ttl_dns_cache=DNS_TTL_S,
                keepalive_timeout=KEEP_ALIVE_S,
                socket_factory=factory,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            trust_env=False,
        )


def _narrow_socket(address: Any) -> socket.socket:
    """A socket in which the kernel keeps little of what nobody reads."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STREAM_BUFFER_BYTES)
    return made


def _encoded(body: object, upstream: str) -> bytes:
    if isinstance(body, bytes):
        return body
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise UpstreamRejected(
            upstream, "The text holds characters that cannot be sent; remove the broken ones."
        ) from error


async def _read(response: aiohttp.ClientResponse, upstream: str) -> bytes:
    parts, size = [], 0
    while part := await response.content.readany():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise too_large(upstream)
    return b"".join(parts)


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    start = b""
    while len(start) < MAX_ERROR_BYTES and (part := await response.content.readany()):
        start += part
    return start[:MAX_ERROR_BYTES]


async def _drain(response: aiohttp.ClientResponse, upstream: str) -> None:
    """Read what follows a finished stream; a server that dawdles only loses the connection."""
    with suppress(UpstreamError), translated(upstream, None):
        async with asyncio.timeout(DRAIN_S):
            while await response.content.readany():
                pass
