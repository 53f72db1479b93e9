"""The calls of the existing frontend in Chromium, from another site, against the whole product."""

# ruff: noqa: F401, F811  fixtures are imported, then named as arguments
from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.api.auth_app import unlimited
from tests.api.auth_server import CLIENTS
from tests.clients.pages import site
from tests.doubles.openai import OpenAIDouble
from tests.doubles.openai_replies import grounded_reply
from tests.e2e.product import product, write_book
from tests.postgres import PostgresServer, postgres_server
from tests.ui.conftest import browser

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "test-secret-not-real-0123456789-abcdef"
PASSWORD = "Corr3ct-horse-battery"
ADA = {"email": "ada@example.test", "name": "Ada", "password": PASSWORD, "proficiency": "beginner"}
URDU = "روبوٹ کو روکیں۔"


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    pages = {
        "/index.html": (CLIENTS / "frontend.html").read_bytes(),
        "/frontend.js": (CLIENTS / "frontend.js").read_bytes(),
    }
    with site(pages) as origin:
        yield origin


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A database of one's own: it is stopped and started."""
    with postgres_server() as server:
        yield server


def reply(messages: list[dict[str, Any]]) -> str:
    """A quote where passages came along; else it is a text to rewrite."""
    quoted = grounded_reply(messages)
    return URDU if quoted.startswith("You said: ") else quoted


class Visit:
    """The page, and everything on it that must not happen."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.trouble: list[str] = []
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("console", lambda said: self._said(said.type, said.text))

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "the server responded with a status" not in text:
            self.trouble.append(text)

    async def load(self) -> None:
        """Open the page anew, until both providers are through."""
        await self.page.goto(self.address)
        signed_in = "localStorage.getItem('auth_token') ? 2 : 0"
        wanted = await self.page.evaluate(signed_in)
        await self.page.wait_for_function("wanted => window.calls >= wanted", arg=wanted)

    async def do(self, function: str, *arguments: Any) -> Any:
        script = "([name, ...all]) => window[name](...all)"
        return await self.page.evaluate(script, [function, *arguments])

    async def shows(self, place: str) -> str:
        return await self.page.locator(f"#{place}").text_content() or ""

    async def signed_in(self) -> bool:
        return bool(await self.page.evaluate("localStorage.getItem('auth_token')"))


@pytest_asyncio.fixture(loop_scope="module")
async def visit(
    browser: Browser, origin: str, server: PostgresServer, tmp_path: Path
) -> AsyncIterator[Visit]:
    """A first visit; the product runs on PostgreSQL and a model that quotes or translates."""
    async with OpenAIDouble() as openai:
        openai.reply = reply
        running = product(
            write_book(tmp_path / "docs"),
            tmp_path / "data",
            OPENAI_API_KEY="test-key-not-real",
            OPENAI_BASE_URL=openai.base_url,
            NEON_API_KEY=server.dsn(server.database()),
            BETTER_AUTH_SECRET=SECRET,
            CORS_ALLOWED_ORIGINS=origin,
        )
        async with running as service:
            # a test types faster than the three tries in ten seconds that one address has
            (await service.container.open_accounts()).limits = unlimited()
            context = await browser.new_context()
            try:
                address = f"{origin}/?api=http://127.0.0.1:{service.port}"
                visit = Visit(await context.new_page(), address)
                await visit.load()
                yield visit
                assert await context.cookies() == []  # it sends and keeps none
            finally:
                await context.close()
    assert visit.trouble == []


async def test_reader_registers_signs_in_and_stays_signed_in(visit: Visit) -> None:
    await visit.do("signUp", {**ADA, "password": "short"})
    assert (await visit.shows("error"), await visit.signed_in()) == ("Password too short", False)
    await visit.do("signUp", {**ADA, "email": "no address"})
    assert await visit.shows("error") not in ("", "Registration failed")
    await visit.do("signUp", ADA)
    assert (await visit.shows("error"), await visit.shows("reader")) == ("", "Ada")
    await visit.load()
    assert (await visit.shows("reader"), await visit.shows("profile")) == ("Ada", "Not set")
    assert await visit.page.locator("#reader").get_attribute("data-level") == "beginner"

    await visit.do("saveProfile", {"technical_background": "C", "hardware_access": "a laptop",
                                   "learning_goals": "walking robots"})  # fmt: skip
    await visit.load()
    assert (await visit.shows("profile"), await visit.shows("error")) == ("walking robots", "")

    await visit.do("logOut")
    await visit.load()
    assert (await visit.shows("reader"), await visit.signed_in()) == ("", False)
    await visit.do("signUp", ADA)
    assert "already exists" in await visit.shows("error")
    await visit.do("signIn", {"email": ADA["email"], "password": "wrong-password"})
    assert await visit.shows("error") == "Invalid email or password"
    await visit.do("signIn", {"email": ADA["email"], "password": PASSWORD})
    assert (await visit.shows("reader"), await visit.shows("error")) == ("Ada", "")


async def test_register_page_sends_no_level(visit: Visit) -> None:
    await visit.do("signUp", {name: ADA[name] for name in ("email", "name", "password")})
    assert (await visit.shows("reader"), await visit.shows("error")) == ("Ada", "")
    assert await visit.page.locator("#reader").get_attribute("data-level") == "pro"


async def test_reader_chats_and_finds_the_conversation_again(visit: Visit) -> None:
    await visit.do("signUp", ADA)
    await visit.do("openChat")
    await visit.do("ask", "What is a topic?")
    await visit.do("ask", "How do I stop a node?", "node.destroy_node()")
    said = await visit.page.locator("#chat .assistant").all_inner_texts()
    assert len(said) == 2
    assert "Topics [1]" in said[0]
    assert not any("rror" in text for text in said)

    await visit.load()
    await visit.do("openChat")
    opened = await visit.shows("opened")
    assert opened.startswith("What is a topic?\nuser: What is a topic? []\nassistant: ")
    assert "Topics" in opened
    await visit.do("ask", "What is the default history depth of a topic?")
    assert await visit.do("listSessions") is False
    rows = visit.page.locator("#sessions li")
    assert await rows.all_inner_texts() == ["What is a topic? (6)"]
    first = await rows.first.get_attribute("id")

    await visit.do("newChat")
    await visit.do("ask", "What is a node?")
    await visit.do("listSessions")
    assert await rows.all_inner_texts() == ["What is a node? (2)", "What is a topic? (6)"]
    assert await visit.do("renameSession", first, "Topics") is True
    assert "How do I stop a node?" in await visit.do("exportSession", first, "text")
    exported = await visit.do("exportSession", first, "json")
    assert exported["session"]["title"] == "Topics"
    assert len(exported["messages"]) == 6
    assert await visit.do("deleteSession", first) is True
    await visit.do("openSession", first)
    assert await visit.shows("error") == "Session not found"
    assert await visit.do("clearHistory")
    await visit.do("listSessions")
    assert await rows.all_inner_texts() == []


async def test_second_page_of_the_history_is_offered_when_ten_rows_came(visit: Visit) -> None:
    await visit.do("signUp", ADA)
    for number in range(11):
        await visit.do("newChat")
        await visit.do("ask", f"What is topic {number}?")
    assert await visit.do("listSessions", 1) is True
    assert await visit.do("listSessions", 2) is False
    texts = await visit.page.locator("#sessions li").all_inner_texts()
    assert texts == ["What is topic 0? (2)"]


async def test_conversation_that_was_deleted_elsewhere_does_not_block_the_widget(
    visit: Visit,
) -> None:
    await visit.do("signUp", ADA)
    await visit.do("ask", "What is a topic?")
    await visit.do("clearHistory")
    await visit.do("ask", "What is a node?")
    await visit.do("listSessions")
    texts = await visit.page.locator("#sessions li").all_inner_texts()
    assert texts == ["What is a node? (2)"]


async def test_chapter_is_translated_and_put_on_a_level(visit: Visit) -> None:
    for path, extra, many, one in (
        ("/translate", {}, "translations", "translation"),
        ("/adjust-content", {"target_level": "beginner"}, "contents", "content"),
    ):
        await visit.load()
        await visit.do("rewrite", path, extra, many, one)
        assert await visit.page.locator("article p").all_inner_texts() == [URDU, URDU]


async def test_database_that_is_away_signs_nobody_out(visit: Visit, server: PostgresServer) -> None:
    await visit.do("signUp", ADA)
    server.stop()
    try:
        await visit.load()
        assert (await visit.shows("reader"), await visit.signed_in()) == ("Ada", True)
        await visit.do("ask", "What is a topic?")
        assert "Topics [1]" in await visit.page.locator("#chat .assistant").inner_text()
        await visit.do("saveProfile", {"learning_goals": "x"})
        assert await visit.shows("error") == "Failed"
        await visit.do("signIn", {"email": ADA["email"], "password": PASSWORD})
        assert "database" in (await visit.shows("error")).lower()
        assert await visit.signed_in()
    finally:
        server.start()
    await visit.load()
    assert (await visit.shows("reader"), await visit.signed_in()) == ("Ada", True)
