"""Against requests that another site makes in a reader's name: Origin, and where a redirect leads.

The rules are Better Auth's. A request that changes something is checked when it carries a cookie;
a sign-in or sign-up also when it comes from a browser at all, because signing somebody in as
another is an attack too. Bearer tokens and command lines are not checked: no browser adds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request

from backend.api.middleware.cors import Origins
from backend.errors import BadRequest, Forbidden

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FETCH_METADATA = ("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
_CONTROLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_ENCODED_SEPARATOR = re.compile(r"%2f|%5c", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (
    ("callbackURL", "callbackURL", "INVALID_CALLBACK_URL"),
    ("redirectTo", "redirectURL", "INVALID_REDIRECT_URL"),
    ("errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
    ("newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
)


def check_origin(request: Request, origins: Origins, *, signs_in: bool = False) -> None:
    """Refuse a request that a foreign page has made.

    Args:
        request: Its method and headers are looked at.
        origins: The trusted ones.
        signs_in: Whether the route signs somebody in.

    Raises:
        Forbidden: With Better Auth's codes.
    """
    headers = request.headers
    if request.method in _SAFE_METHODS:
        return
    has_metadata = any(headers.get(name, "").strip() for name in _FETCH_METADATA)
    if "cookie" not in headers:
        from_browser = has_metadata or headers.get("origin") or headers.get("referer")
        if not signs_in or not from_browser:
            return
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") == (
            "navigate"
        ):
            raise Forbidden(
                "Cross-site navigation login blocked. This request appears to be a CSRF attack.",
                code="CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
            )
    origin = headers.get("origin")
    shown = origin or origin_of(headers.get("referer", ""))
    if not shown or shown == "null":
        raise Forbidden("Missing or null Origin", code="MISSING_OR_NULL_ORIGIN")
    if not origins.allows(shown):
        raise Forbidden("Invalid origin", code="INVALID_ORIGIN")


def check_redirects(fields: Mapping[str, Any], origins: Origins) -> None:
    """Refuse a body that would send the reader to a foreign page. Raises Forbidden, BadRequest."""
    for field, label, code in _REDIRECTS:
        url = fields.get(field)
        if not url:
            continue
        if not isinstance(url, str):
            raise BadRequest(f"Invalid {label}: expected a string", code="BAD_REQUEST")
        if not leads_home(url, origins):
            raise Forbidden(f"Invalid {label}", code=code)


def leads_home(url: str, origins: Origins) -> bool:
    """Whether a redirect stays on the page's own site or goes to a trusted origin."""
    if _CONTROLS.search(url) or "\\" in url:
        return False
    if url.startswith("/"):
        path = re.split(r"[?#]", url, maxsplit=1)[0]
        return not url.startswith("//") and not _ENCODED_SEPARATOR.search(path)
    origin = origin_of(url)
    return origin is not None and origins.allows(origin)


def origin_of(url: str) -> str | None:
    """``scheme://host[:port]`` of an address without credentials, in normal form; else None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown_port = f":{port}" if port not in (None, _DEFAULT_PORTS[parts.scheme]) else ""
    return f"{parts.scheme}://{host}{shown_port}"
