"""CORS for the frontends that the settings name.

A frontend is named by its exact origin or by a pattern with one label open:
``https://*.example.app`` takes ``https://preview.example.app``, not ``https://a.b.example.app``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Send

from backend.api.errors import error_response
from backend.errors import BadRequest, Forbidden

METHODS = ("GET", "POST", "PATCH", "DELETE", "OPTIONS")
REQUEST_HEADERS = (
    "authorization", "content-type", "x-request-id", "x-admin-token", "idempotency-key",
)  # fmt: skip
RESPONSE_HEADERS = ("set-auth-token", "x-request-id", "retry-after", "x-retry-after")
PREFLIGHT_MAX_AGE_S = 3600
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"


class Origins:
    """Answers whether an origin may read our responses. ``*`` alone allows nobody."""

    def __init__(self, allowed: Iterable[str]) -> None:
        allowed = [origin for origin in allowed if origin != "*"]
        self.exact = frozenset(origin for origin in allowed if "*" not in origin)
        patterns = [
            re.escape(origin).replace(re.escape("*"), _LABEL)
            for origin in allowed
            if origin.count("*") == 1 and "://*." in origin
        ]
        self._open = re.compile("|".join(patterns)) if patterns else None

    def allows(self, origin: str) -> bool:
        """Whether this is one of them; ``null`` never is."""
        if origin in self.exact:
            return True
        return self._open is not None and self._open.fullmatch(origin) is not None


class Cors(CORSMiddleware):
    """Starlette's, except that foreign origins get no CORS header and refusals are our errors."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        super().__init__(
            app,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            allow_credentials=True,
            expose_headers=RESPONSE_HEADERS,
            max_age=PREFLIGHT_MAX_AGE_S,
        )
        self._origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether the settings name this origin."""
        return self._origins.allows(origin)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight; a refusal says what to change."""
        response = super().preflight_response(request_headers)
        if response.status_code == 200:
            return response
        if not self.is_allowed_origin(request_headers["origin"]):
            refusal = error_response(
                Forbidden(
                    "This origin may not call the service; add it to CORS_ALLOWED_ORIGINS.",
                    code="origin_not_allowed",
                )
            )
            refusal.headers["vary"] = "Origin"
            return refusal
        refusal = error_response(
            BadRequest(
                f"Cross-origin requests may use {', '.join(METHODS)} and the headers "
                f"{', '.join(REQUEST_HEADERS)}.",
                code="cors_not_allowed",
            )
        )
        for name, value in response.headers.items():
            if name.startswith("access-control-") or name == "vary":
                refusal.headers[name] = value
        return refusal

    async def send(self, message: Message, send: Send, request_headers: Headers) -> None:
        """Add the headers to a response's start; to a foreign origin only the Vary."""
        if message["type"] != "http.response.start":
            await send(message)
            return
        origin = request_headers.get("origin")
        if origin is None or not self.is_allowed_origin(origin):
            MutableHeaders(scope=message).add_vary_header("Origin")
            await send(message)
            return
        await super().send(message, send, request_headers)
