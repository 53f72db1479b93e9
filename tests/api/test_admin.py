"""Who may call the admin routes, route by route."""

from __future__ import annotations

import pytest

from backend.services.admin import COOKIE_NAME, AdminGate
from tests.api.fakes import RECORD, FakeContainer
from tests.api.serving import Site, serving

TOKEN = "test-token-not-real"
ROUTES = (
    ("POST", "/ingest", 202),
    ("GET", "/ingest/job-1", 200),
    ("GET", "/ingest/job-1/events", 200),
    ("GET", "/api/documents", 200),
    ("DELETE", f"/api/documents/{RECORD.id}", 200),
    ("GET", "/health/config?probe=true", 200),
)


async def statuses(site: Site, **headers: str) -> set[int]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return {(await site.ask(method, path, headers=names)).status for method, path, _ in ROUTES}


async def allowed(site: Site, **headers: str) -> bool:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    replies = [(await site.ask(m, path, headers=names)).status == ok for m, path, ok in ROUTES]
    assert len(set(replies)) == 1
    return replies[0]


async def test_token_opens_every_admin_route_in_either_header() -> None:
    async with serving(FakeContainer(admin_token=TOKEN)) as site:
        assert await statuses(site) == {401}
        assert await allowed(site, authorization=f"Bearer {TOKEN}")
        assert await allowed(site, authorization=f"bearer  {TOKEN} ")
        assert await allowed(site, x_admin_token=TOKEN)
        assert await allowed(site, authorization="Bearer hf_other", x_admin_token=TOKEN)
        assert not await allowed(site, authorization=f"Basic {TOKEN}")
        refused = await site.ask("POST", "/ingest")
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.json["code"] == "not_signed_in"


async def test_wrong_tokens_lock_the_address_out() -> None:
    async with serving(FakeContainer(admin_token=TOKEN)) as site:
        wrong = {"x-admin-token": "wrong", "x-forwarded-for": "9.9.9.9"}
        for _ in range(10):
            assert (await site.ask("POST", "/ingest", headers=wrong)).status == 401
        right = {"x-admin-token": TOKEN}
        spoofed = {**right, "x-forwarded-for": "1.2.3.4, 9.9.9.9"}
        locked = await site.ask("POST", "/ingest", headers=spoofed)
        assert locked.status == 429
        assert int(locked.headers["retry-after"]) > 800
        assert (await site.ask("POST", "/ingest", headers=right)).status == 202


async def test_cookie_opens_from_our_own_pages_only() -> None:
    gate = AdminGate(TOKEN, on_space=True)
    container = FakeContainer(
        admin_token=TOKEN, on_space=True, cors_allowed_origins=("https://book.example",)
    )
    cookie = f"{COOKIE_NAME}={gate.issue_cookie()}"
    async with serving(container, gate=gate) as site:
        assert await allowed(site, cookie=cookie)
        assert await allowed(site, cookie=cookie, origin=f"http://127.0.0.1:{site.port}")
        assert await allowed(site, cookie=cookie, origin="https://book.example")
        assert await statuses(site, cookie=cookie, origin="https://evil.example") == {403}
        assert await statuses(site, cookie=cookie, origin="null") == {403}
        assert await statuses(site, cookie=cookie[:-1] + "0") == {401}
        posted = {"cookie": cookie, "sec-fetch-site": "cross-site"}
        assert (await site.ask("POST", "/ingest", headers=posted)).status == 403


async def test_without_a_token_this_machine_may(site: Site) -> None:
    assert await allowed(site)
    assert await allowed(site, host=f"localhost:{site.port}")
    assert await allowed(site, origin="http://localhost:3000")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_forwarded_for": "127.0.0.1"},
        {"x_forwarded_for": "9.9.9.9"},
        {"forwarded": "for=127.0.0.1"},
        {"x_real_ip": "127.0.0.1"},
        {"host": "rebound.example"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
async def test_without_a_token_others_may_not(site: Site, headers: dict[str, str]) -> None:
    assert await statuses(site, **headers) == {403}
    assert (
        "ADMIN_TOKEN"
        in (await site.ask("POST", "/ingest", headers={"host": "rebound.example"})).json["detail"]
    )
    assert site.container.ingestion.started == 0


async def test_without_a_token_a_space_is_shut_to_everybody() -> None:
    async with serving(FakeContainer(on_space=True)) as site:
        assert await statuses(site) == {503}
        reply = await site.ask("POST", "/ingest")
        assert reply.json["code"] == "not_configured"
        assert "ADMIN_TOKEN" in reply.json["detail"]
        assert reply.headers["retry-after"] == "300"
