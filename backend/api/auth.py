"""Accounts: the existing frontend's routes and Better Auth's own, from one set of handlers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api import auth_schemas as schemas
from backend.api.auth_cookies import expire_session, set_session
from backend.api.auth_docs import SIGNED_IN, auth_errors, takes
from backend.api.auth_http import (
    PREFIX,
    AuthRoute,
    Fields,
    accounts_of,
    client_of,
    shown_by,
)
from backend.api.auth_session import with_session
from backend.api.auth_views import current_view, user_view
from backend.api.errors import MethodNotAllowed, json_response
from backend.errors import NotSignedIn
from backend.services.accounts import SignUp

router = APIRouter(prefix=PREFIX, tags=["Accounts"], route_class=AuthRoute)


@router.post(
    "/sign-up/email",
    name="sign_up_email",
    summary="Make an account",
    response_model=schemas.SignedInOut,
    responses=auth_errors(400, 403, 415, 422, 429, 503),
    openapi_extra=takes(schemas.SignUpBody),
)
async def sign_up_email(fields: Fields, request: Request) -> Response:
    """Make an account and sign it in."""
    return await _sign_up(request, schemas.parse(schemas.SignUpBody, fields))


@router.post(
    "/sign-up",
    name="sign_up",
    summary="Make an account",
    response_model=schemas.SignedInOut,
    responses=auth_errors(400, 403, 415, 422, 429, 503),
    openapi_extra=takes(schemas.PlainSignUpBody),
)
async def sign_up(fields: Fields, request: Request) -> Response:
    """Make an account and sign it in; the name may be left out."""
    return await _sign_up(request, schemas.parse(schemas.PlainSignUpBody, fields))


@router.post(
    "/sign-in/email",
    name="sign_in",
    summary="Sign in",
    response_model=schemas.SignedInOut,
    responses=auth_errors(400, 401, 403, 415, 422, 429, 503),
    openapi_extra=takes(schemas.SignInBody),
)
async def sign_in(fields: Fields, request: Request) -> Response:
    """Sign in with a password. Unknown addresses and wrong passwords get the same answer."""
    body = schemas.parse(schemas.SignInBody, fields)
    accounts = accounts_of(request)
    remember = body.rememberMe is not False
    signed_in = await accounts.sign_in(
        body.email, body.password, client_of(request), remember=remember
    )
    view: dict[str, Any] = {"redirect": bool(body.callbackURL)}
    if body.callbackURL:
        view["url"] = body.callbackURL
    response = with_session(request, accounts, signed_in, view, remember=remember)
    if body.callbackURL:
        response.headers["location"] = body.callbackURL
    return response


@router.post(
    "/sign-out",
    name="sign_out",
    summary="Sign out",
    response_model=schemas.SuccessOut,
    responses=auth_errors(403, 429, 503),
)
async def sign_out(request: Request) -> Response:
    """End the session and take the cookies back; also without a session."""
    await accounts_of(request).sign_out(shown_by(request))
    response = json_response({"success": True})
    expire_session(response, request)
    return response


@router.get(
    "/get-session",
    name="get_session",
    summary="Who is signed in",
    response_model=schemas.CurrentOut | None,
    responses=auth_errors(429, 503),
)
async def get_session(request: Request) -> Response:
    """The session and its user, or null. Extends the session when it is a day old."""
    accounts, shown = accounts_of(request), shown_by(request)
    current = await accounts.current(shown)
    if current is None:
        response = json_response(None)
        if accounts.signer.token_in(shown) is not None:
            expire_session(response, request)
    else:
        response = json_response(current_view(accounts, current, shown.bearer))
        if current.refreshed and current.session.token:
            set_session(response, request, accounts.signer, current.session.token, remember=True)
    response.headers["pragma"] = "no-cache"
    return response


@router.post("/get-session", name="get_session_by_post", include_in_schema=False)
async def get_session_by_post() -> Response:
    """Better Auth's answer to a method that it does not take here."""
    raise MethodNotAllowed(
        "POST method requires deferSessionRefresh to be enabled in session config",
        code="METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
    )


@router.get(
    "/verify",
    name="verify",
    summary="Whether the credential holds",
    response_model=schemas.VerifiedOut,
    responses=auth_errors(401, 429, 503),
    openapi_extra=SIGNED_IN,
)
async def verify(request: Request) -> Response:
    """200 with the user, or 401. A database that is away does not make a token invalid."""
    current = await accounts_of(request).current(shown_by(request))
    if current is None:
        raise NotSignedIn("Unauthorized", code="UNAUTHORIZED")
    return json_response({"valid": True, "user": user_view(current.user)})


@router.get(
    "/ok",
    name="auth_ok",
    summary="Whether accounts are served",
    response_model=schemas.OkOut,
    responses=auth_errors(),
)
async def auth_ok() -> Response:
    """Always true."""
    return json_response({"ok": True})


async def _sign_up(request: Request, body: schemas.SignUpBody) -> Response:
    accounts = accounts_of(request)
    remember = body.rememberMe is not False
    form = SignUp(
        email=body.email,
        password=body.password,
        name=body.name,
        proficiency=body.proficiency,
        image=body.image,
        remember=remember,
    )
    signed_in = await accounts.sign_up(form, client_of(request))
    return with_session(request, accounts, signed_in, {}, remember=remember)
