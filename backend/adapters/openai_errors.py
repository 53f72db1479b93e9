"""What an OpenAI-compatible server says when it refuses, translated to our tree by tables.

Statuses and codes: platform.openai.com/docs/guides/error-codes; OpenRouter (402, and the status as
``code`` inside a stream) openrouter.ai/docs/api-reference/errors; Gemini (``RetryInfo``, a bad key
as 400) ai.google.dev/gemini-api/docs/troubleshooting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import orjson

from backend.errors import (
    UpstreamError,
    UpstreamMalformed,
    UpstreamQuota,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

_QUOTA_CODES = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "insufficient_credits",
}
_RATE_CODES = {"rate_limit_exceeded", "rate_limit_error", "too_many_requests", "RESOURCE_EXHAUSTED"}
_TOO_LONG = re.compile(rb"context_length_exceeded|maximum context length|input is too long")
_BAD_KEY = re.compile(rb"invalid_api_key|API_KEY_INVALID|API key not valid")
_RETRY_DELAY = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
_MAX_RETRY_AFTER_S = 86_400.0

_KEY = (
    "{part} refuses the key in {key}: check that it is complete, valid and allowed to use {model}."
)
_NO_MODEL = "{part} does not know the model in {model}; check its name and the address in {url}."
_ADDRESS = "The address in {url} is not that of an OpenAI-compatible API; correct it."
_LONG = "The text is too long for the model in {model}; ask shorter, or choose one that takes more."
_REFUSED = "{part} refuses the request; check that the model in {model} is made for it."
_QUOTA = "The account of the key in {key} has no quota left; check its plan and billing."
_RATE = "{part} is asked more than the account of {key} allows; ask again in a moment."
_DOWN = "{part} has a problem of its own; ask again in a moment."
_TIMEOUT = "{part} did not answer in time; ask again in a moment."
_UNREACHABLE = "{part} cannot be reached; check the address in {url} and that it is running."
_ALL_THOUGHT = "The model in {model} used up its room before the first word; choose another one."
_FILTERED = "{part} withholds the answer by its content rules; ask in other words."
_EMPTY = "{part} sent an empty answer; ask again in a moment."
_SOON = "ask again in a moment"
_UNREADABLE = "{part} sent an answer that cannot be read; ask again, or check the address in {url}."
_SETTINGS = {_KEY, _NO_MODEL, _ADDRESS}
"""What somebody has to correct in the settings; the other refusals are about one question."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names for the sentences: the circuit, and the variables that a person would correct."""

    upstream: str = "openai"
    part: str = "The model server"
    key: str = "OPENAI_API_KEY"
    model: str = "OPENAI_MODEL"
    url: str = "OPENAI_BASE_URL"

    def error(
        self, kind: type[UpstreamError], sentence: str, retry_after_s: float | None = None
    ) -> UpstreamError:
        """An error of the tree with a sentence of this module filled in."""
        detail = sentence.format(part=self.part, key=self.key, model=self.model, url=self.url)
        if retry_after_s is not None:
            detail = detail.replace(_SOON, f"ask again in {max(1, math.ceil(retry_after_s))} s")
        error = kind(self.upstream, detail, retry_after_s=retry_after_s)
        error.configuration = error.configuration or sentence in _SETTINGS
        return error

    def unreadable(self) -> UpstreamError:
        """The error for an answer that does not have the protocol's shape."""
        return self.error(UpstreamMalformed, _UNREADABLE)

    def timed_out(self) -> UpstreamError:
        """The error for an answer that did not come in time."""
        return self.error(UpstreamTimeout, _TIMEOUT)

    def no_text(self, finish_reason: str) -> UpstreamError:
        """The error for an answer that ended without a word; only a plain stop is worth a retry."""
        if finish_reason == "length":
            return self.error(UpstreamRejected, _ALL_THOUGHT)
        if finish_reason == "content_filter":
            return self.error(UpstreamRejected, _FILTERED)
        return self.error(UpstreamMalformed, _EMPTY)

    def classify(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        """The error for an answer that is not 2xx; fits ``http.Classify``."""
        wait = retry_after(headers, body)
        if status == 429:
            return self._limited(_codes(body), wait)
        if status == 400 and _BAD_KEY.search(body):
            return self.error(UpstreamRejected, _KEY)
        if status in (400, 413, 422) and (status == 413 or _TOO_LONG.search(body)):
            return self.error(UpstreamRejected, _LONG)
        if status >= 500 or status in (408, 409, 425):
            return self.error(UpstreamUnavailable, _DOWN, wait)
        if status < 400 or status == 405:
            return self.error(UpstreamRejected, _ADDRESS)
        kind, sentence = _BY_STATUS.get(status, (UpstreamRejected, _REFUSED))
        return self.error(kind, sentence)

    def in_stream(self, error: Any) -> UpstreamError:
        """The error for an ``error`` object that came where a token was expected."""
        body = orjson.dumps({"error": error})
        codes = _codes(body)
        status = next((int(code) for code in codes if re.fullmatch(r"[45]\d\d", code)), None)
        if status is not None:
            return self.classify(status, {}, body)
        if codes & (_QUOTA_CODES | _RATE_CODES):
            return self._limited(codes, None)
        return self.error(UpstreamUnavailable, _DOWN)

    def from_sdk(self, error: Exception) -> UpstreamError:
        """The error for one that the openai package raised."""
        import openai

        if isinstance(error, openai.APIStatusError):
            response = error.response
            return self.classify(response.status_code, response.headers, response.content)
        for kind, ours, sentence in sdk_table():
            if isinstance(error, kind):
                return self.error(ours, sentence)
        return self.error(UpstreamRejected, _REFUSED)

    def _limited(self, codes: set[str], wait: float | None) -> UpstreamError:
        if codes & _QUOTA_CODES:
            return self.error(UpstreamQuota, _QUOTA)
        return self.error(UpstreamRateLimited, _RATE, wait)


_BY_STATUS: dict[int, tuple[type[UpstreamError], str]] = {
    401: (UpstreamRejected, _KEY),
    402: (UpstreamQuota, _QUOTA),
    403: (UpstreamRejected, _KEY),
    404: (UpstreamRejected, _NO_MODEL),
}


@lru_cache(maxsize=1)
def sdk_table() -> tuple[tuple[type[Exception], type[UpstreamError], str], ...]:
    """Exception class of the openai package, ours, sentence; the first that fits counts.

    Errors with a status are told apart by the status, as those of the raw calls are.
    """
    import openai

    return (
        (openai.APITimeoutError, UpstreamTimeout, _TIMEOUT),
        (openai.APIConnectionError, UpstreamRefused, _UNREACHABLE),
        (openai.APIResponseValidationError, UpstreamMalformed, _UNREADABLE),
        (openai.APIError, UpstreamUnavailable, _DOWN),
        (openai.LengthFinishReasonError, UpstreamRejected, _REFUSED),
        (openai.ContentFilterFinishReasonError, UpstreamRejected, _REFUSED),
        (openai.WebSocketConnectionClosedError, UpstreamUnavailable, _DOWN),
        (openai.WebSocketQueueFullError, UpstreamUnavailable, _DOWN),
        (openai.OpenAIError, UpstreamRejected, _REFUSED),
    )


def retry_after(headers: Mapping[str, str], body: bytes = b"") -> float | None:
    """Seconds that the server asks to wait, or None.

    Read from ``retry-after-ms``, ``Retry-After`` (seconds or an HTTP date) and Gemini's RetryInfo.
    """
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return min(millis / 1000.0, _MAX_RETRY_AFTER_S)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is None and value:
        seconds = _until(value)
    if seconds is None and (match := _RETRY_DELAY.search(body)):
        seconds = float(match[1])
    return None if seconds is None else min(seconds, _MAX_RETRY_AFTER_S)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _until(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _codes(body: bytes) -> set[str]:
    """``code``, ``type`` and ``status`` of the error object, as strings."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return set()
    if isinstance(found, list) and found:  # Gemini wraps the object in a list
        found = found[0]
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return set()
    return {str(error[name]) for name in ("code", "type", "status") if error.get(name) is not None}
