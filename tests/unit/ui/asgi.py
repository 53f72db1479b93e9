"""Calls an ASGI app the way a Starlette mount does, without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Reply:
    """What came back."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None

    @property
    def text(self) -> str:
        return self.body.decode()


def scope_of(
    method: str = "GET",
    path: str = "/",
    *,
    headers: dict[str, str] | None = None,
    client: str = "127.0.0.1",
    scheme: str = "http",
    mount: str = "/admin",
) -> Scope:
    sent = {"host": "localhost:7860", **(headers or {})}
    return {
        "type": "http",
        "method": method,
        "path": unquote(mount + path),
        "raw_path": (mount + path).encode(),
        "root_path": mount,
        "query_string": b"",
        "scheme": scheme,
        "client": (client, 50000),
        "headers": [(key.encode(), value.encode("latin-1")) for key, value in sent.items()],
    }


async def call(app: ASGIApp, scope: Scope, body: bytes = b"") -> Reply:
    reply = Reply()
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return pending.pop(0) if pending else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert reply.status == 0, "a response was begun twice"
            reply.status = message["status"]
            reply.headers = [(k.decode(), v.decode()) for k, v in message["headers"]]
        else:
            reply.body += message.get("body", b"")

    await app(scope, receive, send)
    return reply


class Inner:
    """Stands for Gradio: records what was let through."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        while True:
            message: dict[str, Any] = dict(await receive())
            if not message.get("more_body"):
                break
        headers = [
            (b"content-type", b"text/html"),
            (b"access-control-allow-origin", b"https://evil.example"),
            (b"cache-control", b"public"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"inside"})
