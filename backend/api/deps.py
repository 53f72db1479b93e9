"""What the routes ask for in their signatures: the container, who asks, and whether it may.

Admission happens here, before the first byte of an answer: an error raised here has a status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request

from backend.api.auth_origin import check_origin
from backend.api.drain import Drain
from backend.api.middleware.cors import Origins
from backend.domain import Principal
from backend.errors import AppError, Forbidden
from backend.services.admin import COOKIE_NAME, AdminGate, Credentials
from backend.services.askers import identify
from backend.services.callers import client_address, is_direct_loopback
from backend.services.credentials import Shown, shown_in
from backend.services.limits import Limits

if TYPE_CHECKING:
    from backend.container import Container

_LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def container_of(request: Request) -> Container:
    """The container that the app was made for."""
    return cast("Container", request.app.state.container)


def drain_of(request: Request) -> Drain:
    """What knows the running answers."""
    return cast(Drain, request.app.state.drain)


def limits_of(request: Request) -> Limits:
    """What counts questions and tokens."""
    return cast(Limits, request.app.state.limits)


async def admit_asker(request: Request) -> Principal:
    """Who asks, once the question may be asked.

    Raises:
        ShuttingDown, Starting: not now.
        RateLimited: too often.
    """
    drain_of(request).refuse_when_stopping()
    address = client_address(request.scope)
    await limits_of(request).admit_question(address)
    await container_of(request).ready()
    return Principal(address=address)


async def admit_writer(request: Request) -> Principal:
    """Who wants a text translated or put on a level; raises as :func:`admit_asker`."""
    drain_of(request).refuse_when_stopping()
    address = client_address(request.scope)
    await limits_of(request).admit_content(address)
    await container_of(request).ready()
    return Principal(address=address)


async def admit_rater(request: Request) -> Principal:
    """Who judges an answer; raises as :func:`admit_asker`."""
    drain_of(request).refuse_when_stopping()
    address = client_address(request.scope)
    await limits_of(request).admit_feedback(address)
    await container_of(request).ready()
    return Principal(address=address)


async def identified(request: Request, asker: Principal) -> Principal:
    """The admitted asker with the account that the request's credential speaks for.

    Never raises: nobody needs to be signed in for an answer. A cookie that a foreign page sends
    along does not count.
    """
    headers = request.headers
    shown = shown_in(headers.get("authorization"), headers.get("cookie"))
    if shown.cookie is not None:
        try:
            check_origin(request, cast(Origins, request.app.state.origins))
        except Forbidden:
            shown = Shown(shown.bearer)
    if shown == Shown():
        return asker
    try:
        accounts = await container_of(request).open_accounts()
    except AppError:
        return asker
    return await identify(accounts, shown, asker.address)


def idempotency_key(request: Request) -> str | None:
    """The header by which a client says that it may send the same request again."""
    return request.headers.get("idempotency-key")


def credentials_of(request: Request) -> Credentials:
    """What the request shows that might make its sender an admin."""
    headers = request.headers
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    tokens = [bearer.strip()] if scheme.lower() == "bearer" else []
    tokens.append(headers.get("x-admin-token", "").strip())
    return Credentials(
        address=client_address(request.scope),
        tokens=tuple(token for token in tokens if token),
        cookie=request.cookies.get(COOKIE_NAME),
        direct_loopback=is_direct_loopback(request.scope) and _names_loopback(request),
        own_site=_from_own_site(request),
    )


def require_admin(request: Request) -> Principal:
    """The admin.

    Raises:
        NotSignedIn, Forbidden, NotConfigured, RateLimited: see AdminGate.
    """
    shown = credentials_of(request)
    cast(AdminGate, request.app.state.gate).admit(shown)
    return Principal(address=shown.address, is_admin=True)


async def require_ready_admin(request: Request) -> Principal:
    """The admin, once the parts are there."""
    principal = require_admin(request)
    drain_of(request).refuse_when_stopping()
    await container_of(request).ready()
    return principal


def _names_loopback(request: Request) -> bool:
    """Whether the Host header names this machine: a page of a rebound name does not."""
    return (urlsplit("//" + request.headers.get("host", "")).hostname or "") in _LOOPBACK_HOSTS


def _from_own_site(request: Request) -> bool:
    """Whether no page of a foreign site sent this: browsers say so in Origin or Sec-Fetch-Site."""
    headers = request.headers
    origin = headers.get("origin")
    if origin is None:
        return request.method in _SAFE_METHODS or headers.get("sec-fetch-site") in (
            None,
            "same-origin",
            "none",
        )
    if urlsplit(origin).netloc == headers.get("host"):
        return True
    return cast(Origins, request.app.state.origins).allows(origin)


Asker = Annotated[Principal, Depends(admit_asker)]
Writer = Annotated[Principal, Depends(admit_writer)]
Rater = Annotated[Principal, Depends(admit_rater)]
Admin = Annotated[Principal, Depends(require_admin)]
ReadyAdmin = Annotated[Principal, Depends(require_ready_admin)]
