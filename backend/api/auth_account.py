"""What the owner of an account may read, change and end; only with a session."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api import auth_schemas as schemas
from backend.api.auth_cookies import expire_session, set_session
from backend.api.auth_docs import SIGNED_IN, auth_errors, takes
from backend.api.auth_http import (
    PREFIX,
    AuthRoute,
    CurrentUser,
    Fields,
    accounts_of,
    client_of,
)
from backend.api.auth_session import with_session
from backend.api.auth_views import profile_view, sessions_view, user_view
from backend.api.errors import json_response
from backend.errors import BadRequest

router = APIRouter(prefix=PREFIX, tags=["Accounts"], route_class=AuthRoute)


@router.get(
    "/profile",
    name="get_profile",
    summary="Read the profile",
    response_model=schemas.ProfileOut,
    responses=auth_errors(401, 429, 503),
    openapi_extra=SIGNED_IN,
)
async def get_profile(current: CurrentUser) -> Response:
    """What the reader told about himself."""
    has_one = current.user.profile is not None
    return json_response({"profile": profile_view(current.user) if has_one else None})


@router.post(
    "/profile/update",
    name="update_profile",
    summary="Change the profile",
    response_model=schemas.SuccessOut,
    responses=auth_errors(400, 401, 403, 415, 422, 429, 503),
    openapi_extra=SIGNED_IN | takes(schemas.ProfileBody),
)
async def update_profile(fields: Fields, current: CurrentUser, request: Request) -> Response:
    """Change what is given; the rest stays."""
    body = schemas.parse(schemas.ProfileBody, fields)
    await accounts_of(request).update(current, body.model_dump(exclude_unset=True))
    return json_response({"success": True})


@router.post(
    "/update-user",
    name="update_user",
    summary="Change the account",
    response_model=schemas.StatusOut,
    responses=auth_errors(400, 401, 403, 415, 422, 429, 503),
    openapi_extra=SIGNED_IN | takes(schemas.UpdateUserBody),
)
async def update_user(fields: Fields, current: CurrentUser, request: Request) -> Response:
    """Change name, picture, level or profile; the address cannot be changed."""
    body = schemas.parse(schemas.UpdateUserBody, fields)
    if (fields or {}).get("email"):
        raise BadRequest("Email can not be updated", code="EMAIL_CAN_NOT_BE_UPDATED")
    accounts = accounts_of(request)
    await accounts.update(current, body.model_dump(exclude_unset=True))
    response = json_response({"status": True})
    if current.session.token and not current.source.is_foreign:
        session = current.session
        set_session(
            response, request, accounts.signer, current.session.token, remember=session.remember
        )
    return response


@router.post(
    "/change-password",
    name="change_password",
    summary="Change the password",
    response_model=schemas.PasswordOut,
    responses=auth_errors(400, 401, 403, 415, 422, 429, 503),
    openapi_extra=SIGNED_IN | takes(schemas.ChangePasswordBody),
)
async def change_password(fields: Fields, current: CurrentUser, request: Request) -> Response:
    """Replace the password; with `revokeOtherSessions` only a new session remains."""
    body = schemas.parse(schemas.ChangePasswordBody, fields)
    accounts = accounts_of(request)
    signed_in = await accounts.change_password(
        current,
        body.currentPassword,
        body.newPassword,
        client_of(request),
        revoke_others=body.revokeOtherSessions is True,
    )
    if signed_in is None:
        return json_response({"token": None, "user": user_view(current.user)})
    return with_session(request, accounts, signed_in, {}, remember=True)


@router.get(
    "/list-sessions",
    name="list_sessions",
    summary="List the sessions",
    response_model=list[schemas.SessionOut],
    responses=auth_errors(401, 403, 429, 503),
    openapi_extra=SIGNED_IN,
)
async def list_sessions(current: CurrentUser, request: Request) -> Response:
    """Every session of the account. Another device's `token` serves only to revoke it."""
    sessions = await accounts_of(request).sessions(current)
    return json_response(sessions_view(sessions, current))


@router.post(
    "/revoke-session",
    name="revoke_session",
    summary="End one session",
    response_model=schemas.StatusOut,
    responses=auth_errors(400, 401, 403, 415, 422, 429, 503),
    openapi_extra=SIGNED_IN | takes(schemas.RevokeBody),
)
async def revoke_session(fields: Fields, current: CurrentUser, request: Request) -> Response:
    """End one of the caller's sessions; nothing happens to anybody else's."""
    body = schemas.parse(schemas.RevokeBody, fields)
    await accounts_of(request).revoke(current, body.token)
    return json_response({"status": True})


@router.post(
    "/revoke-sessions",
    name="revoke_sessions",
    summary="End every session",
    response_model=schemas.StatusOut,
    responses=auth_errors(401, 403, 429, 503),
    openapi_extra=SIGNED_IN,
)
async def revoke_sessions(current: CurrentUser, request: Request) -> Response:
    """End every session of the account, this one included."""
    await accounts_of(request).revoke_all(current, but_current=False)
    return json_response({"status": True})


@router.post(
    "/revoke-other-sessions",
    name="revoke_other_sessions",
    summary="End every other session",
    response_model=schemas.StatusOut,
    responses=auth_errors(401, 403, 429, 503),
    openapi_extra=SIGNED_IN,
)
async def revoke_other_sessions(current: CurrentUser, request: Request) -> Response:
    """End every session of the account but this one."""
    await accounts_of(request).revoke_all(current, but_current=True)
    return json_response({"status": True})


@router.post(
    "/delete-user",
    name="delete_user",
    summary="Delete the account",
    response_model=schemas.SuccessOut,
    responses=auth_errors(400, 401, 403, 415, 422, 429, 503),
    openapi_extra=SIGNED_IN | takes(schemas.DeleteBody, required=False),
)
async def delete_user(fields: Fields, current: CurrentUser, request: Request) -> Response:
    """Delete the account with its profile, sessions and history."""
    body = schemas.parse(schemas.DeleteBody, fields or {})
    await accounts_of(request).delete(current, body.password)
    response = json_response({"success": True, "message": "User deleted"})
    expire_session(response, request)
    return response
