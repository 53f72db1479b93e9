"""What maintainers do on each tab, in Chromium."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from backend.domain import Check, Status
from backend.services.readiness import Probe
from tests.ui.conftest import serving_ui
from tests.ui.fakes import FakeContainer
from tests.ui.visits import SEEN, visiting

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


@pytest_asyncio.fixture(loop_scope="module")
async def ended(container: FakeContainer) -> AsyncIterator[None]:
    """Lets a job that a test has left behind come to its end."""
    yield
    container.ingestion.pause_s = 0.02
    async with asyncio.timeout(20):
        while container.ingestion.current is not None:
            await asyncio.sleep(0.02)


async def test_a_citation_opens_its_passage_beside_the_answer(
    browser: Browser, address: str
) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await visit.ask(QUESTION)
        await visit.answered()
        await page.locator(".ba-cite > *").first.click()

        assert "Source 1" in await page.inner_text("#ba-aside")
        assert "sends messages" in await page.inner_text("#ba-aside mark")
        await page.keyboard.press("Escape")
        assert not await page.is_visible("#ba-aside")
        assert len(page.context.pages) == 1


async def test_a_thumb_and_a_comment_are_kept(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    container.insights.rated.clear()
    async with visiting(browser, address) as visit:
        page = visit.page
        await visit.ask(QUESTION)
        await visit.answered()
        await page.click(".ba-down")
        await page.fill("#ba-rating textarea", "No example")
        await page.click("#ba-rating button:has-text('Send')")
        await page.wait_for_selector("text=Thank you")
        assert await page.locator(".ba-down.ba-on").count() == 1
        await visit.ask("And then?")
        await page.wait_for_selector("#ba-rating", state="hidden")
        await visit.answered(2)

    assert container.insights.rated == [("message", "down", ""), ("message", "down", "No example")]


async def test_a_question_is_asked_as_a_reader_would(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await page.click("#ba-reader > button")
        await page.get_by_label("Language").fill("Urdu")
        await page.get_by_label("Page").fill("/docs/ros2")
        await page.get_by_label("Selected text").fill("a node")
        await page.get_by_label("Level").click()
        await page.get_by_role("option", name="Beginner").click()
        await visit.ask(QUESTION)
        await visit.answered()

    asked = container.answering.questions[-1]
    assert (asked.level, asked.language) == ("beginner", "Urdu")
    assert (asked.page_url, asked.selected_text) == ("/docs/ros2", "a node")


async def test_a_tab_named_in_the_address_opens_and_stays_over_a_reload(
    browser: Browser, address: str
) -> None:
    async with visiting(browser, f"{address}?tab=knowledge") as visit:
        page = visit.page
        await page.wait_for_selector(SEEN["knowledge"])
        await visit.open("insights")
        assert page.url.endswith("?tab=insights")
        await page.reload()
        await page.wait_for_selector(SEEN["insights"])


async def test_documents_are_filtered_looked_into_and_deleted(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    async with visiting(browser, address) as visit:
        page = visit.page
        await visit.open("knowledge")
        rows = page.locator(".ba-documents tbody tr")
        assert await rows.count() == 4
        await page.get_by_label("Filter").fill("twins")
        await rows.nth(1).wait_for(state="detached")
        await page.click("button[value^=chunks]")
        await page.wait_for_selector(".ba-chunks li")
        assert "Any number <b> may listen." in await page.inner_text(".ba-chunks pre")
        await page.click(".ba-sure summary")
        await page.click(".ba-danger")
        await page.wait_for_selector("text=Deleted, with 3 chunks")
        await page.wait_for_selector("text=Nothing of that name")
    assert len(container.ingestion.deleted) == 1
    container.ingestion.deleted.clear()


async def test_the_search_inspector_shows_what_is_left_out(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        await visit.open("knowledge")
        await visit.page.get_by_label("Question or words").fill("nodes")
        await visit.page.click("#ba-search")
        found = visit.page.locator(".ba-found tbody tr")
        await found.first.wait_for()
        assert await found.count() == 2
        assert "left out" in await found.nth(1).inner_text()


@pytest.mark.usefixtures("ended")
async def test_two_maintainers_and_a_reload_follow_one_ingestion(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    container.ingestion.pause_s = 0.5
    started = len(container.ingestion.started)
    async with visiting(browser, address) as one, visiting(browser, address) as two:
        for visit in (one, two):
            await visit.open("knowledge")
        await one.page.click("#ba-ingest")
        await one.page.wait_for_selector("#ba-job progress")
        await one.page.reload()
        await one.open("knowledge")
        await one.page.wait_for_selector("#ba-job progress")
        await two.page.click("#ba-ingest")
        for visit in (one, two):
            await visit.page.wait_for_selector("#ba-job :text('Done')")
            assert "bad.md" in await visit.page.inner_text("#ba-job")
            await visit.page.wait_for_selector("#ba-cancel", state="hidden")
        # Gradio itself says, sooner or later, that the reload cut its stream
        cut = re.compile("abort|network error|connection errored", re.IGNORECASE)
        one.trouble[:] = [said for said in one.trouble if not cut.search(said)]
    assert len(container.ingestion.started) == started + 2


@pytest.mark.usefixtures("ended")
async def test_an_ingestion_is_cancelled(
    browser: Browser, address: str, container: FakeContainer
) -> None:
    container.ingestion.pause_s = 0.5
    async with visiting(browser, address) as visit:
        await visit.open("knowledge")
        await visit.page.click("#ba-ingest")
        await visit.page.click("#ba-cancel")
        await visit.page.wait_for_selector("#ba-job :text('Cancelled')")


async def test_insights_are_exported_without_formulas(browser: Browser, address: str) -> None:
    async with visiting(browser, address) as visit:
        await visit.open("insights")
        assert "Which battery lasts" in await visit.page.inner_text("#ba-insights")
        async with visit.page.expect_download() as download:
            await visit.page.click(".ba-download")
        exported = (await (await download.value).path()).read_text("utf-8-sig")
    assert exported.startswith("kind,question,count")
    assert "'=SUM(1)" in exported


async def test_the_cors_tester_says_who_may_call(browser: Browser, address: str) -> None:
    async with visiting(browser, f"{address}?tab=diagnostics") as visit:
        page = visit.page
        await page.wait_for_selector(SEEN["diagnostics"])
        for typed, said in (
            ("http://localhost:3000/docs", "may call"),
            ("evil.example", "may not"),
        ):
            await page.get_by_label("Address of a page").fill(typed)
            await page.click("#ba-cors-test")
            await page.wait_for_selector(f"#ba-verdict .ba-note:has-text('{said}')")


async def test_an_upstream_that_dies_is_seen_when_the_tab_is_opened_again(
    browser: Browser,
) -> None:
    alive = True

    async def probe() -> Check:
        return Check("database", Status.OK if alive else Status.DOWN, None if alive else "It died.")

    container = FakeContainer()
    container.diagnose(Probe("database", probe), fresh_s=0.0)
    with serving_ui(container) as address:
        async with visiting(browser, f"{address}?tab=diagnostics") as visit:
            await visit.page.wait_for_selector(".ba-summary.ba-is-ok, .ba-summary.ba-is-degraded")
            alive = False
            await visit.open("chat")
            await visit.open("diagnostics")
            await visit.page.wait_for_selector("#ba-report :text('It died.')")


async def test_a_visitor_of_a_space_sees_chat_and_diagnostics_only(browser: Browser) -> None:
    environ = {"SPACE_ID": "a/b", "SPACE_HOST": "a-b.hf.space"}
    with serving_ui(FakeContainer(environ)) as address:
        async with visiting(browser, f"{address}?tab=knowledge") as visit:
            page = visit.page
            await page.wait_for_selector(".ba-badge")
            assert await page.get_by_role("tab").all_inner_texts() == ["Chat", "Diagnostics"]
            missing = page.locator(".ba-setup")
            await missing.wait_for()
            for name in ("ADMIN_TOKEN", "BETTER_AUTH_SECRET", "OPENAI_API_KEY"):
                assert name in await missing.inner_text()
            assert await missing.locator("a").is_visible(), "all of it stands in the first screen"
            await missing.locator("a").click()
            await page.wait_for_selector(SEEN["diagnostics"])
            assert page.url.endswith("?tab=diagnostics")
            await page.click("#ba-tab-chat-button")
            await visit.ask(QUESTION)
            await visit.answered()
            assert await page.locator(".ba-why").count() == 0
            await visit.open("diagnostics")
            assert await page.get_by_text("Machine and versions").count() == 0


async def test_thirty_chats_at_the_same_time_are_all_answered(address: str) -> None:
    """As the page's client asks: one joins the queue, then listens to its own stream."""
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as page:
            shown = await page.text()
        config = json.loads(re.search(r"window\.gradio_config = (.*?);</script>", shown)[1])  # type: ignore[index]
        ask = next(each["id"] for each in config["dependencies"] if len(each["inputs"]) == 6)

        async def chat(number: int) -> str:
            me = f"chat{number}"
            data = [QUESTION, None, "", "", "", ""]
            body = {"data": data, "fn_index": ask, "session_hash": me}
            async with session.post(f"{address}gradio_api/queue/join", json=body) as joined:
                assert joined.status == 200
            stream = f"{address}gradio_api/queue/data?session_hash={me}"
            async with session.get(stream) as events:
                async for line in events.content:
                    if b"process_completed" in line:
                        return line.decode()
            return ""

        async with asyncio.timeout(60):
            ends = await asyncio.gather(*map(chat, range(30)))
    assert all('"success":true' in end for end in ends)
