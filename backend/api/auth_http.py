"""What every account route does before and after its own work.

Limits, then the origin, then the body; errors as ``{code, message, detail, request_id}``, which
both Better Auth's client and the frontend that reads only ``detail`` understand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Protocol, cast
from urllib.parse import parse_qsl

import orjson
from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from backend.api.auth_origin import check_origin, check_redirects
from backend.api.body import BODY_TIMEOUT_S, parse_json
from backend.api.errors import RequestTimeout, error_response
from backend.api.middleware.cors import Origins
from backend.domain import Principal
from backend.errors import AppError, BadRequest, Invalid, UnsupportedMedia
from backend.services.accounts import Accounts, Client, Current
from backend.services.callers import client_address
from backend.services.credentials import Shown, shown_in

PREFIX = "/api/auth"
_JSON, _FORM = "application/json", "application/x-www-form-urlencoded"
_SIGNS_IN = ("/sign-in", "/sign-up")


class HasAccounts(Protocol):
    """The container, as far as these routes need it."""

    async def open_accounts(self) -> Accounts:
        """The accounts, waiting a few seconds for them while the service starts.

        Raises Starting when they are still not there, NotConfigured where there can be none.
        """
        ...


class AuthRoute(APIRoute):
    """A route below ``/api/auth``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler with admission before and our errors after it."""
        handler = super().get_route_handler()
        path = self.path.removeprefix(PREFIX)

        async def handle(request: Request) -> Response:
            try:
                await _admit(request, path)
                response = await handler(request)
            except AppError as error:
                response = auth_error(error)
            response.headers.setdefault("cache-control", "no-store")
            return response

        return handle


def auth_error(error: AppError) -> Response:
    """The response for an error, in the shape of both clients."""
    plain = error_response(error)
    body = {**orjson.loads(plain.body), "message": error.detail}
    headers = {
        name: value
        for name, value in plain.headers.items()
        if name in ("retry-after", "www-authenticate")
    }
    if error.status == 429 and "retry-after" in headers:
        headers["x-retry-after"] = headers["retry-after"]
    return Response(orjson.dumps(body), error.status, headers, media_type=_JSON)


async def open_accounts(request: Request) -> Accounts:
    """The accounts of this service; noted for :func:`accounts_of`.

    Waits for them: an existing client takes a 503 on its first call for a lost session.

    Raises:
        Starting: Not yet. NotConfigured: There can be none.
    """
    accounts = await cast(HasAccounts, request.app.state.container).open_accounts()
    request.state.accounts = accounts
    return accounts


def accounts_of(request: Request) -> Accounts:
    """The accounts, in a route that :func:`open_accounts` has admitted."""
    return cast(Accounts, request.state.accounts)


def shown_by(request: Request) -> Shown:
    """The credential that the request shows."""
    headers = request.headers
    return shown_in(headers.get("authorization"), headers.get("cookie"))


def client_of(request: Request) -> Client:
    """The device that asks."""
    return Client(client_address(request.scope), request.headers.get("user-agent", ""))


async def require_current(request: Request) -> Current:
    """Who is signed in, read from the database just now. Raises NotSignedIn, UpstreamError."""
    return await (await open_accounts(request)).require(shown_by(request))


async def principal_of(request: Request) -> Principal:
    """Who asks on the other routes; anonymous without a valid credential. Never raises."""
    address = client_address(request.scope)
    try:
        accounts = await open_accounts(request)
    except AppError:
        return Principal(address=address)
    return await accounts.principal(shown_by(request), address)


async def require_principal(request: Request) -> Principal:
    """Who asks on routes of their owner; a request with a cookie must come from a trusted page.

    Raises:
        NotSignedIn, Forbidden, NotConfigured, UpstreamError: see ``Accounts.require``.
    """
    check_origin(request, origins_of(request))
    current = await require_current(request)
    return Principal(user_id=current.user.id, address=client_address(request.scope))


def origins_of(request: Request) -> Origins:
    """The trusted origins: those that CORS admits."""
    return cast(Origins, request.app.state.origins)


async def read_fields(request: Request) -> dict[str, Any] | None:
    """The body as an object: JSON or a form; None where there is none.

    Raises:
        BadRequest, UnsupportedMedia, Invalid, RequestTimeout: It cannot be read.
        Forbidden: It names a page to go to that is not trusted.
    """
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.body()
    except TimeoutError:
        raise RequestTimeout(
            f"The body did not arrive within {BODY_TIMEOUT_S:.0f} s; send it again."
        ) from None
    fields = _parsed(body, request.headers.get("content-type", "")) if body else None
    check_redirects({**request.query_params, **(fields or {})}, origins_of(request))
    return fields


Fields = Annotated[dict[str, Any] | None, Depends(read_fields)]
CurrentUser = Annotated[Current, Depends(require_current)]
Owner = Annotated[Principal, Depends(require_principal)]
Asking = Annotated[Principal, Depends(principal_of)]


async def _admit(request: Request, path: str) -> None:
    if path != "/ok":
        accounts = await open_accounts(request)
        accounts.limits.admit(client_address(request.scope), path)
    check_origin(request, origins_of(request), signs_in=path.startswith(_SIGNS_IN))


def _parsed(body: bytes, content_type: str) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    fields: Any
    if kind == _JSON:
        fields = _json(body)
    elif kind == _FORM:
        fields = _form(body)
    else:
        raise UnsupportedMedia(
            f'Content-Type "{_printable(kind)}" is not allowed. Allowed types: {_FORM}, {_JSON}',
            code="UNSUPPORTED_MEDIA_TYPE",
        )
    if not isinstance(fields, dict):
        raise BadRequest("[body] Invalid input: expected object", code="VALIDATION_ERROR")
    for name, value in fields.items():
        if isinstance(value, str) and "\0" in value:
            raise Invalid(f"[body.{_printable(name)}] holds a NUL", code="VALIDATION_ERROR")
    return fields


def _json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except BadRequest as error:
        raise BadRequest("Invalid JSON in request body", code="BAD_REQUEST") from error


def _form(body: bytes) -> dict[str, str]:
    try:
        return dict(
            parse_qsl(
                body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=50
            )
        )
    except ValueError as error:
        raise BadRequest("Invalid form in request body", code="BAD_REQUEST") from error


def _printable(text: str) -> str:
    return "".join(char for char in text[:80] if char.isprintable() and char not in "\"'")
