"""The session's cookies, written as raw headers: Starlette cannot write ``Partitioned`` here.

A page on another site only gets its cookie back with ``SameSite=None; Secure; Partitioned``; a page
on the same site gets ``Lax``, which works over plain HTTP too. Names are Better Auth's.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from backend.services.accounts import LIFETIME
from backend.services.credentials import (
    COOKIE,
    DONT_REMEMBER_COOKIE,
    SECURE_PREFIX,
    TokenSigner,
    cookies_of,
)

_SESSION_DATA_COOKIE = "better-auth.session_data"
_ALL = (COOKIE, _SESSION_DATA_COOKIE, DONT_REMEMBER_COOKIE)


@dataclass(frozen=True, slots=True)
class CookieStyle:
    """How cookies have to look for the page that asks."""

    secure: bool
    cross_site: bool

    def line(self, name: str, value: str, max_age: int | None) -> str:
        """The value of a Set-Cookie header; without ``max_age`` it ends with the browser."""
        parts = [f"{SECURE_PREFIX if self.secure else ''}{name}={value}"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        parts += ["Path=/", "HttpOnly"]
        if self.secure:
            parts.append("Secure")
        parts.append("SameSite=None" if self.cross_site else "SameSite=Lax")
        if self.cross_site:
            parts.append("Partitioned")
        return "; ".join(parts)


def style_for(request: Request) -> CookieStyle:
    """What browsers say in Sec-Fetch-Site; older ones are judged by Origin and Host."""
    cross_site = _is_cross_site(request)
    headers = request.headers
    https = request.scope.get("scheme") == "https" or headers.get("x-forwarded-proto") == "https"
    return CookieStyle(secure=cross_site or https, cross_site=cross_site)


def set_session(
    response: Response, request: Request, signer: TokenSigner, token: str, *, remember: bool
) -> None:
    """Give the client its session: by cookie, and by the header that bearer clients read."""
    style = style_for(request)
    max_age = int(LIFETIME.total_seconds()) if remember else None
    _append(response, style.line(COOKIE, signer.cookie_value(token), max_age))
    if not remember:
        _append(response, style.line(DONT_REMEMBER_COOKIE, signer.cookie_value("true"), None))
    response.headers["set-auth-token"] = signer.sign(token)


def expire_session(response: Response, request: Request) -> None:
    """Take every cookie of ours back, in both spellings if the client has both."""
    style = style_for(request)
    for name in _ALL:
        _append(response, style.line(name, "", 0))
    shown = cookies_of(request.headers.get("cookie"))
    other = CookieStyle(secure=not style.secure, cross_site=False)
    for name in _ALL:
        if f"{SECURE_PREFIX if other.secure else ''}{name}" in shown:
            _append(response, other.line(name, "", 0))


def _append(response: Response, line: str) -> None:
    response.raw_headers.append((b"set-cookie", line.encode("latin-1")))


def _is_cross_site(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "cross-site"
    origin = request.headers.get("origin")
    if not origin or origin == "null":
        return False
    own = urlsplit("//" + request.headers.get("host", "")).hostname
    return urlsplit(origin).hostname != own
