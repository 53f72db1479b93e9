"""The answer that hands a session over."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from backend.api.auth_cookies import set_session
from backend.api.auth_views import signed_in_view
from backend.api.errors import json_response
from backend.services.accounts import Accounts, SignedIn


def with_session(
    request: Request,
    accounts: Accounts,
    signed_in: SignedIn,
    view: dict[str, Any],
    *,
    remember: bool,
) -> Response:
    """The answer that gives the client its session in every form."""
    response = json_response(view | signed_in_view(accounts, signed_in))
    token = signed_in.session.token or ""
    set_session(response, request, accounts.signer, token, remember=remember)
    return response
