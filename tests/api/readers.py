"""Readers with accounts on a running product, who leave something wherever readers do."""

from __future__ import annotations

from typing import Any

from tests.api.serving import Reply, Site

PASSWORD = "Corr3ct-horse-battery"
LIST = "/api/chat/sessions"


class Reader:
    """Somebody with an account on a running product."""

    def __init__(self, site: Site, body: Any) -> None:
        self.site, self.id = site, body["user"]["id"]
        self.token = body["session"]["accessToken"]

    async def ask(self, method: str, path: str, **options: Any) -> Reply:
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.site.ask(method, path, headers=headers, **options)

    async def done(self, method: str, path: str, **options: Any) -> Any:
        reply = await self.ask(method, path, **options)
        assert reply.status in (200, 204), reply.body
        return reply.json if reply.body else None


async def sign_up(site: Site, name: str) -> Reader:
    body = {"name": name, "email": f"{name}@x.test", "password": PASSWORD}
    reply = await site.ask("POST", "/api/auth/sign-up/email", json=body)
    assert reply.status == 200, reply.body
    return Reader(site, reply.json)


async def settle_in(site: Site, name: str) -> Reader:
    """A reader who leaves something in every table that readers leave something in."""
    reader = await sign_up(site, name)
    profile = {"learning_goals": f"goals of {name}", "hardware_access": f"laptop of {name}"}
    await reader.done("POST", "/api/auth/profile/update", json=profile)
    body = {"email": f"{name}@x.test", "password": PASSWORD}
    again = await site.ask("POST", "/api/auth/sign-in/email", json=body)
    assert again.status == 200
    answered = await reader.done(
        "POST", "/chat",
        json={"query": f"What is a topic, asks {name}?", "selected_text": f"selected by {name}"},
        headers={"idempotency-key": f"key of {name}"},
    )  # fmt: skip
    await reader.done("POST", "/chat", json={"query": f"How do I stop a node, asks {name}?"})
    await reader.done("POST", LIST, json={"title": f"title of {name}"})
    rating = {"message_id": answered["message_id"], "rating": "up", "comment": f"thanks, {name}"}
    await reader.done("POST", "/api/feedback", json=rating)
    return reader


def database_of(site: Site) -> Any:
    return site.container._adapters.database  # type: ignore[attr-defined]
