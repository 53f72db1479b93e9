"""Headers by which browsers protect our readers."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FRAME_ANCESTORS = "frame-ancestors 'self' https://huggingface.co"
"""The Space page shows the UI in a frame; nobody else may."""
_DATA_POLICY = f"default-src 'none'; {FRAME_ANCESTORS}".encode()
_PAGE_POLICY = FRAME_ANCESTORS.encode()
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_DATA_TYPES = (b"application/json", b"text/event-stream")


class SecurityHeaders:
    """Adds what a response does not say itself; a page with its own policy keeps it."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app and complete the headers of its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        mounted = scope["path"].startswith("/admin")

        async def completing_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._complete(list(message.get("headers", ())), mounted)
            await send(message)

        await self._app(scope, receive, completing_send)

    def _complete(
        self, headers: list[tuple[bytes, bytes]], mounted: bool
    ) -> list[tuple[bytes, bytes]]:
        present = {name.lower(): value for name, value in headers}
        data = present.get(b"content-type", b"").startswith(_DATA_TYPES)
        wanted = [
            *_ALWAYS,
            (b"content-security-policy", _DATA_POLICY if data else _PAGE_POLICY),
        ]
        if self._https:
            wanted.append(_HSTS)
        if not mounted:
            wanted.append((b"cache-control", b"no-store"))
        return headers + [pair for pair in wanted if pair[0] not in present]
