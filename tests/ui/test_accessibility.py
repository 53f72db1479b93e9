"""axe-core on every tab, light and dark; and what a keyboard and a right-to-left reader need."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import serving_ui
from tests.ui.fakes import ADMIN_TOKEN, FakeContainer
from tests.ui.visits import BOX, TABS, visiting

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
    .filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => found.id + ": " + found.nodes.slice(0, 5).map(
        node => node.target.join(" ") + " " + node.html.slice(0, 160)
            + " " + (node.failureSummary || "").slice(0, 260)).join(" | "))"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker, installed as its lock file says."""
    if not AXE.is_file():
        npm = ["npm", "ci", "--silent", "--no-progress"]
        if subprocess.run(npm, cwd=HERE, capture_output=True, timeout=110).returncode:
            pytest.skip("axe-core could not be installed: npm has no way out")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving_ui(FakeContainer()) as page:
        yield page


async def violations(page: Page, axe: str) -> list[str]:
    await page.evaluate(f"{axe}; undefined")  # by the debugger: the page's policy lets no script in
    found: list[str] = await page.evaluate(RUN)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_no_tab_has_a_serious_violation(
    browser: Browser, address: str, axe: str, dark: bool
) -> None:
    async with visiting(browser, address, dark=dark) as visit:
        page = visit.page
        await page.wait_for_selector(".example")
        found = {"empty chat": await violations(page, axe)}
        await visit.ask("extractive, how does a node publish?")
        await visit.answered()
        await page.click(".ba-sources summary")
        await page.click("#ba-reader > button")
        await page.locator(".ba-cite > *").first.click()
        await page.click(".ba-up")
        await page.wait_for_selector("#ba-rating:visible")
        found["chat"] = await violations(page, axe)
        await page.keyboard.press("Escape")
        for tab in TABS[1:]:
            await visit.open(tab)
            if tab == "knowledge":
                await page.click("button[value^=chunks]")
                await page.get_by_label("Question or words").fill("nodes")
                await page.click("#ba-search")
                await page.wait_for_selector(".ba-chunks li")
                await page.wait_for_selector(".ba-found tbody tr")
            found[tab] = await violations(page, axe)
    assert {tab: what for tab, what in found.items() if what} == {}


async def test_the_sign_in_page_has_no_serious_violation(browser: Browser, axe: str) -> None:
    with serving_ui(FakeContainer({"ADMIN_TOKEN": ADMIN_TOKEN})) as address:
        async with visiting(browser, address) as visit:
            await visit.page.wait_for_selector("#token")
            assert await violations(visit.page, axe) == []


async def test_a_keyboard_alone_asks_and_opens_a_passage(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await page.focus(BOX)
        await page.keyboard.type("How does a node publish?")
        await page.keyboard.press("Enter")
        await visit.answered()
        await page.locator(".ba-cite > *").first.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#ba-aside:focus")
        await page.keyboard.press("Escape")
        assert await page.evaluate("document.activeElement.closest('.ba-cite') !== null")


async def test_an_answer_in_urdu_reads_from_right_to_left(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        await visit.ask("urdu please")
        await visit.answered()
        direction = "e => getComputedStyle(e).direction"
        part = visit.page.locator("#ba-chat .bot-row .md").first
        assert await part.evaluate(direction) == "rtl"
        assert await visit.page.locator(".ba-foot").evaluate(direction) == "ltr"
