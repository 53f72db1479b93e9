"""The page in Chromium, as a person meets it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.ui.conftest import app_with, serving_ui
from tests.ui.fakes import ADMIN_TOKEN, FakeContainer
from tests.ui.visits import BOX, TABS, visiting
from ui.mount import AdminUI

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "How does a node publish?"


@pytest.fixture(scope="module")
def container() -> FakeContainer:
    return FakeContainer(pause_s=0.01)


@pytest.fixture(scope="module")
def address(container: FakeContainer) -> Iterator[str]:
    with serving_ui(container) as page:
        yield page


async def test_first_visit_chats_with_citations(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await page.wait_for_selector(".example")
        assert await page.title() == container.settings.book_title
        assert await page.text_content("#ba-header h1") == container.settings.book_title
        await visit.ask(QUESTION)
        await visit.answered()

        assert await page.input_value(BOX) == ""
        cited = page.locator(".ba-cite a").first
        assert await cited.get_attribute("href") == (
            "https://book.example/ros2/fundamentals#publishing"
        )
        sources = page.locator(".ba-sources li")
        assert await sources.count() == 2
        assert await sources.nth(0).locator("blockquote").is_visible() is False
        await sources.nth(0).locator("summary").click()
        assert await sources.nth(0).locator("blockquote").inner_text() == (
            "A publisher sends messages to a named topic.\n\n"
            "Any number of subscribers may listen <b>."
        )
        assert "scores[1]" in await page.inner_text("#ba-chat pre")
        assert "<b>hello</b>" in await page.inner_text("#ba-chat pre")
        assert "Written from the book" in await page.inner_text(".ba-mode")
        assert "1,204 tokens" in await page.inner_text(".ba-took")


async def test_an_example_and_the_history_of_the_page(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    async with visiting(browser, address) as visit:
        await visit.page.locator(".example").first.click()
        await visit.answered()
        await visit.ask("And then?")
        await visit.answered(2)

        asked = container.answering.questions[-1]
        assert asked.text == "And then?"
        assert [turn.role for turn in asked.history] == ["user", "assistant"]
        assert "ROS 2 Fundamentals" in asked.history[0].content
        await visit.page.locator(".ba-retry:visible").click()
        await visit.page.wait_for_selector("#ba-stop:visible")
        await visit.answered(2)
        assert container.answering.questions[-1] == asked
        await visit.page.click("#ba-clear")
        await visit.page.wait_for_selector(".example")


async def test_a_reload_keeps_what_was_said_and_another_tab_begins_anew(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await visit.ask(QUESTION)
        await visit.answered()
        await page.reload()
        await visit.answered()
        await page.wait_for_selector(".example", state="detached")
        await visit.ask("And then?")
        await visit.answered(2)
        assert len(container.answering.questions[-1].history) == 2

        other = await page.context.new_page()
        await other.goto(address)
        await other.wait_for_selector(".example")
        assert await other.locator(".ba-copy-answer").count() == 0
        await page.click("#ba-clear")
        await page.wait_for_selector(".example")
        await page.reload()
        await page.wait_for_selector(".example")


async def test_stop_ends_the_answer_and_the_next_one_works(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    cut = container.answering.cut
    async with visiting(browser, address) as visit:
        await visit.ask("slow please")
        await visit.page.wait_for_selector("#ba-chat .bot-row strong")
        await visit.page.click("#ba-stop")
        await visit.page.wait_for_selector("text=Stopped.")
        await visit.page.wait_for_selector("#ba-send:visible")
        async with asyncio.timeout(10):
            while container.answering.cut == cut:
                await asyncio.sleep(0.02)
        await visit.ask(QUESTION)
        await visit.answered()
        assert container.answering.questions[-1].history == ()


async def test_what_went_wrong_is_said_in_words(browser: Browser, address: str) -> None:
    said = {
        "fail now": "The model gave no answer within 20 s.",
        "bug now": "Something went wrong on our side",
        "unknown thing": "Not in the book",
        "extractive please": "The model is away: quoted instead.",
    }
    async with visiting(browser, address) as visit:
        for question, shown in said.items():
            await visit.ask(question)
            await visit.page.wait_for_selector(f"text={shown}")
            await visit.page.wait_for_selector("#ba-send:visible")
        assert "postgresql" not in await visit.page.content()


async def test_a_hostile_answer_fetches_and_runs_nothing(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        await visit.ask("hostile answer")
        await visit.answered()

        chat = visit.page.locator("#ba-chat .bot-row .md:not(:has(.ba-foot))")
        assert "evil.example" in await chat.inner_text(), "said, but not linked"
        for selector in ("img", "form", "script", "input", "svg", "a"):
            assert await chat.locator(selector).count() == 0, selector


async def test_diagnostics_show_what_to_mend_first(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await page.get_by_role("tab", name="Diagnostics").click()
        await page.wait_for_selector(".ba-summary")
        await page.click("#ba-refresh")
        await page.wait_for_selector("#ba-report :text('Nobody answers there.')")

        first = page.locator(".ba-group").first
        assert "Needs attention" in await first.inner_text()
        assert "See that the server is up." in await first.inner_text()
        rows = await page.locator(".ba-row code").all_text_contents()
        assert {"OPENAI_API_KEY", "ADMIN_TOKEN", "PORT"} <= set(rows)
        circuits = await page.inner_text(".ba-table")
        assert "tried again in 22 s" in circuits


async def test_copy_gives_the_report_as_markdown(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        await visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await visit.page.get_by_role("tab", name="Diagnostics").click()
        await visit.page.wait_for_selector(".ba-summary")
        await visit.page.click("#ba-copy-report")
        await visit.page.wait_for_selector("text=Copied")

        copied = await visit.page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("Configuration report, 2026-03-01")
        assert "| `OPENAI_API_KEY` | off |" in copied


@pytest.mark.parametrize("dark", [False, True])
async def test_a_phone_needs_no_sideways_scrolling(
    browser: Browser, address: str, dark: bool
) -> None:
    async with visiting(browser, address, width=390, dark=dark) as visit:
        page = visit.page
        await visit.ask(QUESTION)
        await visit.answered()
        await page.locator(".ba-sources summary").first.click()
        assert await page.locator("#ba-send").is_visible()
        await page.keyboard.press("Escape")
        for tab in TABS[1:]:
            await visit.open(tab)
            await page.wait_for_timeout(100)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, tab
        wide = """[...document.querySelectorAll('#ba-report *')]
            .filter(e => e.getBoundingClientRect().right > 391).length"""
        assert await page.evaluate(wide) == 0
        assert await page.evaluate("document.body.classList.contains('dark')") is dark


async def test_the_chosen_theme_stays_over_a_reload(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await page.wait_for_selector(".ba-badge")
        await page.click(".ba-theme")
        assert await page.evaluate("document.body.classList.contains('dark')")
        await page.reload()
        await page.wait_for_selector(".ba-badge")
        await page.wait_for_selector("body.dark")


async def test_the_loading_page_turns_into_the_ui(
    browser: Browser, serve: Callable[..., str]
) -> None:
    from ui.mount import build_shell

    go = asyncio.Event()

    async def late(*arguments: object) -> object:
        while not go.is_set():
            await asyncio.sleep(0.02)
        return await build_shell(*arguments)  # type: ignore[arg-type]

    ui = AdminUI(FakeContainer(), build=late)  # type: ignore[arg-type]
    async with visiting(browser, f"{serve(app_with(ui))}/admin/") as visit:
        await visit.page.wait_for_selector("text=The page is being prepared.")
        go.set()
        await visit.page.wait_for_selector(BOX)


async def test_signing_in_and_out(browser: Browser) -> None:
    with serving_ui(FakeContainer({"ADMIN_TOKEN": ADMIN_TOKEN})) as address:
        async with visiting(browser, address) as visit:
            page = visit.page
            await page.fill("#token", ADMIN_TOKEN)
            await page.click("button[type=submit]")
            await page.wait_for_selector(".ba-badge")
            assert await page.inner_text(".ba-badge") == "Signed in"
            await visit.ask(QUESTION)
            await visit.answered()
            await page.click("text=Sign out")
            await page.wait_for_selector("#token")
            assert await page.context.cookies() == []
