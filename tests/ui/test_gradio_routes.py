"""Every route that the installed Gradio has, against the guard, and Gradio's own lock behind it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI

from backend.services.admin import COOKIE_NAME, AdminGate
from backend.services.limits import Limits, MemoryCounters
from tests.ui.fakes import ADMIN_TOKEN, FakeContainer
from tests.unit.ui.asgi import Inner, Reply, call, scope_of
from ui.access import Doorman
from ui.guard import Guard
from ui.mount import build_shell
from ui.pages import Pages

NEEDED = {
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/assets/{path:path}"),
    ("GET", "/theme.css"),
    ("GET", "/gradio_api/app_id"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/heartbeat/{session_hash}"),
    ("GET", "/gradio_api/queue/data"),
    ("POST", "/gradio_api/queue/join"),
    ("POST", "/gradio_api/cancel"),
    ("POST", "/gradio_api/reset"),
}
SAMPLES = {"id": "a", "environment": "client", "size": "64", "ext": "ts", "page": "x"}


class Gradio:
    """The shell with Gradio in it, and a guard with nothing behind it."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.container = FakeContainer(environ)
        settings = self.container.settings
        token = settings.admin_token.get_secret_value() if settings.admin_token else None
        self.gate = AdminGate(token, on_space=settings.on_space)
        self.doorman = Doorman(self.gate, on_space=settings.on_space)
        self.inner = Inner()
        self.guard = Guard(self.inner, self.doorman, Pages("Book"))
        limits = Limits(None, MemoryCounters())
        with ThreadPoolExecutor(1) as thread:  # as in the service; also when a loop runs here
            self.shell: FastAPI = thread.submit(
                lambda: asyncio.run(build_shell(self.container, self.doorman, limits, "Book"))
            ).result()

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"{COOKIE_NAME}={self.gate.issue_cookie()}"}


@pytest.fixture(scope="module")
def locked() -> Gradio:
    """With a token set."""
    return Gradio({"ADMIN_TOKEN": ADMIN_TOKEN})


@pytest.fixture(scope="module")
def space() -> Gradio:
    """On a Space without a token."""
    return Gradio({"SPACE_ID": "a/b", "SPACE_HOST": "a-b.hf.space"})


def routes_of(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path template of every route, mounted and included ones as well."""
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(
            getattr(route, "original_router", None), "routes", None
        )
        path = prefix + getattr(route, "path", "")
        if inner:
            yield from routes_of(inner, path)
        elif getattr(route, "methods", None):
            for method in route.methods:
                yield method, path


def below_mount(gradio: Gradio) -> set[tuple[str, str]]:
    found = set(routes_of(gradio.shell.routes))
    return {
        (method, path.removeprefix("/admin"))
        for method, path in found
        if path.startswith("/admin/")
    }


def filled(template: str) -> str:
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda name: SAMPLES.get(name[1], "sample"), template)


async def ask(app: Any, method: str, path: str, **scope: Any) -> Reply:
    body = b"{}" if method == "POST" else b""
    return await call(app, scope_of(method, path, **scope), body)


def test_the_walk_finds_what_gradio_has(locked: Gradio) -> None:
    found = below_mount(locked)

    assert len({path for _, path in found}) > 35
    assert ("POST", "/gradio_api/upload") in found
    assert ("POST", "/gradio_api/queue/join") in found


async def test_no_route_answers_an_anonymous_caller(locked: Gradio) -> None:
    locked.inner.scopes.clear()

    for method, template in below_mount(locked):
        reply = await ask(locked.guard, method, filled(template))
        ours = template in ("/login", "/logout")
        assert reply.status in ((200, 303, 401) if ours else (401, 405)), (method, template)
    assert locked.inner.scopes == []


@pytest.mark.parametrize("house", ["locked", "space"])
async def test_only_the_routes_that_the_page_needs_exist(
    house: str, request: pytest.FixtureRequest
) -> None:
    gradio: Gradio = request.getfixturevalue(house)
    headers = gradio.cookie if gradio.gate.configured else {}
    passed = set()

    for method, template in below_mount(gradio):
        gradio.inner.scopes.clear()
        await ask(gradio.guard, method, filled(template), headers=headers)
        if gradio.inner.scopes:
            passed.add((method, template))

    assert passed == NEEDED


async def test_every_handler_is_refused_to_anonymous_callers_by_both_locks(locked: Gradio) -> None:
    for index in range(51):
        body = json.dumps({"fn_index": index, "session_hash": "s", "data": []}).encode()
        scope = scope_of("POST", "/gradio_api/queue/join")
        guarded = await call(locked.guard, scope, body)
        behind = {**scope_of("POST", "/admin/gradio_api/queue/join", mount="")}
        behind["headers"] = [*behind["headers"], (b"content-type", b"application/json")]
        unguarded = await call(locked.shell, behind, body)
        assert (guarded.status, unguarded.status) == (401, 401), index


async def test_a_visitor_of_a_space_reaches_nothing_that_changes_anything(space: Gradio) -> None:
    import gradio

    blocks = next(route.app for route in space.shell.routes if route.path == "/admin").get_blocks()
    handlers = {fn.fn.__qualname__.rpartition(".")[2] for fn in blocks.fns.values() if fn.fn}

    assert isinstance(blocks, gradio.Blocks)
    assert handlers == {
        "ask", "ask_example", "retry", "stop", "clear", "resume", "rate", "say", "close", "probe",
        "test", "opened", "offered",
    }  # fmt: skip
    assert {fn.api_visibility for fn in blocks.fns.values()} == {"private"}


def test_the_page_asks_nobody_else_for_anything(locked: Gradio) -> None:
    blocks = next(route.app for route in locked.shell.routes if route.path == "/admin").get_blocks()

    assert blocks.analytics_enabled is False
    assert blocks.space_id is None
    assert blocks.show_error is False
    assert blocks.allowed_paths == []
    assert "fonts.googleapis" not in blocks.theme_css
    assert not re.search(r"@import|url\([\"']?(?![\"']?data:)", blocks.theme_css)


async def test_no_foreign_origin_is_granted_anything(locked: Gradio) -> None:
    headers = [(b"host", b"book.example"), (b"origin", b"https://evil.example")]
    for method in ("GET", "OPTIONS"):
        scope = scope_of(method, "/admin/gradio_api/info", mount="")
        asked = [*headers, (b"access-control-request-method", b"GET")]
        reply = await call(locked.shell, {**scope, "headers": asked})
        assert reply.header("access-control-allow-origin") is None
