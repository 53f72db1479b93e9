"""What the OpenAPI document says of the account routes beyond their signatures."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from backend.api.auth_schemas import AuthErrorOut
from backend.api.docs import OWNER

_WORDS = {
    400: "A field does not fit.",
    401: "Not signed in, or a wrong password.",
    403: "The page is not trusted, or the sign-in is too old.",
    408: "The body did not arrive in time.",
    422: "There is an account with this address, or the body holds what no text may hold.",
    429: "Too often; `X-Retry-After` and `Retry-After` say when.",
    503: "The database is away, or `BETTER_AUTH_SECRET` or `DATA_ENCRYPTION_KEY` is missing.",
}
_EVERYWHERE = (413, 414, 415, 431, 500)


def auth_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The declarations of the error statuses of an operation, those of every one included."""
    return {
        status: {"description": _WORDS.get(status) or _phrase(status), "model": AuthErrorOut}
        for status in sorted({*statuses, *_EVERYWHERE, *((408,) if 400 in statuses else ())})
    }


SIGNED_IN: dict[str, Any] = {"security": OWNER}
"""The declaration of a route for readers who are signed in."""


def takes(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The declaration of a body that is read by hand."""
    schema = model.model_json_schema()
    kinds = ("application/json", "application/x-www-form-urlencoded")
    return {
        "requestBody": {
            "required": required,
            "content": {kind: {"schema": schema} for kind in kinds},
        }
    }


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase + "."
