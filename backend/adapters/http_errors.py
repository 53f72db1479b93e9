"""Faults of an HTTP connection, translated to our tree by one table.

The sentences name the part and the variable that holds its address; nothing that the library or
the other side wrote gets into them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from backend.circuit import part_name
from backend.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_ADDRESSES = {"openai": "OPENAI_BASE_URL", "qdrant": "QDRANT_URL"}


class translated:
    """Raise what aiohttp and the operating system raise inside the block as our errors."""

    __slots__ = ("_upstream", "_variable")

    def __init__(self, upstream: str, variable: str | None) -> None:
        self._upstream = upstream
        self._variable = variable

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if error is None:
            return
        import aiohttp

        if isinstance(error, aiohttp.ClientError | OSError | ValueError):
            raise translate(error, self._upstream, self._variable) from error


def translate(error: Exception, upstream: str, variable: str | None = None) -> UpstreamError:
    """The error of our tree for a failed request; ``variable`` names where the address is set."""
    part = part_name(upstream)
    variable = variable or _ADDRESSES.get(upstream, "its settings")
    for kinds, ours, sentence in _rules():
        if isinstance(error, kinds):
            return ours(upstream, sentence.format(part=part, variable=variable))
    return UpstreamUnavailable(upstream, f"{part} broke the connection; ask again in a moment.")


@lru_cache(maxsize=1)
def _rules() -> tuple[tuple[Any, type[UpstreamError], str], ...]:
    """First match wins, so what is special stands before what is general."""
    import aiohttp

    return (
        (
            (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch),
            UpstreamRejected,
            "{part} has no certificate that can be trusted; check the address in {variable}.",
        ),
        (
            aiohttp.ClientConnectorError,
            UpstreamRefused,
            "{part} cannot be reached; check the address in {variable} and that it is running.",
        ),
        (
            TimeoutError,
            UpstreamTimeout,
            "{part} did not answer in time; ask again in a moment.",
        ),
        (
            (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError),
            UpstreamRejected,
            "The address in {variable} is not an http or https address; correct it.",
        ),
        (
            aiohttp.ClientResponseError,
            UpstreamMalformed,
            "{part} does not speak HTTP as expected; check the address in {variable}.",
        ),
        (
            ValueError,  # a header or address that cannot be written
            UpstreamRejected,
            "{part} cannot be asked: look for odd characters in {variable} and in its key.",
        ),
    )


def too_large(upstream: str) -> UpstreamMalformed:
    """The error for an answer beyond the transport's limits."""
    return UpstreamMalformed(
        upstream, f"{part_name(upstream)} sent an answer that is too large to be read."
    )
