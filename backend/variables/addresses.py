"""Parsers of addresses of servers. Pure.

What can be mended without guessing is mended, with a note; the rest raises ``Wrong``.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.variables.cleaning import is_local, looks_like_key
from backend.variables.findings import Kind, Note, Parser, Wrong

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}|\[[0-9a-f:.]+\]", re.IGNORECASE)
CONNECTION = re.compile(
    r"(?P<scheme>[a-z0-9+]+)://(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?"
    r"(?P<host>\[[0-9a-f:]+\]|[^:/?#@\[\]]*)(?::(?P<port>\d*))?(?:/(?P<name>[^?#/]*))?(?:\?(?P<query>.*))?",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)


class Address(NamedTuple):
    """The parts of an http address; ``path`` without trailing slash."""

    scheme: str
    host: str
    port: int | None
    path: str
    extras: bool
    credentials: bool

    def text(self, port: int | None = None) -> str:
        """The address with ``port`` where it has none of its own."""
        number = self.port or port
        return f"{self.scheme}://{self.host}{f':{number}' if number else ''}{self.path}"


def ascii_host(host: str) -> str:
    """The host in lower case, in the form browsers and servers use; "" if it is none."""
    try:
        host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""
    good = len(host) <= 253 and _HOST.fullmatch(host) and not looks_like_key(host)
    return host.lower() if good else ""


def parse_http(text: str) -> Address | None:
    """The parts of an http or https address, or None."""
    if re.search(r"\s", text) or not re.match(r"https?://", text, re.IGNORECASE):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
        bracketed = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    except ValueError:
        return None
    host = ascii_host(bracketed)
    if not host or port == 0:
        return None
    path = "" if not parts.path.strip("/") else "/" + parts.path.strip("/")
    return Address(
        parts.scheme.lower(),
        host,
        port,
        path,
        bool(parts.query or parts.fragment),
        "@" in parts.netloc,
    )


def host_of(url: str) -> str:
    """``host:port`` of an address, for reports: nothing else of it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    default = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}.get(parts.scheme, 5432)
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port or default}" if host else ""


def _with_scheme(text: str, notes: list[Note]) -> str:
    """The text, with a scheme before it where it is a host without one."""
    if "://" in text:
        return text
    host = re.split(r"[:/]", text, maxsplit=1)[0]
    rest = text[len(host) :]
    # A lone word may be a key in the wrong field; a host has a dot, a port, or is known.
    named = host == "localhost" or re.match(r":\d{1,5}(?:/|$)", rest) is not None
    if looks_like_key(text) or not (
        named or re.search(r"\.(?:[a-z]{2,24}|\d{1,3})$", host, re.IGNORECASE)
    ):
        raise Wrong(
            "It is not an address.",
            "Set an address that begins with https:// (or http:// at home).",
        )
    scheme = "http" if is_local(host) else "https"
    notes.append(
        Note(f"It has no scheme; {scheme}:// is assumed.", f"Begin the address with {scheme}://.")
    )
    return f"{scheme}://{text}"


def web_address(*, carries_key: bool = False) -> Parser:
    """A parser for the address of a web server or an API, without trailing slash."""

    def parse(text: str, notes: list[Note]) -> str:
        address = parse_http(_with_scheme(text, notes))
        if address is None:
            raise Wrong(
                "It is not an http address.",
                "Set a whole address, such as https://host.example/path.",
            )
        if address.extras or address.credentials:
            notes.append(
                Note("It has a user, a query or a fragment, which are left out.", "Remove them.")
            )
        path = re.sub(r"/(?:chat/completions|completions|embeddings|models)$", "", address.path)
        if carries_key and path != address.path:
            address = address._replace(path=path)
            notes.append(
                Note(
                    "It names one call; its last part is left out.",
                    "End the address before that part.",
                )
            )
        if address.scheme == "http" and not is_local(address.host):
            problem = "It begins with http://, so what is sent can be read on the way."
            notes.append(Note(problem, "Use https:// if the server offers it.", Kind.WEAK))
        return address.text()

    return parse


def qdrant_address(text: str, notes: list[Note]) -> str:
    """The address of a Qdrant server with scheme and port; without a port, 6333."""
    address = parse_http(_with_scheme(text, notes))
    if address is None:
        raise Wrong(
            "It is not an address of a server.",
            "Set it as https://host:6333, as the Qdrant console shows it.",
        )
    if address.path or address.extras or address.credentials:
        notes.append(
            Note("It has more than host and port; the rest is left out.", "End it after the port.")
        )
    cloud = address.host.endswith(".cloud.qdrant.io")
    scheme, port = address.scheme, address.port
    if cloud and scheme == "http":
        scheme = "https"
        notes.append(
            Note("Qdrant Cloud speaks https only; https is used.", "Begin it with https://.")
        )
    if port is None:
        port = 6333
        notes.append(
            Note("It has no port; 6333 is assumed.", "End it with :6333 (or :443 behind a proxy).")
        )
    elif port == 6334:
        port = 6333
        notes.append(Note("6334 is the gRPC port; 6333 is used.", "End it with :6333."))
    if scheme == "http" and not is_local(address.host):
        notes.append(
            Note(
                "It begins with http://, so the key can be read on the way.",
                "Use https://.",
                Kind.WEAK,
            )
        )
    return f"{scheme}://{address.host}:{port}"


def bind_host(text: str, notes: list[Note]) -> str:
    """The name or address of an interface to listen on."""
    if not ascii_host(f"[{text}]" if ":" in text else text):
        raise Wrong(
            "It is not a host.", "Set 0.0.0.0 for every interface, 127.0.0.1 for this machine."
        )
    return text


def redis_address(text: str, notes: list[Note]) -> SecretStr:
    """The address of a Redis server, with its password."""
    match = CONNECTION.fullmatch(text)
    if (
        match is None
        or match["scheme"].lower() not in {"redis", "rediss"}
        or not ascii_host(match["host"])
    ):
        raise Wrong(
            "It is not an address of a Redis server.",
            "Set it as rediss://default:password@host:6379.",
        )
    return SecretStr(text)
