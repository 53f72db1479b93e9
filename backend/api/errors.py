"""One body for every error: ``{"detail", "code", "request_id"}``, and ``errors`` for a 422.

Errors that only HTTP knows are here; the others are in :mod:`backend.errors`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.api.validation import explain
from backend.errors import (
    AppError,
    BadRequest,
    NotConfigured,
    NotFound,
    NotSignedIn,
    ShuttingDown,
    Starting,
)
from backend.logs import request_id

log = logging.getLogger(__name__)

RETRY_AFTER_S: Mapping[type[AppError], float] = {Starting: 2, ShuttingDown: 5, NotConfigured: 300}
"""What Retry-After says where the error itself does not know."""
DEFAULT_RETRY_AFTER_S = 10.0


class MethodNotAllowed(AppError):
    """The path is there, the method is not."""

    status, code = 405, "method_not_allowed"


class RequestTimeout(AppError):
    """The body did not arrive in time."""

    status, code, retryable = 408, "request_timeout", True


class UriTooLong(AppError):
    """Path and query are longer than allowed."""

    status, code = 414, "uri_too_long"


class HeadersTooLarge(AppError):
    """More headers than allowed, or larger ones."""

    status, code = 431, "headers_too_large"


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response; dataclasses are written as objects, NaN as null."""
    return Response(orjson.dumps(value), status, headers, media_type="application/json")


def error_response(error: AppError) -> Response:
    """The response for an error."""
    body: dict[str, Any] = {
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id.get(),
    }
    if error.errors is not None:
        body["errors"] = error.errors
    return json_response(body, error.status, _headers(error))


def _headers(error: AppError) -> dict[str, str]:
    headers = {}
    wait = error.retry_after_s
    if wait is None and error.status in (429, 503):
        wait = RETRY_AFTER_S.get(type(error), DEFAULT_RETRY_AFTER_S)
    if wait is not None:
        headers["retry-after"] = str(max(1, math.ceil(wait)))
    if isinstance(error, NotSignedIn):
        headers["www-authenticate"] = "Bearer"
    return headers


async def on_app_error(request: Request, error: Exception) -> Response:
    """Render our own errors; one without a better class is a fault and is logged as such."""
    assert isinstance(error, AppError)
    if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", exc_info=error)
    return error_response(error)


async def on_invalid(request: Request, error: Exception) -> Response:
    """Render the framework's validation errors as one sentence."""
    assert isinstance(error, RequestValidationError)
    return error_response(explain(error.errors()))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Render what the framework itself raises: 404, 405, an unreadable body."""
    assert isinstance(error, HTTPException)
    response = error_response(_translate(request, error))
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def _translate(request: Request, error: HTTPException) -> AppError:
    if error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound("There is nothing at this path; /docs lists what there is.")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another one")
        return MethodNotAllowed(f"{request.method} is not taken here; use {allowed}.")
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return BadRequest("The request's body cannot be read.")
    other = AppError(HTTPStatus(error.status_code).phrase + ".", code="http_error")
    other.status = error.status_code
    return other
