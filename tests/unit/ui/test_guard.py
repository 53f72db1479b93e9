"""The rules of who gets past the guard."""

from __future__ import annotations

import pytest
from starlette.types import Message, Receive, Scope, Send

from backend.services.admin import COOKIE_NAME
from tests.unit.ui.asgi import call, scope_of
from tests.unit.ui.house import PAGE, TOKEN, House
from ui.access import Access
from ui.guard import CALLER, MAX_BODY_BYTES


@pytest.mark.parametrize(
    "headers", [{"authorization": f"Bearer {TOKEN}"}, {"x-admin-token": TOKEN}, "cookie"]
)
async def test_each_credential_opens(headers: dict[str, str] | str) -> None:
    house = House()
    sent = house.cookie if isinstance(headers, str) else headers

    reply = await house.get(headers=sent, client="203.0.113.9")

    assert (reply.status, reply.text) == (200, "inside")
    assert house.inner.scopes[0][CALLER].access is Access.ADMIN


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"x-admin-token": TOKEN + "x"},
        {"cookie": f"{COOKIE_NAME}=9999999999.nonce.{'0' * 64}"},
        {"cookie": f"{COOKIE_NAME}=x"},
        {"x-forwarded-for": "127.0.0.1"},
    ],
)
async def test_nothing_opens_without_one_even_from_loopback(headers: dict[str, str]) -> None:
    house = House()

    for path in ("/", "/assets/x.js", "/gradio_api/queue/join", "/gradio_api/upload", "/nothing"):
        for method in ("GET", "POST"):
            reply = await call(house.app, scope_of(method, path, headers=headers))
            assert reply.status in (401, 429), path
    assert house.inner.scopes == []


@pytest.mark.parametrize(
    "headers", [{"x-forwarded-for": "203.0.113.9"}, {"host": "rebound.example"}]
)
async def test_without_a_token_only_this_machine_gets_in(headers: dict[str, str]) -> None:
    house = House(None)

    assert (await house.get()).text == "inside"
    assert (await house.get(client="203.0.113.9")).status == 403
    assert (await house.get(headers=headers)).status == 403
    assert house.inner.scopes[0][CALLER].access is Access.LOCAL
    assert len(house.inner.scopes) == 1


async def test_without_a_token_the_refusal_explains_how_to_open() -> None:
    reply = await House(None).get(client="203.0.113.9", headers=PAGE)

    assert reply.status == 403
    assert "Set <code>ADMIN_TOKEN</code>" in reply.text


async def test_a_space_without_a_token_is_open_to_visitors_but_not_to_all_routes() -> None:
    house = House(None, on_space=True)

    reply = await house.get(client="203.0.113.9", headers={"host": "a-b.hf.space"})
    upload = await call(house.app, scope_of("POST", "/gradio_api/upload", client="203.0.113.9"))

    assert reply.text == "inside"
    assert house.inner.scopes[0][CALLER].access is Access.VISITOR
    assert not house.inner.scopes[0][CALLER].principal.is_admin
    assert upload.status == 404
    assert (await house.get("/login", headers=PAGE)).header("location") == "./"


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=C:%5Cx",
        "/gradio_api/proxy=http://169.254.169.254/",
        "/gradio_api/%2e%2e/%2e%2e/etc/passwd",
        "/gradio_api/file%3D/etc/passwd",
        "/gradio_api/upload",
        "/monitoring/summary",
        "/gradio_api/run/ask",
        "/gradio_api/call/ask",
        "/gradio_api/component_server",
        "/config",
        "/assets/..",
        "/assets/../gradio_api/upload",
        "//gradio_api/upload",
        "/%2fgradio_api/upload",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_what_the_page_does_not_need_is_not_there_even_for_an_admin(
    method: str, path: str
) -> None:
    house = House()

    reply = await call(house.app, scope_of(method, path, headers=house.cookie))

    assert reply.status == 404
    assert house.inner.scopes == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:7861"])
async def test_a_foreign_page_can_send_nothing(origin: str) -> None:
    house = House(None)
    headers = {"origin": origin}

    for path in ("/gradio_api/queue/join", "/login", "/logout"):
        reply = await call(house.app, scope_of("POST", path, headers=headers))
        assert reply.status == 403
        assert reply.header("access-control-allow-origin") is None
    preflight = {**headers, "access-control-request-method": "POST"}
    reply = await call(house.app, scope_of("OPTIONS", "/gradio_api/queue/join", headers=preflight))
    assert reply.status == 405
    assert reply.header("access-control-allow-origin") is None
    assert house.inner.scopes == []


@pytest.mark.parametrize("headers", [{"host": "x/../admin"}, {"host": "evil@localhost:7860"}])
async def test_host_cannot_change_the_decision(headers: dict[str, str]) -> None:
    house = House()

    assert (await house.get("/gradio_api/info", headers=headers)).status == 401
    assert (await call(house.app, scope_of("GET", "@evil/admin"))).status == 401


async def test_every_answer_carries_the_protecting_headers() -> None:
    house = House()
    replies = [
        await house.get(),
        await house.get("/login"),
        await house.get("/..", headers=house.cookie),
        await house.get(headers=house.cookie),
        await house.get("/assets/x.js", headers=house.cookie),
    ]

    for reply in replies:
        policy = reply.header("content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "'unsafe-eval'" not in policy
        assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy
        assert "script-src 'self' 'nonce-" in policy
        assert reply.header("x-content-type-options") == "nosniff"
        assert reply.header("referrer-policy") == "same-origin"
        assert reply.header("access-control-allow-origin") is None
    assert [reply.header("cache-control") for reply in replies[:4]] == ["no-store"] * 4
    assert replies[4].header("cache-control") == "private, max-age=31536000, immutable"
    policies = [reply.header("content-security-policy") for reply in replies]
    assert len(set(policies)) == len(policies), "a nonce was used twice"


async def test_the_mount_without_its_slash_leads_to_it_relatively() -> None:
    reply = await call(House().app, scope_of(path=""))

    assert (reply.status, reply.header("location")) == (307, "admin/")


async def test_a_large_body_is_refused_by_length_and_by_count() -> None:
    house = House()
    join = "/gradio_api/queue/join"

    declared = {**house.cookie, "content-length": str(MAX_BODY_BYTES + 1)}
    by_length = await call(house.app, scope_of("POST", join, headers=declared))
    by_count = await call(
        house.app, scope_of("POST", join, headers=house.cookie), b"x" * (MAX_BODY_BYTES + 1)
    )

    assert (by_length.status, by_count.status) == (413, 413)


async def test_streams_are_capped_per_address() -> None:
    house = House(None, on_space=True)
    second: list[int] = []

    async def holding(scope: Scope, receive: Receive, send: Send) -> None:
        if not second:
            second.append(0)
            heartbeat = scope_of(path="/gradio_api/heartbeat/b", client="203.0.113.9")
            second.append((await call(house.app, heartbeat)).status)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    house.app._app = holding
    first = await call(house.app, scope_of(path="/gradio_api/heartbeat/a", client="203.0.113.9"))
    third = await call(house.app, scope_of(path="/gradio_api/heartbeat/c", client="203.0.113.9"))

    assert (first.status, second[1], third.status) == (200, 429, 200)


async def test_sockets_are_closed_before_they_open() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    house = House(None)
    await house.app({**scope_of(), "type": "websocket"}, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1008}]
