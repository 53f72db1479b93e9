"""What the OpenAPI document says beyond the signatures: every status, the streams, who may call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from backend.api.about import DESCRIPTION, SERVICE, VERSION
from backend.api.auth_samples import complete
from backend.api.errors import HeadersTooLarge, RequestTimeout, UriTooLong
from backend.api.examples import REQUEST_ID
from backend.errors import (
    AppError,
    BadRequest,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotSignedIn,
    RateLimited,
    Starting,
    TooLarge,
    UnsupportedMedia,
)

_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
_ERRORS: Mapping[int, tuple[str, AppError]] = {
    400: ("Unreadable.", BadRequest("The body is not JSON: see line 1, column 12 of it.")),
    401: ("No admin token or cookie, or a wrong one.", NotSignedIn("The admin token is wrong.")),
    403: (
        "Not from here.",
        Forbidden("The admin cookie is not taken from another site's page."),
    ),
    409: (
        "The same request is under way.",
        Conflict("The same request is being answered already; ask again with the same key."),
    ),
    404: ("Not there.", NotFound("There is no document with this id in the index.")),
    408: ("Too slow.", RequestTimeout("The body did not arrive within 30 s; send it again.")),
    413: ("Too large.", TooLarge("The body is larger than the 1048576 bytes that are taken.")),
    414: ("Too long.", UriTooLong("Path and query may have 8192 bytes, and 9000 came.")),
    415: (
        "Not plain JSON.",
        UnsupportedMedia("Send the body as JSON with 'Content-Type: application/json'."),
    ),
    422: ("A field does not fit.", Invalid("`query` is missing.")),
    429: (
        "Too often, or the day's budget is spent (`budget_exhausted`).",
        RateLimited("More than 30 questions in 60 s came from your address; ask again in 12 s."),
    ),
    431: (
        "Too many headers, or too large ones.",
        HeadersTooLarge("At most 100 headers are taken, and 130 came."),
    ),
    500: ("A fault of the service.", AppError()),
    503: (
        "Starting, stopping, not configured, or an upstream is down: `code` says which.",
        Starting("The service is starting; ask again in a moment."),
    ),
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text that is new for each new request and the same when it is sent again: "
    "within 24 hours the same key and body have the same outcome.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
_EVERYWHERE = (413, 414, 415, 431)
SECURITY: list[dict[str, list[str]]] = [
    {"adminBearer": []},
    {"adminHeader": []},
    {"adminCookie": []},
]
OWNER: list[dict[str, list[str]]] = [{"sessionBearer": []}, {"sessionCookie": []}]
ASKER: list[dict[str, list[str]]] = [{}, *OWNER]
"""Anybody, or a reader whose history it goes into."""
_SCHEMES = {
    "sessionBearer": {"type": "http", "scheme": "bearer", "description": "A signed-in session."},
    "sessionCookie": {"type": "apiKey", "in": "cookie", "name": "better-auth.session_token"},
    "adminBearer": {"type": "http", "scheme": "bearer", "description": "ADMIN_TOKEN."},
    "adminHeader": {"type": "apiKey", "in": "header", "name": "X-Admin-Token"},
    "adminCookie": {"type": "apiKey", "in": "cookie", "name": "book_admin"},
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declarations of the error statuses of an operation, those of every one included."""
    return {status: _error(status) for status in sorted({*statuses, *_EVERYWHERE})}


def _error(status: int) -> dict[str, Any]:
    description, error = _ERRORS[status]
    example: dict[str, Any] = {
        "detail": error.detail,
        "code": error.code,
        "request_id": REQUEST_ID,
    }
    if status == 422:
        example["errors"] = [{"field": "query", "code": "missing", "message": error.detail}]
    declared = answer("InvalidBody" if status == 422 else "ErrorBody", example, description)
    if status in (409, 429, 503):
        declared["headers"] = _RETRY_AFTER
    return declared


def answer(model: str, example: Any, description: str = "As asked.") -> dict[str, Any]:
    """The declaration of a JSON response: a model of ``answers`` or ``content_answers``, by name.

    By name, because the models are needed for this document alone: making them, and the
    framework's fields from them, would cost every start some 100 ms.
    """
    content = {"schema": {"$ref": f"#/components/schemas/{model}"}, "example": example}
    return {"description": description, "content": {"application/json": content}}


def event_stream(description: str, names: Sequence[str], example: str) -> dict[str, Any]:
    """The declaration of a response that is a stream of events with these names."""
    item = {
        "type": "object",
        "properties": {
            "event": {"type": "string", "enum": list(names)},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        "required": ["event", "data"],
    }
    content = {"text/event-stream": {"itemSchema": item, "example": example}}
    return {"description": description, "content": content}


def operation_id(route: APIRoute) -> str:
    """Stable and short: the name of the function."""
    return route.name


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the app's routes, without servers, with the admin's credentials."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=SERVICE, version=VERSION, description=DESCRIPTION, routes=app.routes
        )
        schemas = {**document["components"]["schemas"], **_answer_schemas()}
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"] = _declared(operation["responses"])
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        document["components"]["securitySchemes"] = _SCHEMES
        complete(document)
        app.openapi_schema = document
    return app.openapi_schema


def _answer_schemas() -> dict[str, Any]:
    from pydantic.json_schema import models_json_schema

    from backend.api import answers, content_answers, history_answers

    mode: Literal["serialization"] = "serialization"
    models = [
        (model, mode)
        for module in (answers, content_answers, history_answers)
        for name, model in vars(module).items()
        if isinstance(model, type)
        if model.__module__ == module.__name__ and not name.startswith("_")
    ]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    return dict(definitions["$defs"])


def _declared(responses: dict[str, Any]) -> dict[str, Any]:
    """The responses in order, without the 422 that the framework adds for any path parameter."""
    return {
        status: response
        for status, response in sorted(responses.items())
        if "HTTPValidationError" not in json.dumps(response)
    }


def openapi_json(app: FastAPI) -> str:
    """The document as it is committed: indented, in the order of the routes."""
    return json.dumps(openapi_of(app), indent=2, ensure_ascii=False) + "\n"
