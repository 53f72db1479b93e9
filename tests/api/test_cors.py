from __future__ import annotations

import pytest

from tests.api.fakes import FakeContainer
from tests.api.serving import Reply, serving

ALLOWED = ("http://localhost:3000", "https://book.example", "https://*.book.example", "*")
GOOD = (
    "http://localhost:3000",
    "https://book.example",
    "https://preview-7.book.example",
)
FOREIGN = (
    "null",
    "*",
    "https://evil.example",
    "http://book.example",
    "https://book.example:8443",
    "https://book.example.evil.example",
    "https://evilbook.example",
    "https://a.b.book.example",
    "https://.book.example",
    "https://-.book.example",
    "https://evil.example#.book.example",
    "https://evil.example/.book.example",
    "https://x.book.example\x80",
    "https://x.bookxexample",
    "http://localhost:30000",
    "HTTPS://BOOK.EXAMPLE",
    "",
)
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


def cors_headers(reply: Reply) -> set[str]:
    return {name.lower() for name in reply.headers if name.lower().startswith("access-control-")}


def container() -> FakeContainer:
    return FakeContainer(cors_allowed_origins=ALLOWED)


async def test_frontends_may_call_and_read() -> None:
    async with serving(container()) as site:
        for origin in GOOD:
            asked = await site.ask("OPTIONS", "/chat", headers={"origin": origin, **PREFLIGHT})
            assert asked.status == 200
            assert asked.headers["access-control-allow-origin"] == origin
            assert asked.headers["access-control-allow-credentials"] == "true"
            assert asked.headers["x-request-id"]
            methods = asked.headers["access-control-allow-methods"].split(", ")
            assert methods == ["GET", "POST", "PATCH", "DELETE", "OPTIONS"]
            reply = await site.ask(
                "POST", "/chat", json={"query": "Why?"}, headers={"origin": origin}
            )
            assert reply.headers["access-control-allow-origin"] == origin
            exposed = reply.headers["access-control-expose-headers"].split(", ")
            assert exposed == ["set-auth-token", "x-request-id", "retry-after", "x-retry-after"]
            assert "Origin" in reply.headers["vary"]


async def test_foreign_origins_get_no_cors_header_at_all() -> None:
    async with serving(container()) as site:
        for origin in FOREIGN:
            asked = await site.ask("OPTIONS", "/chat", headers={"origin": origin, **PREFLIGHT})
            assert (asked.status, asked.json["code"]) == (403, "origin_not_allowed"), origin
            assert "CORS_ALLOWED_ORIGINS" in asked.json["detail"]
            reply = await site.ask("GET", "/health", headers={"origin": origin})
            assert reply.status == 200
            for either in (asked, reply):
                assert cors_headers(either) == set(), origin
                assert "Origin" in either.headers["vary"]


@pytest.mark.parametrize(
    "header",
    ["authorization", "content-type", "x-request-id", "x-admin-token", "idempotency-key"],
)
async def test_preflight_allows_each_header(header: str) -> None:
    asking = {**PREFLIGHT, "access-control-request-headers": header, "origin": GOOD[0]}
    async with serving(container()) as site:
        assert (await site.ask("OPTIONS", "/chat", headers=asking)).status == 200


@pytest.mark.parametrize(
    "change",
    [{"access-control-request-method": "PUT"}, {"access-control-request-headers": "x-other"}],
)
async def test_preflight_refuses_what_is_not_taken(change: dict[str, str]) -> None:
    async with serving(container()) as site:
        headers = {**PREFLIGHT, "origin": GOOD[0], **change}
        reply = await site.ask("OPTIONS", "/chat", headers=headers)
        assert (reply.status, reply.json["code"]) == (400, "cors_not_allowed")
        assert reply.headers["access-control-allow-origin"] == GOOD[0]


async def test_errors_carry_cors_headers() -> None:
    running = container()
    running.answering.events = [RuntimeError("boom")]
    origin = {"origin": GOOD[1]}
    async with serving(running) as site:
        big = b'{"query": "' + b"x" * 2**20 + b'"}'
        replies = {
            500: await site.ask("POST", "/chat", json={"query": "Why?"}, headers=origin),
            422: await site.ask("POST", "/chat", json={}, headers=origin),
            404: await site.ask("GET", "/nowhere", headers=origin),
            405: await site.ask("PUT", "/chat", headers=origin),
            413: await site.ask("POST", "/chat", data=big, headers=origin),
            414: await site.ask("GET", "/" + "x" * 8192, headers=origin),
            415: await site.ask("POST", "/chat", data=b"x", headers=origin),
        }
    for status, reply in replies.items():
        assert reply.status == status
        assert reply.headers["access-control-allow-origin"] == GOOD[1]
        assert reply.json["request_id"] == reply.headers["x-request-id"]
