"""How far a connection to a server gets: name, port, TLS; each step with its time and a sentence.

A refused key, a blocked port and a mistyped host look alike from the outside. Here they do not.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

STEP_S = 3.0
SPACE_PORTS = frozenset({80, 443, 8080})
"""The ports that a Space's documentation names as open to the outside."""

_DEFAULT_PORTS = {"https": 443, "http": 80, "rediss": 6379, "redis": 6379}
_POSTGRESQL = 5432


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a server; ``sentence`` is for people and names no secret."""

    name: str
    ok: bool
    ms: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a server is; ``tls`` only where TLS begins with the first byte."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> Target:
        """From an address; its credentials are left out."""
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, _POSTGRESQL)
        return cls(parts.hostname or "", port, parts.scheme in ("https", "rediss"))


async def inspect(
    target: Target,
    *,
    on_space: bool = False,
    context: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Step, ...]:
    """Take the steps until one fails.

    Args:
        target: Where to.
        on_space: Whether a closed port may be the Space's own doing.
        context: Certificates to trust, instead of the system's.
        clock: Seconds for durations.
    """
    steps = [await _timed("DNS", _resolve(target), clock)]
    if steps[-1].ok:
        blocked = _blocked(target, on_space)
        steps.append(await _timed("TCP", _connect(target, None, on_space), clock, blocked))
    if steps[-1].ok and steps[-1].name == "TCP" and target.tls:
        trusted = context or ssl.create_default_context()
        steps.append(await _timed("TLS", _connect(target, trusted, on_space), clock))
    return tuple(steps)


class _Failed(Exception):
    """A step failed; its text is the sentence."""


async def _timed(
    name: str, work: Awaitable[str], clock: Callable[[], float], blocked: str = ""
) -> Step:
    started = clock()
    try:
        async with asyncio.timeout(STEP_S):
            sentence, ok = await work, True
    except TimeoutError:
        sentence = f"Nothing came back within {STEP_S:g} s: it is away, or blocked.{blocked}"
        ok = False
    except _Failed as error:
        sentence, ok = str(error), False
    return Step(name, ok, round((clock() - started) * 1000, 1), sentence)


async def _resolve(target: Target) -> str:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _Failed(f"The name {target.host} is not known; check its spelling.") from None
    count = len({entry[4][0] for entry in found})
    return f"{target.host} has {count} {'address' if count == 1 else 'addresses'}."


async def _connect(target: Target, context: ssl.SSLContext | None, on_space: bool) -> str:
    name = target.host if context else None
    try:
        _, writer = await asyncio.open_connection(
            target.host, target.port, ssl=context, server_hostname=name
        )
    except ssl.SSLCertVerificationError as error:
        raise _Failed(f"Its certificate is not accepted: {error.verify_message}.") from None
    except ssl.SSLError:
        raise _Failed(f"Port {target.port} does not speak TLS; should it be http://?") from None
    except ConnectionRefusedError:
        raise _Failed(f"Nobody listens on port {target.port}.") from None
    except OSError:
        raise _Failed(
            f"Port {target.port} cannot be reached.{_blocked(target, on_space)}"
        ) from None
    tls = writer.get_extra_info("ssl_object")
    writer.close()
    return f"{tls.version()}, the certificate is valid." if tls else f"Port {target.port} is open."


def _blocked(target: Target, on_space: bool) -> str:
    if not on_space or target.port in SPACE_PORTS:
        return ""
    return " A Space lets only 80, 443 and 8080 out, as far as its documentation says."
