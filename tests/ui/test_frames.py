"""Signing in inside the Hub's frame while third-party cookies are blocked.

The browser is told that the Hub and the Space live on this machine; their certificate is self-made.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from tests.ui.conftest import CHROMIUM, app_with, serving
from tests.ui.fakes import ADMIN_TOKEN, FakeContainer
from ui.mount import AdminUI

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

HUB, SPACE = "huggingface.co", "somebody-book.hf.space"
ENVIRON = {"SPACE_ID": "somebody/book", "SPACE_HOST": SPACE, "ADMIN_TOKEN": ADMIN_TOKEN}


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A key and a certificate for the two servers."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    folder: Path = tmp_path_factory.mktemp("tls")
    key, certificate = str(folder / "key.pem"), str(folder / "certificate.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", f"/CN={SPACE}", "-days", "2", "-nodes", "-keyout", key, "-out", certificate]
    subprocess.run([*command, *names], check=True, capture_output=True, timeout=30)
    return {"ssl_keyfile": key, "ssl_certfile": certificate}


def plain_cookie(request: Request) -> PlainTextResponse:
    """What came of an ordinary cookie: the control of this experiment."""
    response = PlainTextResponse(request.cookies.get("plain", "blocked"))
    response.set_cookie("plain", "came back", secure=True, samesite="none")
    return response


@pytest.fixture(scope="module")
def space(tls: dict[str, Any]) -> Iterator[str]:
    app = app_with(AdminUI(FakeContainer(ENVIRON)))  # type: ignore[arg-type]
    app.add_route("/plain", plain_cookie)
    with serving(app, **tls) as address:
        yield address


@pytest.fixture(scope="module")
def hub(tls: dict[str, Any]) -> Iterator[str]:
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(
            f'<iframe width="1000" height="700" src="https://{SPACE}{request.url.path}"></iframe>'
        )

    with serving(Starlette(routes=[Route("/{path:path}", page)]), **tls) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def strict(hub: str, space: str) -> AsyncIterator[Browser]:
    """Chromium without third-party cookies, to which both hosts are on this machine."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    from playwright.async_api import async_playwright

    ports = {HUB: urlsplit(hub).port, SPACE: urlsplit(space).port}
    rules = ",".join(f"MAP {host}:443 127.0.0.1:{port}" for host, port in ports.items())
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[f"--host-resolver-rules={rules}", "--test-third-party-cookie-phaseout"],
        )
        yield browser
        await browser.close()


async def test_signing_in_works_in_the_frame_of_the_hub(strict: Browser) -> None:
    context = await strict.new_context(ignore_https_errors=True)
    page = await context.new_page()
    for _ in range(2):
        await page.goto(f"https://{HUB}/plain")
        control = page.frame_locator("iframe").locator("body")
        await control.wait_for()
    assert await control.inner_text() == "blocked"

    await page.goto(f"https://{HUB}/admin/")
    frame = page.frame_locator("iframe")
    await frame.locator("#token").fill(ADMIN_TOKEN)
    await frame.locator("button[type=submit]").click()
    await frame.locator(".ba-badge").wait_for()
    await frame.locator("#ba-question textarea").fill("How does a node publish?")
    await frame.locator("#ba-question textarea").press("Enter")
    await frame.locator(".ba-copy-answer").wait_for()
    cookie = next(each for each in await context.cookies() if each["name"] == "book_admin")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "None")
    assert cookie.get("partitionKey")
    await context.close()


async def test_no_other_site_may_frame_the_page(strict: Browser) -> None:
    context = await strict.new_context(ignore_https_errors=True)
    page = await context.new_page()
    framing = f'<iframe src="https://{SPACE}/admin/login"></iframe>'
    await page.route(
        "https://evil.example/", lambda route: route.fulfill(body=framing, content_type="text/html")
    )
    await page.goto("https://evil.example/")
    await page.frame_locator("iframe").locator("body.neterror").wait_for(state="attached")
    assert await page.frame_locator("iframe").locator("#token").count() == 0
    assert page.frames[1].url.startswith("chrome-error:")
    await context.close()
