from __future__ import annotations

import asyncio

import pytest

from backend.domain import Status
from backend.errors import NotConfigured
from backend.services.readiness import Readiness, ReadyCheck
from tests.api.fakes import FakeContainer, FakeUi
from tests.api.serving import Site, serving

TOKEN = "test-token-not-real"


async def test_root_names_the_service(site: Site) -> None:
    reply = await site.ask("GET", "/")
    assert reply.json == {
        "status": "online",
        "service": "Book Answers",
        "version": "0.1.0",
        "docs": "/docs",
        "ui": None,
    }
    assert "Accept" in reply.headers["vary"]


async def test_root_sends_browsers_to_the_ui() -> None:
    async with serving(ui=FakeUi()) as site:
        browser = await site.ask("GET", "/", headers={"accept": "text/html,*/*;q=0.8"})
        assert (browser.status, browser.headers["location"]) == (307, "/admin/")
        assert "Accept" in browser.headers["vary"]
        assert (await site.ask("GET", "/")).json["ui"] == "/admin/"
        bare = await site.ask("GET", "/admin")
        assert (bare.status, bare.headers["location"]) == (307, "/admin/")
        assert (await site.ask("GET", "/admin/x")).body == b"/admin/x"


async def test_health_answers_while_the_parts_start() -> None:
    container = FakeContainer()
    container.start_hold = asyncio.Event()
    async with serving(container) as site:
        assert (await site.ask("GET", "/health")).json == {"status": "healthy"}
        assert (await site.ask("HEAD", "/health")).status == 200
        waiting = await site.ask("GET", "/health/ready")
        assert waiting.status == 503
        assert waiting.json["checks"][0]["name"] == "startup"
        assert waiting.headers["retry-after"] == "5"
        container.start_hold.set()
        while (await site.ask("GET", "/health/ready")).status != 200:
            pass


async def test_ready_tells_of_a_start_that_failed() -> None:
    container = FakeContainer()
    container.start_error = NotConfigured("DATA_DIR cannot be written to.")
    async with serving(container) as site:
        reply = await site.ask("GET", "/health/ready")
        assert reply.status == 503
        assert reply.json["checks"][0]["detail"].startswith("The service did not start")


async def test_ready_is_503_where_nothing_can_be_answered(site: Site) -> None:
    good = await site.ask("GET", "/health/ready")
    assert (good.status, good.json["status"]) == (200, "ok")
    check = ReadyCheck("qdrant", Status.DOWN, "server", None, "No answer.")
    site.container.diagnostics.ready = Readiness(Status.DOWN, (check,))
    bad = await site.ask("GET", "/health/ready")
    assert bad.status == 503
    assert bad.json == {
        "status": "down",
        "checks": [
            {
                "name": "qdrant",
                "status": "down",
                "mode": "server",
                "latency_ms": None,
                "detail": "No answer.",
            }
        ],
    }


async def test_circuits_come_as_the_container_tells_them(site: Site) -> None:
    assert (await site.ask("GET", "/health/circuits")).json == site.container.circuits()
    assert site.container.diagnostics.refreshed == 1, "an outage shows before a question meets it"


async def test_config_is_public_until_a_token_is_set(site: Site) -> None:
    reply = await site.ask("GET", "/health/config")
    assert reply.status == 200
    assert reply.json["generated_at"] == "2026-01-31T08:15:30.250Z"
    assert site.container.diagnostics.probed == [False]


@pytest.mark.parametrize("path", ["/health/config", "/health/config?probe=true"])
async def test_config_needs_the_token_once_one_is_set(path: str) -> None:
    async with serving(FakeContainer(admin_token=TOKEN)) as site:
        assert (await site.ask("GET", path)).status == 401
        reply = await site.ask("GET", path, headers={"x-admin-token": TOKEN})
        assert reply.status == 200
        assert site.container.diagnostics.probed == ["probe" in path]


async def test_probing_is_for_admins_even_without_a_token() -> None:
    async with serving(FakeContainer(on_space=True)) as site:
        assert (await site.ask("GET", "/health/config")).status == 200
        assert (await site.ask("GET", "/health/config?probe=1")).json["code"] == "not_configured"
        assert (await site.ask("GET", "/health/config?probe=maybe")).status == 422
