"""Fetches a document over https without being led to private addresses.

A host name is resolved once per connection; every address that it has must be a public one, and the
connection goes to the address that was checked, so that a second answer of the name server cannot
lead elsewhere. Redirects are followed by hand, each checked like the first address.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import IO
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from backend.errors import NotConfigured, UpstreamMalformed, UpstreamTimeout, UpstreamUnavailable

UPSTREAM = "docs"
"""Name of the part in errors."""
MAX_REDIRECTS = 5
CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
TOTAL_TIMEOUT_S = 300.0
"""For one fetch, from the first connection to the last byte."""

_BLOCK = 64 * 2**10
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: the address after redirects, its content type without parameters, its size."""

    url: str
    content_type: str
    size: int


class Fetcher:
    """Fetches documents one at a time.

    Args:
        allow_loopback: For tests: loopback addresses and plain http are taken too.
        clock: Seconds that only grow.
    """

    def __init__(
        self, *, allow_loopback: bool = False, clock: Callable[[], float] = monotonic
    ) -> None:
        self._allow_loopback = allow_loopback
        self._clock = clock

    def fetch(self, url: str, target: IO[bytes], limit: int) -> Fetched:
        """Write the document at ``url`` to ``target``.

        Args:
            url: An https address; user name and password in it go to its own origin only.
            target: Where the bytes go.
            limit: Largest number of bytes to take.

        Raises:
            NotConfigured: The address is not usable, is private, or answers 4xx or too much.
            UpstreamUnavailable: The connection failed or the server answered 5xx.
            UpstreamTimeout: No answer in time.
        """
        deadline = self._clock() + TOTAL_TIMEOUT_S
        with _translated():
            origin = _origin(url)
        for _ in range(MAX_REDIRECTS + 1):
            with _translated(), self._answer(url, trusted=_origin(url) == origin) as response:
                if response.status in _REDIRECTS:
                    url = urljoin(url, response.getheader("Location", ""))
                    continue
                _check_status(response.status)
                size = self._copy(response, target, limit, deadline)
                kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
                return Fetched(without_credentials(url), kind, size)
        raise NotConfigured("The address in DOCS_PATH redirects too often; set the final one.")

    @contextmanager
    def _answer(self, url: str, *, trusted: bool) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(url)
        connection = self._connection(parts)
        try:
            headers = {"User-Agent": "book-answers", "Accept-Encoding": "identity"}
            if trusted and parts.username is not None:
                pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
            query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
            connection.request("GET", f"{target}?{query}" if query else target, headers=headers)
            yield connection.getresponse()
        finally:
            connection.close()

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        secure = parts.scheme == "https"
        if not parts.hostname or not (secure or (self._allow_loopback and parts.scheme == "http")):
            raise NotConfigured(
                "DOCS_PATH leads to an address that does not begin with https://; "
                "only https addresses and local folders are taken."
            )
        port = parts.port or (443 if secure else 80)
        address = self._address(parts.hostname, port)
        kind = _PinnedHTTPSConnection if secure else _PinnedHTTPConnection
        return kind(parts.hostname, port, address)

    def _address(self, host: str, port: int) -> str:
        """The first address of the host, after all of them were found to be public."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        for address in addresses:
            parsed = ipaddress.ip_address(address)
            if not (is_public(parsed) or (self._allow_loopback and parsed.is_loopback)):
                raise NotConfigured(
                    "DOCS_PATH leads to an address inside a private network, which is refused; "
                    "set a public https address or a local folder."
                )
        return addresses[0]

    def _copy(
        self, response: http.client.HTTPResponse, target: IO[bytes], limit: int, deadline: float
    ) -> int:
        size = 0
        while block := response.read(_BLOCK):
            size += len(block)
            if size > limit:
                raise NotConfigured(
                    f"What is at the address in DOCS_PATH is larger than {limit // 2**20} MB; "
                    "set the address of a smaller archive, or a folder."
                )
            if self._clock() > deadline:
                raise TimeoutError
            target.write(block)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        return size


class _PinnedHTTPConnection(http.client.HTTPConnection):
    """Connects to the address that was checked, whatever the name resolves to by now."""

    def __init__(self, host: str, port: int, address: str) -> None:
        super().__init__(host, port, timeout=READ_TIMEOUT_S)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), CONNECT_TIMEOUT_S)
        self.sock.settimeout(READ_TIMEOUT_S)


class _PinnedHTTPSConnection(_PinnedHTTPConnection):
    """The same with TLS; the certificate is checked against the name, not the address."""

    def connect(self) -> None:
        super().connect()
        context = ssl.create_default_context()
        self.sock = context.wrap_socket(self.sock, server_hostname=self.host)


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of the open internet, embedded IPv4 addresses included."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast


def without_credentials(url: str) -> str:
    """The address without user name, password and fragment, for people and logs."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _check_status(status: int) -> None:
    if status >= 500 or status == 429:
        raise UpstreamUnavailable(
            UPSTREAM, f"The server of DOCS_PATH answered with status {status}; try again later."
        )
    if status != 200:
        raise NotConfigured(
            f"The address in DOCS_PATH answered with status {status}; check the address."
        )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what sockets, TLS and the parser raise into our own errors."""
    try:
        yield
    except TimeoutError as error:
        raise UpstreamTimeout(
            UPSTREAM, "The server of DOCS_PATH did not answer in time; try again later."
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise NotConfigured(
            "The certificate of the server in DOCS_PATH is not valid for its name; "
            "check the address."
        ) from error
    except (http.client.InvalidURL, UnicodeError) as error:
        raise _unreadable_address() from error
    except http.client.HTTPException as error:
        raise UpstreamMalformed(
            UPSTREAM, "The server of DOCS_PATH gave an answer that cannot be read; try again later."
        ) from error
    except OSError as error:
        raise UpstreamUnavailable(
            UPSTREAM, "The server of DOCS_PATH cannot be reached; check the address."
        ) from error
    except ValueError as error:
        raise _unreadable_address() from error


def _unreadable_address() -> NotConfigured:
    return NotConfigured(
        "DOCS_PATH is not an address that can be read; check it for typing errors."
    )
