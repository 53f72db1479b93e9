"""Reads JSON bodies strictly, before the framework's lenient reader sees them.

Python's own reader takes NaN, lone surrogates, byte order marks, UTF-16 and numbers of ten thousand
digits, and fails on deep nesting with a RecursionError. Some of these become a 500 far from here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from backend.api.errors import RequestTimeout
from backend.errors import AppError, BadRequest, Invalid, UnsupportedMedia

BODY_TIMEOUT_S = 30.0
"""For the whole body, which is at most 1 MiB: slower senders only hold a connection."""


class _StrictRequest(Request):
    """A request whose JSON has been read already."""

    parsed: Any = None

    async def json(self) -> Any:
        return self.parsed


class StrictJsonRoute(APIRoute):
    """A route that reads its JSON body by :func:`parse_json`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler behind the strict reader, where the route has a body."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def read_then_handle(request: Request) -> Response:
            strict = _StrictRequest(request.scope, request.receive)
            body = await _read(strict)
            if body:
                _require_json(strict.headers.get("content-type", ""))
                strict.parsed = parse_json(body)
            return await handler(strict)

        return read_then_handle


async def _read(request: Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.body()
    except TimeoutError:
        raise RequestTimeout(
            f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s; send it again."
        ) from None


def _require_json(content_type: str) -> None:
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (
        kind.startswith("application/") and kind.endswith("+json")
    ):
        raise UnsupportedMedia("Send the body as JSON with 'Content-Type: application/json'.")


def parse_json(body: bytes) -> Any:
    """The value of a JSON document in UTF-8.

    Raises:
        BadRequest: it is not JSON, not UTF-8, or nested too deeply.
        Invalid: it is what lenient readers take: NaN, Infinity, lone surrogates.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _why(body, error) from None


def _why(body: bytes, error: orjson.JSONDecodeError) -> AppError:
    try:
        json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        return BadRequest("The body is not UTF-8; send JSON in UTF-8.")
    except RecursionError:
        return BadRequest("The body is nested too deeply.")
    except ValueError:
        return BadRequest(
            f"The body is not JSON: see line {error.lineno}, column {error.colno} of it."
        )
    return Invalid(
        "The body holds NaN, Infinity, too large a number or half of a surrogate pair; "
        "send finite numbers and whole characters."
    )
