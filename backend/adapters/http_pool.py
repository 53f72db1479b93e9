"""Connections to other servers, kept open between requests."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from backend.adapters.http_connection import STREAM_BUFFER_BYTES, Connection

KEEP_ALIVE_S = 30.0
SURPLUS_S = 5.0
KEPT = 4
"""Idle connections to one server that are kept for long; what a wave of questions needed beyond
them is closed when it is over."""
CONNECT_TIMEOUT_S = 10.0
DNS_TTL_S = 60.0
NEXT_ADDRESS_S = 0.25
"""After how long the next address of a host is tried beside the one that does not answer."""
_PORTS = {"http": 80, "https": 443}
_UNQUOTED = "/?:@!$&'()*+,;=~-._%"


class NotConnected(OSError):
    """Nobody answers at the address."""


class NotTrusted(OSError):
    """The server has no certificate that can be trusted."""


class NotAnAddress(ValueError):
    """The address is none of http or https."""


class Origin(NamedTuple):
    """Where a connection leads. ``narrow``: the kernel keeps little of what nobody reads."""

    tls: bool
    host: str
    port: int
    narrow: bool = False


class Address(NamedTuple):
    """A URL as a request needs it: where to connect, and the first lines of the request's head."""

    origin: Origin
    target: str
    host_header: str


@lru_cache(maxsize=256)
def address_of(url: str) -> Address:
    """Take a URL apart.

    Raises:
        NotAnAddress: It is none of http or https.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise NotAnAddress from error
    if not host:
        raise NotAnAddress
    path = parts.path or "/"
    target = quote(f"{path}?{parts.query}" if parts.query else path, safe=_UNQUOTED)
    shown = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    return Address(Origin(parts.scheme == "https", host, port), target, shown)


class Pool:
    """Gives out connections and takes them back; those that were used last go out first."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}
        self._all: set[Connection] = set()
        self._names: dict[tuple[str, int], tuple[float, list[Any]]] = {}
        self._trust: ssl.SSLContext | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def idle_connections(self) -> int:
        """How many connections wait to be used again."""
        return sum(c.usable for idle in self._idle.values() for c in idle)

    async def take(self, origin: Origin) -> Connection:
        """A connection that nobody else uses.

        Raises:
            NotConnected, NotTrusted: There is none to be had.
            TimeoutError: It took longer than :data:`CONNECT_TIMEOUT_S`.
        """
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
            self.drop(connection)
        connection = await self._made(origin)
        self._all.add(connection)
        return connection

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection whose answer was whole; close any other."""
        if self._closed or not connection.usable:
            self.drop(connection)
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.setdefault(origin, []).append(connection)
        if self._sweep is None:
            self._sweep = loop.call_later(SURPLUS_S, self._close_old)

    def drop(self, connection: Connection) -> None:
        """Close a connection for good."""
        self._all.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close everything, also what is in use."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self._all):
            self.drop(connection)
        self._idle.clear()

    def _close_old(self) -> None:
        loop = asyncio.get_running_loop()
        now, self._sweep = loop.time(), None
        for origin, idle in list(self._idle.items()):
            kept = []
            for place, connection in enumerate(reversed(idle)):  # the last used first
                rest_s = KEEP_ALIVE_S if place < KEPT else SURPLUS_S
                if connection.usable and now - connection.idle_since < rest_s:
                    kept.append(connection)
                else:
                    self.drop(connection)
            self._idle[origin] = kept[::-1]
            if not kept:
                del self._idle[origin]
        if self._idle:
            self._sweep = loop.call_later(SURPLUS_S / 2, self._close_old)

    async def _made(self, origin: Origin) -> Connection:
        from aiohappyeyeballs import start_connection

        loop = asyncio.get_running_loop()
        context = await self._context() if origin.tls else None
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                made = await start_connection(
                    await self._addresses(origin.host, origin.port),
                    happy_eyeballs_delay=NEXT_ADDRESS_S,
                    interleave=1,
                    loop=loop,
                    socket_factory=_narrow_socket if origin.narrow else None,
                )
                _, connection = await loop.create_connection(
                    Connection,
                    sock=made,
                    ssl=context,
                    server_hostname=origin.host if context else None,
                )
        except ssl.SSLError as error:
            raise NotTrusted from error
        except TimeoutError:
            raise
        except OSError as error:
            self._names.pop((origin.host, origin.port), None)
            raise NotConnected from error
        return connection

    async def _addresses(self, host: str, port: int) -> list[Any]:
        loop = asyncio.get_running_loop()
        until, found = self._names.get((host, port), (0.0, []))
        if loop.time() >= until:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            self._names[host, port] = (loop.time() + DNS_TTL_S, found)
        return found

    async def _context(self) -> ssl.SSLContext:
        if self._trust is None:  # reading the certificates takes some ten milliseconds
            self._trust = await asyncio.to_thread(ssl.create_default_context)
        return self._trust


def _narrow_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STREAM_BUFFER_BYTES)
    return made
