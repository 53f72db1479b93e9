from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from backend.adapters.openai_errors import Names, retry_after
from backend.errors import UpstreamRateLimited, UpstreamRejected


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({}, b"", None),
        ({"retry-after": "2"}, b"", 2.0),
        ({"retry-after": "0.5"}, b"", 0.5),
        ({"retry-after": "-1"}, b"", None),
        ({"retry-after": "nan"}, b"", None),
        ({"retry-after": "soon"}, b"", None),
        ({"retry-after": "1e12"}, b"", 86_400.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, b"", 1.5),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"", 0.0),
        ({}, b'{"error": {"details": [{"retryDelay": "34.5s"}]}}', 34.5),
    ],
)
def test_retry_after_reads_every_form(
    headers: dict[str, str], body: bytes, expected: float | None
) -> None:
    assert retry_after(headers, body) == expected


def test_retry_after_reads_a_date_to_come() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    seconds = retry_after({"retry-after": date})
    assert seconds is not None
    assert 3500 < seconds <= 3600


def test_classify_reads_what_gemini_says() -> None:
    names = Names(key="GEMINI_API_KEY")
    bad_key = b'[{"error": {"code": 400, "message": "API key not valid.", "status": "X"}}]'
    assert "GEMINI_API_KEY" in names.classify(400, {}, bad_key).detail
    limited = b'[{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]'
    assert isinstance(names.classify(429, {}, limited), UpstreamRateLimited)
    assert isinstance(names.classify(418, {}, b"\xff"), UpstreamRejected)


@pytest.mark.parametrize("error", ["words", ["a"], {"code": {}}, 7])
def test_in_stream_survives_any_shape(error: object) -> None:
    assert Names().in_stream(error).upstream == "openai"


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_no_text_is_not_retried_where_a_retry_would_end_alike(reason: str) -> None:
    assert not Names().no_text(reason).transient
