"""What the guard reads of a request: only the ASGI scope, never a parsed address.

A ``Host`` header or a request target such as ``GET @evil/admin`` can make ``request.url`` say
anything; ``scope["path"]`` is what the server will route by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from backend.services.admin import COOKIE_NAME, Credentials
from backend.services.callers import client_address, is_direct_loopback

Scope = Mapping[str, Any]

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNPLAIN = re.compile(r"[\x00-\x20\x7f\\%]|//|(?:^|/)\.{1,2}(?:/|$)")


def header(scope: Scope, name: str) -> str | None:
    """The value of a header; several of the same name joined by commas, None without one."""
    wanted = name.encode()
    values = [value.decode("latin-1") for key, value in scope["headers"] if key == wanted]
    return ", ".join(values) if values else None


def local_path(scope: Scope) -> str:
    """The path below the mount: "" for the mount without its slash, else it begins with one."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root) else path


def is_plain(path: str) -> bool:
    """Whether a decoded path has nothing that another layer could read differently.

    Dot segments, empty segments, backslashes, control characters, and a percent sign that is still
    there after decoding are how a path says one thing to a guard and another to a file system.
    """
    return not _UNPLAIN.search(path)


def is_https(scope: Scope) -> bool:
    """Whether the browser speaks HTTPS: to us, or to the proxy before us."""
    forwarded = (header(scope, "x-forwarded-proto") or "").partition(",")[0].strip()
    return (forwarded or scope.get("scheme")) == "https"


def wants_page(scope: Scope) -> bool:
    """Whether a person's browser opens this as a page, rather than a script fetching it."""
    if scope["method"] not in ("GET", "HEAD") or "text/html" not in (header(scope, "accept") or ""):
        return False
    return header(scope, "sec-fetch-dest") in (None, "document", "iframe", "frame")


def from_own_site(scope: Scope) -> bool:
    """Whether no page of a foreign site sent this: browsers tell in Origin or Sec-Fetch-Site.

    Navigation to a page is not a foreign request: that is how the Space's frame gets here.
    """
    origin = header(scope, "origin")
    if origin is not None:
        return _same_host(origin, header(scope, "host") or "")
    foreign = header(scope, "sec-fetch-site") in ("cross-site", "same-site")
    return not foreign or (scope["method"] in ("GET", "HEAD") and wants_page(scope))


def names_loopback(scope: Scope) -> bool:
    """Whether Host names this machine; a page whose name was rebound to it does not."""
    return _host(f"//{header(scope, 'host') or ''}") in _LOOPBACK_NAMES


def credentials(scope: Scope) -> Credentials:
    """Everything in the request that might make its sender an admin."""
    scheme, _, bearer = (header(scope, "authorization") or "").partition(" ")
    shown = [bearer if scheme.lower() == "bearer" else "", header(scope, "x-admin-token") or ""]
    return Credentials(
        address=client_address(scope),
        tokens=tuple(token.strip() for token in shown if token.strip()),
        cookie=_cookie(scope),
        direct_loopback=is_direct_loopback(scope) and names_loopback(scope),
        own_site=from_own_site(scope),
    )


def _cookie(scope: Scope) -> str | None:
    # Not http.cookies: one unusual cookie of another app makes it drop all that follow.
    for pair in (header(scope, "cookie") or "").replace(",", ";").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE_NAME:
            return value
    return None


def _same_host(origin: str, host: str) -> bool:
    try:
        ours, theirs = urlsplit(f"//{host}"), urlsplit(origin)
        default = _DEFAULT_PORTS.get(theirs.scheme)
        same_port = (theirs.port or default) == (ours.port or default)
    except ValueError:
        return False
    if theirs.scheme not in _DEFAULT_PORTS or theirs.path or theirs.query or theirs.fragment:
        return False
    return bool(theirs.hostname) and theirs.hostname == ours.hostname and same_port


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
