"""The headers by which a browser protects whoever uses the UI."""

from __future__ import annotations

from collections.abc import Iterable

from backend.services.admin import COOKIE_NAME

Header = tuple[bytes, bytes]

NONCE = "ui.nonce"
"""Key of the ASGI scope that holds the nonce of this response's scripts and styles."""

_FRAMES = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"
_ALWAYS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: that makes a form's own POST arrive with "Origin: null".
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_KEEP = b"private, max-age=31536000, immutable"
_REPLACED = frozenset(
    {name for name, _ in _ALWAYS}
    | {b"content-security-policy", b"cache-control", b"server", b"x-frame-options"}
)


def content_security_policy(nonce: str) -> str:
    """Only our own scripts run, and nothing is fetched from or sent to another host.

    Styles may be inline because Gradio sets them on its elements; its fonts for formulas are data.
    """
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'self'; "
        f"base-uri 'self'; {_FRAMES}"
    )


def protected(headers: Iterable[Header], nonce: str, *, keep: bool) -> list[Header]:
    """The headers of a response with ours in place of what the app said, and no CORS grant.

    Args:
        headers: What the app answered.
        nonce: That of the response's inline scripts.
        keep: Whether the browser may keep the response; else it must not store it.
    """
    left = [
        (name, value)
        for name, value in headers
        if name.lower() not in _REPLACED and not name.lower().startswith(b"access-control-")
    ]
    return [
        *left,
        *_ALWAYS,
        (b"content-security-policy", content_security_policy(nonce).encode()),
        (b"cache-control", _KEEP if keep else b"no-store"),
    ]


def cleared_cookie_header(*, https: bool) -> str:
    """The ``Set-Cookie`` value that removes the cookie; a partitioned one only goes by its like."""
    site = "Secure; SameSite=None; Partitioned" if https else "SameSite=Strict"
    return f"{COOKIE_NAME}=; Max-Age=0; Path=/; HttpOnly; {site}"
