"""Pictures of every tab in both themes at three widths: ``make screenshots``.

Served is the real app over a small book with a model that answers from a script; a month of
questions is written into its database first, so that there is something to see. DOCS_PATH, with
OPENAI_API_KEY or without, shows another book.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from playwright.async_api import async_playwright

from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.feedback import SqlFeedback
from backend.adapters.sql.migrate import upgrade
from backend.clock import utc_now
from tests.doubles.openai import OpenAIDouble
from tests.e2e.product import write_book
from tests.ui.book import CHAPTERS, QUESTION, month, reply
from tests.ui.visits import BOX, SEEN, TABS

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "screenshots"
WIDTHS = {390: 844, 820: 1180, 1440: 900}
START_S = 90.0


async def main() -> int:
    """Serve, look, and write ``screenshots/{tab}-{width}-{theme}.png``."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with OpenAIDouble() as openai, _served(Path(folder), openai) as address:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
                for width, height in WIDTHS.items():
                    for theme in ("light", "dark"):
                        await _theme(browser, address, width, height, theme)
                await _readme(browser, address)
                await browser.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.name}/")
    return 0


@asynccontextmanager
async def _served(folder: Path, openai: OpenAIDouble) -> AsyncIterator[str]:
    """The page's address, once it is there and a month has passed."""
    openai.reply = reply
    openai.latency_s = 0.4
    chosen = {
        name: os.environ[name] for name in ("DOCS_PATH", "OPENAI_API_KEY") if name in os.environ
    }
    if not chosen:
        chosen = {
            "DOCS_PATH": str(write_book(folder / "book", CHAPTERS)),
            "OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url,
            "MODEL_PRICES": "gpt-4o-mini=0.15/0.60",
        }  # fmt: skip
    data = folder / "data"
    data.mkdir()
    await _remember(data)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environ = {
        "PATH": os.environ["PATH"], "PORT": str(port), "HOST": "127.0.0.1", "DATA_DIR": str(data),
        "LOG_LEVEL": "WARNING", **chosen,
    }  # fmt: skip
    server = await asyncio.create_subprocess_exec(sys.executable, "app.py", cwd=ROOT, env=environ)
    try:
        await _until_ready(f"http://localhost:{port}")
        yield f"http://localhost:{port}/admin/"
    finally:
        server.terminate()
        await server.wait()


async def _remember(data: Path) -> None:
    database = Database(sqlite_url(data), on_first_use=upgrade)
    await SqlFeedback(database).note(month(utc_now()))
    await database.aclose()


async def _until_ready(address: str) -> None:
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < deadline:
            try:
                async with http.get(f"{address}/admin/status") as status:
                    page = (await status.json())["state"] == "ready"
                async with http.get(f"{address}/health/ready") as health:
                    if page and health.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.3)
    raise SystemExit("the page did not appear in time")


async def _readme(browser: Browser, address: str) -> None:
    """What one screen shows, small enough for the README."""
    page = await browser.new_page()
    for tab in TABS:
        tall = tab in ("knowledge", "insights")  # they stand side by side
        await page.set_viewport_size({"width": 1180, "height": 1010 if tall else 800})
        await page.goto(f"{address}?tab={tab}")
        await page.wait_for_selector(SEEN[tab])
        if tab == "chat":
            await _ask(page, 1180)
        elif tab == "diagnostics":
            await page.locator(".ba-way > summary").first.click()
        await page.wait_for_timeout(600)
        await page.screenshot(path=FOLDER / f"readme-{tab}.png")
        if tab == "chat":
            await page.keyboard.press("Escape")
            await _explain(page)
            await page.screenshot(path=FOLDER / "readme-why.png")
    await page.close()


async def _theme(browser: Browser, address: str, width: int, height: int, theme: str) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
    )
    page = await context.new_page()
    for tab in TABS:
        await page.goto(f"{address}?tab={tab}")
        await page.wait_for_selector(SEEN[tab])
        if tab == "chat":
            await page.wait_for_timeout(300)
            await page.screenshot(path=FOLDER / f"welcome-{width}-{theme}.png")
            await _ask(page, width)
        elif tab == "knowledge":
            await page.get_by_label("Question or words").fill("quality of service")
            await page.click("#ba-search")
            await page.wait_for_selector(".ba-found tbody tr")
        await page.wait_for_timeout(600)
        await page.screenshot(path=FOLDER / f"{tab}-{width}-{theme}.png", full_page=tab != "chat")
        if tab == "chat":
            await page.keyboard.press("Escape")
            await _explain(page)
            await page.screenshot(path=FOLDER / f"why-{width}-{theme}.png")
    await context.close()


async def _explain(page: Page) -> None:
    await page.click(".ba-why > summary")
    await page.locator(".ba-why").scroll_into_view_if_needed()
    await page.wait_for_timeout(300)


async def _ask(page: Page, width: int) -> None:
    await page.fill(BOX, QUESTION)
    await page.press(BOX, "Enter")
    await page.wait_for_selector(".ba-copy-answer")
    mark = page.locator(".ba-cite > *")
    if width > 1_000 and await mark.count():
        await mark.first.click()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
