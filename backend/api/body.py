"""Reads JSON bodies strictly, before the framework's lenient reader sees them.

Python's own reader takes NaN, lone surrogates, byte order marks, UTF-16 and numbers of ten thousand
digits, and fails on deep nesting with a RecursionError. Some of these become a 500 far from here.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_type_hints

import orjson
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import admit_asker
from backend.api.errors import RequestTimeout
from backend.api.validation import explain
from backend.domain import Principal
from backend.errors import AppError, BadRequest, Invalid, UnsupportedMedia

Model = TypeVar("Model", bound=BaseModel)

BODY_TIMEOUT_S = 30.0
"""For the whole body, which is at most 1 MiB: slower senders only hold a connection."""


class QuestionRoute(APIRoute):
    """A route whose endpoint takes ``body`` (a model), ``asker`` and ``request``, and nothing else.

    Whoever may not ask is refused before the body is read. The framework's own way through the
    endpoint's signature, which here serves the OpenAPI document, costs twice the time.
    """

    async def admit(self, request: Request) -> Principal:
        """Who may ask. Raises RateLimited, Starting, ShuttingDown."""
        return await admit_asker(request)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Admission, body, endpoint."""
        endpoint, model = self.endpoint, get_type_hints(self.endpoint)["body"]

        async def handle(request: Request) -> Response:
            asker = await self.admit(request)
            body = await read_model(request, model)
            response: Response = await endpoint(body=body, asker=asker, request=request)
            return response

        return handle


async def read_model(request: Request, model: type[Model]) -> Model:
    """The request's JSON body as the model.

    Raises:
        BadRequest, RequestTimeout, UnsupportedMedia: it cannot be read.
        Invalid: it can, and does not fit.
    """
    body = await _read(request)
    if not body:
        raise Invalid("The body must be a JSON object, and nothing came.", errors=[])
    _require_json(request.headers.get("content-type", ""))
    try:
        return model.model_validate(parse_json(body))
    except ValidationError as error:
        raise explain(error.errors(include_url=False), where="body") from None


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
