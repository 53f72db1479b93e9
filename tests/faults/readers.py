"""A signed-in reader, and what must hold of the conversations they see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tests.api.serving import Reply
from tests.faults.invariants import QUESTION

PASSWORD = "long-password-not-real"


class Asks(Protocol):
    """A running service, in this loop or in a process of its own."""

    async def ask(self, method: str, path: str, **options: Any) -> Reply: ...


@dataclass(frozen=True, slots=True)
class Reader:
    """Signed in by a bearer token."""

    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def chat(self, site: Asks, key: str | None = None, **fields: Any) -> Reply:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return await site.ask("POST", "/chat", json={"query": QUESTION, **fields}, headers=headers)

    async def messages(self, site: Asks, session_id: str) -> list[dict[str, Any]]:
        reply = await site.ask("GET", f"/api/chat/sessions/{session_id}", headers=self.headers)
        assert reply.status == 200, reply.body
        found: list[dict[str, Any]] = reply.json["messages"]
        return found

    async def sessions(self, site: Asks) -> list[dict[str, Any]]:
        reply = await site.ask("GET", "/api/chat/sessions?limit=100", headers=self.headers)
        assert reply.status == 200, reply.body
        found: list[dict[str, Any]] = reply.json["sessions"]
        return found


async def sign_up(site: Asks, name: str = "reader") -> Reader:
    body = {"email": f"{name}@example.org", "password": PASSWORD, "name": name}
    reply = await site.ask("POST", "/api/auth/sign-up/email", json=body)
    assert reply.status == 200, reply.body
    return Reader(reply.json["token"])


def whole_pairs(messages: list[dict[str, Any]]) -> None:
    """Questions and answers take turns, and none is there twice."""
    roles = [message["role"] for message in messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2), roles
    ids = [message["id"] for message in messages]
    assert len(ids) == len(set(ids))
