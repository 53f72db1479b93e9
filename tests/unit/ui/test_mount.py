"""The page before, instead of and after Gradio; what stands for Gradio here is a small app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from tests.ui.fakes import FakeContainer
from tests.unit.ui.asgi import Reply, call, scope_of
from ui.mount import AdminUI, State

PAGE = """\
<!doctype html><html><head>
<meta property="og:title" content="Gradio" />
<link rel="manifest" href="/manifest.json" />
<script>window.gradio_config = {"root": "http://inside"};</script>
<script type="module" src="x"></script>
</head><body></body></html>"""


class Building:
    """Builds an app when told to, or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.go = asyncio.Event()
        self.fails = fails
        self.alive = False
        self.loop = asyncio.get_running_loop()

    async def __call__(self, *_: Any) -> FastAPI:
        while not self.go.is_set():
            await asyncio.sleep(0.001)
        if self.fails:
            raise ImportError("No module named 'gradio': /somewhere/secret")

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            assert asyncio.get_running_loop() is self.loop
            self.alive = True
            yield
            self.alive = False

        app = FastAPI(lifespan=lifespan)

        @app.get("/admin/")
        def page(request: Request) -> HTMLResponse:
            assert "accept-encoding" not in request.headers
            assert "x-forwarded-host" not in request.headers
            return HTMLResponse(PAGE)

        @app.get("/admin/gradio_api/info")
        def info(request: Request) -> dict[str, Any]:
            return {"url": str(request.url), "root": request.scope["root_path"]}

        return app


@pytest.fixture
async def building() -> Building:
    return Building()


async def opened(ui: AdminUI, path: str = "/", **headers: str) -> Reply:
    return await call(ui.asgi, scope_of(path=path, headers=headers))


async def test_the_page_loads_then_turns_into_the_ui_and_ends(building: Building) -> None:
    ui = AdminUI(FakeContainer(), build=building)
    await ui.start()

    loading = await opened(ui)
    early = await opened(ui, "/gradio_api/info")
    status = await opened(ui, "/status")

    assert (loading.status, status.text) == (200, '{"state":"loading"}')
    assert '<meta http-equiv="refresh"' in loading.text
    nonce = (loading.header("content-security-policy") or "").split("'nonce-")[1].split("'")[0]
    assert f'<script nonce="{nonce}">' in loading.text
    assert (early.status, early.header("retry-after")) == (503, "2")
    building.go.set()
    assert await ui.settled() is State.READY
    assert (await opened(ui, "/status")).text == '{"state":"ready"}'
    assert building.alive
    await ui.aclose()
    assert not building.alive
    assert ui.state is State.LOADING


async def test_gradios_page_is_made_ours(building: Building) -> None:
    ui = AdminUI(FakeContainer({"BOOK_TITLE": "The <Book>"}), build=building)
    building.go.set()
    await ui.start()
    await ui.settled()

    headers = {"accept-encoding": "br", "x-forwarded-host": "evil.example"}
    page = await opened(ui, **headers)
    await ui.aclose()

    nonce = (page.header("content-security-policy") or "").split("'nonce-")[1].split("'")[0]
    assert page.text.count("<script") == page.text.count(f'<script nonce="{nonce}"') == 4
    assert "<title>The &lt;Book&gt;</title>" in page.text
    assert "gradio_config.root = location.origin" in page.text
    assert "og:title" not in page.text
    assert "manifest" not in page.text


async def test_gradio_sees_its_own_mount_wherever_it_is(building: Building) -> None:
    ui = AdminUI(FakeContainer(), build=building)
    building.go.set()
    await ui.start()
    await ui.settled()

    scope = scope_of(path="/gradio_api/info", mount="/spaces/x/ui")
    reply = await call(ui.asgi, scope)
    await ui.aclose()

    assert reply.text == '{"url":"http://localhost:7860/admin/gradio_api/info","root":""}'


async def test_a_ui_that_cannot_be_built_says_so_and_nothing_of_the_reason() -> None:
    building = Building(fails=True)
    building.go.set()
    ui = AdminUI(FakeContainer(), build=building)
    await ui.start()

    assert await ui.settled() is State.FAILED
    page = await opened(ui)
    other = await opened(ui, "/gradio_api/info")
    await ui.aclose()

    assert page.status == 200
    assert "the API answers as usual" in page.text
    assert other.status == 503
    assert "secret" not in page.text + other.text


async def test_closing_while_it_is_built_does_not_wait(building: Building) -> None:
    ui = AdminUI(FakeContainer(), build=building)
    await ui.start()
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await ui.aclose()
    building.go.set()


async def test_own_files_are_served_under_names_of_their_content(building: Building) -> None:
    building.go.set()
    ui = AdminUI(FakeContainer(), build=building)
    await ui.start()
    await ui.settled()
    page = await opened(ui)

    links = [part.split('"')[0] for part in page.text.split('="brand/')[1:]]
    replies = {link: await opened(ui, f"/brand/{link}") for link in links}
    await ui.aclose()

    assert {link.rpartition(".")[2] for link in links} == {"css", "js", "svg"}
    assert {reply.status for reply in replies.values()} == {200}
    assert (await opened(ui, "/brand/base.css")).status == 404
