"""Failures of a Qdrant server, translated to our tree by status and by class of its client.

Nothing that the server or the client wrote reaches a sentence, except the two numbers of a vector
of the wrong length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from backend.adapters.index_plan import UPSTREAM, wrong_size
from backend.errors import (
    DimensionMismatch,
    IndexMissing,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_WRONG_SIZE = re.compile(rb"expected dim: (\d+), got (\d+)")
_MISSING = re.compile(rb"[Cc]ollection .{1,300}(?:doesn.t exist|not found)")
_MAX_RETRY_AFTER_S = 3600.0
_UNREACHABLE = "Qdrant cannot be reached; check the address in QDRANT_URL and that it is running."

_SENTENCES: dict[int, tuple[type[UpstreamError], str]] = {
    401: (UpstreamRejected, "Qdrant does not accept the key; correct QDRANT_API_KEY."),
    403: (
        UpstreamRejected,
        "Qdrant does not allow this; QDRANT_API_KEY needs read and write access to the collection.",
    ),
    404: (
        UpstreamRejected,
        "There is no Qdrant server of version 1.10 or later at QDRANT_URL; correct the address.",
    ),
    408: (UpstreamTimeout, "Qdrant did not answer in time; ask again in a moment."),
    413: (UpstreamRejected, "Qdrant takes no request of this size; raise its limit."),
    504: (UpstreamTimeout, "Qdrant did not answer in time; ask again in a moment."),
}


def classify(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    """The error of an answer that is not 2xx."""
    if match := _WRONG_SIZE.search(body):
        return DimensionMismatch(UPSTREAM, wrong_size(int(match[1]), int(match[2])))
    if status == 404 and _MISSING.search(body):
        return missing()
    if status == 429:
        return UpstreamRateLimited(
            UPSTREAM,
            "Qdrant asks for fewer requests; ask again in a moment.",
            retry_after_s=_seconds(headers.get("retry-after")),
        )
    if status in _SENTENCES:
        kind, sentence = _SENTENCES[status]
        error = kind(UPSTREAM, sentence)
        error.configuration = status in (401, 403, 404)
        return error
    if status >= 500:
        return UpstreamUnavailable(UPSTREAM, "Qdrant has a failure of its own; ask again later.")
    if 300 <= status < 400:
        return UpstreamRejected(
            UPSTREAM,
            "QDRANT_URL leads elsewhere; set it to the address of the Qdrant server itself.",
        )
    return UpstreamRejected(UPSTREAM, "Qdrant refuses the request; check QDRANT_COLLECTION_NAME.")


def missing() -> IndexMissing:
    """The error for a collection that is not there."""
    return IndexMissing(
        UPSTREAM,
        "QDRANT_COLLECTION_NAME names no collection on the Qdrant server yet; start an ingest.",
    )


def unreadable() -> UpstreamMalformed:
    """The error for an answer that is not what Qdrant answers."""
    return UpstreamMalformed(
        UPSTREAM, "Qdrant sent an answer that cannot be read; check QDRANT_URL."
    )


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the Qdrant client raises inside the block as our errors.

    An answer that is no JSON, or lacks its result, comes as ValueError or AssertionError.
    """
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, QdrantException, ValueError, AssertionError) as error:
        raise translate(error) from error


def translate(error: Exception) -> UpstreamError:
    """The error of our tree for one that the Qdrant client raised."""
    ours = next((ours for kind, ours in rules() if isinstance(error, kind)), _broken)
    return ours(error)


@lru_cache(maxsize=1)
def rules() -> tuple[tuple[type[Exception], Callable[[Any], UpstreamError]], ...]:
    """Class -> translation; first match wins, so what is special stands before what is general."""
    import httpx
    from pydantic import ValidationError
    from qdrant_client.common import client_exceptions as client
    from qdrant_client.http import exceptions as http

    return (
        (http.UnexpectedResponse, lambda e: classify(e.status_code or 0, e.headers, e.content)),
        (client.ResourceExhaustedResponse, _exhausted),
        (http.ResponseHandlingException, lambda e: translate(e.source)),
        (httpx.TimeoutException, lambda e: classify(408, {}, b"")),
        (httpx.ConnectError, lambda e: UpstreamRefused(UPSTREAM, _UNREACHABLE)),
        (httpx.DecodingError, lambda e: unreadable()),
        (httpx.HTTPError, _broken),
        (ValidationError, lambda e: unreadable()),
        (ValueError, lambda e: unreadable()),
        (AssertionError, lambda e: unreadable()),
        (http.ApiException, _broken),
        (client.QdrantException, _broken),
    )


def _exhausted(error: Any) -> UpstreamError:
    return classify(429, {"retry-after": str(error.retry_after_s)}, b"")


def _broken(error: Exception) -> UpstreamError:
    return UpstreamUnavailable(UPSTREAM, "Qdrant broke the connection; ask again in a moment.")


def _seconds(retry_after: str | None) -> float | None:
    """Seconds in a Retry-After header; a date is not worth parsing: Qdrant sends none."""
    try:
        return min(max(float(retry_after or ""), 0.0), _MAX_RETRY_AFTER_S)
    except ValueError:
        return None
