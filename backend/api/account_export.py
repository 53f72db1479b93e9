"""The reader's right to a copy."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api.auth_docs import SIGNED_IN, auth_errors
from backend.api.auth_http import CurrentUser, accounts_of
from backend.api.errors import json_response
from backend.clock import iso_ms, utc_now

router = APIRouter(tags=["Accounts"])


@router.get(
    "/api/account/export",
    name="export_account",
    summary="Everything held about the caller",
    response_model=dict[str, Any],
    responses=auth_errors(401, 503),
    openapi_extra=SIGNED_IN,
)
async def export_account(current: CurrentUser, request: Request) -> Response:
    """One JSON document with the account, its profile, sessions and history; no secrets."""
    exported = await accounts_of(request).export(current)
    headers = {
        "cache-control": "no-store",
        "content-disposition": 'attachment; filename="account.json"',
    }
    return json_response(_plain({"exported_at": utc_now(), **exported}), headers=headers)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return iso_ms(value) if hasattr(value, "astimezone") else value
