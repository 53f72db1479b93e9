import inspect
import re

import httpx
import pytest
from qdrant_client.common import client_exceptions
from qdrant_client.http import exceptions

from backend.adapters.qdrant_errors import classify, rules, translate, translated
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


@pytest.mark.parametrize("module", [exceptions, client_exceptions])
def test_every_error_of_the_client_has_a_rule_of_its_own(module: object) -> None:
    named = {kind for kind, _ in rules()}
    theirs = [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, Exception) and value.__module__.startswith("qdrant_client")
    ]
    assert theirs
    assert [kind for kind in theirs if kind not in named] == []


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, b"Invalid API key", UpstreamRejected, "QDRANT_API_KEY"),
        (403, b"Forbidden", UpstreamRejected, "QDRANT_API_KEY"),
        (404, b"Not found: Collection `x` doesn't exist!", IndexMissing, "ingest"),
        (404, b"<html>", UpstreamRejected, "QDRANT_URL"),
        (
            400,
            b"Vector dimension error: expected dim: 1536, got 384",
            DimensionMismatch,
            "1536 .*384",
        ),
        (400, b"secret text", UpstreamRejected, "refuses"),
        (302, b"", UpstreamRejected, "QDRANT_URL"),
        (429, b"", UpstreamRateLimited, "moment"),
        (500, b"", UpstreamUnavailable, "failure"),
        (504, b"", UpstreamTimeout, "in time"),
    ],
)
def test_classify_says_what_to_do(
    status: int, body: bytes, kind: type[UpstreamError], words: str
) -> None:
    error = classify(status, {"retry-after": "7"}, body)
    assert type(error) is kind
    assert re.search(words, error.detail)
    assert "secret" not in error.detail
    assert error.retry_after_s == (7 if status == 429 else None)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        (httpx.ConnectError("no route 10.0.0.1"), UpstreamRefused),
        (httpx.ReadTimeout("slow"), UpstreamTimeout),
        (httpx.RemoteProtocolError("cut"), UpstreamUnavailable),
        (ValueError("not JSON"), UpstreamMalformed),
        (RuntimeError("anything"), UpstreamUnavailable),
    ],
)
def test_translate_looks_into_a_wrapped_error(source: Exception, kind: type[UpstreamError]) -> None:
    error = translate(exceptions.ResponseHandlingException(source))
    assert type(error) is kind
    assert str(source) not in error.detail


def test_translated_keeps_the_wait_of_a_rate_limit() -> None:
    with pytest.raises(UpstreamRateLimited) as caught, translated():
        raise client_exceptions.ResourceExhaustedResponse("slow down", 3)
    assert caught.value.retry_after_s == 3


def test_translated_lets_our_own_faults_through() -> None:
    with pytest.raises(KeyError), translated():
        raise KeyError("ours")
