"""Faults of an HTTP connection, translated to our tree by one table.

The sentences name the part and the variable that holds its address; nothing that the library or
the other side wrote gets into them.
"""

from __future__ import annotations

from backend.adapters.http_connection import AnswerTooLarge, NotHttp
from backend.adapters.http_pool import NotAnAddress, NotConnected, NotTrusted
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


_RULES: tuple[tuple[tuple[type[Exception], ...], type[UpstreamError], str], ...] = (
    (
        (NotTrusted,),
        UpstreamRejected,
        "{part} has no certificate that can be trusted; check the address in {variable}.",
    ),
    (
        (NotConnected,),
        UpstreamRefused,
        "{part} cannot be reached; check the address in {variable} and that it is running.",
    ),
    (
        (TimeoutError,),
        UpstreamTimeout,
        "{part} did not answer in time; ask again in a moment.",
    ),
    (
        (NotAnAddress,),
        UpstreamRejected,
        "The address in {variable} is not an http or https address; correct it.",
    ),
    (
        (NotHttp,),
        UpstreamMalformed,
        "{part} does not speak HTTP as expected; check the address in {variable}.",
    ),
    (
        (AnswerTooLarge,),
        UpstreamMalformed,
        "{part} sent an answer that is too large to be read; check the address in {variable}.",
    ),
    (
        (ValueError,),  # a header or address that cannot be written
        UpstreamRejected,
        "{part} cannot be asked: look for odd characters in {variable} and in its key.",
    ),
)
"""First match wins, so what is special stands before what is general."""


class translated:
    """Raise what the transport and the operating system raise inside the block as our errors."""

    __slots__ = ("_upstream", "_variable")

    def __init__(self, upstream: str, variable: str | None = None) -> None:
        self._upstream = upstream
        self._variable = variable

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, OSError | ValueError | NotHttp | AnswerTooLarge):
            raise translate(error, self._upstream, self._variable) from error


def translate(error: Exception, upstream: str, variable: str | None = None) -> UpstreamError:
    """The error of our tree for a failed request; ``variable`` names where the address is set."""
    part = part_name(upstream)
    variable = variable or _ADDRESSES.get(upstream, "its settings")
    for kinds, ours, sentence in _RULES:
        if isinstance(error, kinds):
            return ours(upstream, sentence.format(part=part, variable=variable))
    return UpstreamUnavailable(upstream, f"{part} broke the connection; ask again in a moment.")


def too_large(upstream: str) -> UpstreamError:
    """The error for an answer beyond the limits."""
    return translate(AnswerTooLarge(), upstream)
