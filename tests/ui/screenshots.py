"""Pictures of every tab in both themes at three widths: ``make screenshots``.

Served is the real app over the documentation (DOCS_PATH for another book) with nothing configured;
a few questions are asked first, so that there is something to see.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.async_api import async_playwright

from tests.ui.visits import BOX, SEEN, TABS

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "screenshots"
WIDTHS = {390: 844, 820: 1180, 1440: 900}
START_S = 90.0
QUESTIONS = (
    "What is a ROS 2 topic and how do nodes use it?",
    "How does Gazebo simulate physics?",
    "Which battery is best for a drone?",
    "How do I bake bread?",
)


def main() -> int:
    """Serve, look, and write ``screenshots/{tab}-{width}-{theme}.png``."""
    FOLDER.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as data:
        environ = {
            "PATH": os.environ["PATH"], "PORT": str(port), "HOST": "127.0.0.1", "DATA_DIR": data,
            "DOCS_PATH": os.environ.get("DOCS_PATH", "docs"), "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        server = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environ)
        try:
            address = f"http://localhost:{port}"
            _wait(address)
            asyncio.run(_take(f"{address}/admin/"))
        finally:
            server.terminate()
            server.wait(20)
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.name}/")
    return 0


def _wait(address: str) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/admin/status") as answer:
                ready = json.load(answer)["state"] == "ready"
        except OSError:
            ready = False
        if ready:
            break
        time.sleep(0.3)
    else:
        raise SystemExit("the page did not appear in time")
    for question in QUESTIONS:
        body = json.dumps({"query": question}).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{address}/chat", body, headers)
        with urllib.request.urlopen(request):
            pass


async def _take(address: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        for width, height in WIDTHS.items():
            for theme in ("light", "dark"):
                await _theme(browser, address, width, height, theme)
        await _readme(browser, address)
        await browser.close()


async def _readme(browser: Browser, address: str) -> None:
    """What one screen shows, small enough for the README."""
    page = await browser.new_page(viewport={"width": 1180, "height": 800})
    for tab in TABS:
        await page.goto(f"{address}?tab={tab}")
        await page.wait_for_selector(SEEN[tab])
        if tab == "chat":
            await _ask(page, 1180)
        await page.wait_for_timeout(600)
        await page.screenshot(path=FOLDER / f"readme-{tab}.png")
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
            await page.screenshot(path=FOLDER / f"welcome-{width}-{theme}.png")
            await _ask(page, width)
        await page.wait_for_timeout(600)
        await page.screenshot(path=FOLDER / f"{tab}-{width}-{theme}.png", full_page=tab != "chat")
    await context.close()


async def _ask(page: Page, width: int) -> None:
    await page.fill(BOX, QUESTIONS[0])
    await page.press(BOX, "Enter")
    await page.wait_for_selector(".ba-copy-answer")
    mark = page.locator(".ba-cite > *")
    if width > 1_000 and await mark.count():
        await mark.first.click()


if __name__ == "__main__":
    sys.exit(main())
