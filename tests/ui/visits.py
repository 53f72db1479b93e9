"""A page with everything that must not happen on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

BOX = "#ba-question textarea"
TABS = ("chat", "knowledge", "insights", "diagnostics")
SEEN = {
    "chat": ".example",
    "knowledge": ".ba-documents tbody tr",
    "insights": ".ba-tiles",
    "diagnostics": ".ba-summary",
}
"""What shows that a tab has its content."""


class Visit:
    """A page with everything that must not happen on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.trouble: list[str] = []
        page.on("console", lambda said: self._said(said.type, said.text))
        page.on("pageerror", lambda error: self.trouble.append(f"script: {error}"))
        page.on("request", lambda request: self._asked(request.url))
        page.on("dialog", lambda dialog: self.trouble.append(f"dialog: {dialog.message}"))

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.trouble.append(f"console: {text}")

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://localhost:", "data:", "blob:http://localhost:")):
            self.trouble.append(f"request to {url}")

    async def ask(self, question: str) -> None:
        await self.page.fill(BOX, question)
        await self.page.press(BOX, "Enter")

    async def answered(self, count: int = 1) -> None:
        await self.page.locator(".ba-copy-answer").nth(count - 1).wait_for()

    async def open(self, tab: str) -> None:
        await self.page.click(f"#ba-tab-{tab}-button")
        await self.page.wait_for_selector(SEEN[tab])


@asynccontextmanager
async def visiting(
    browser: Browser, address: str, *, width: int = 1280, dark: bool = False
) -> AsyncIterator[Visit]:
    """A visit that must go without console errors, dialogs and foreign requests."""
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if dark else "light"
    )
    visit = Visit(await context.new_page())
    try:
        await visit.page.goto(address)
        yield visit
    finally:
        await context.close()
    assert not visit.trouble, visit.trouble
