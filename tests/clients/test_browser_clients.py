"""The unmodified Better Auth clients in Chromium, on a page from another site than the service."""

# ruff: noqa: F401, F811  fixtures are imported, then named as arguments
from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.auth_server import python_server
from tests.clients.pages import bundled_clients, site
from tests.ui.conftest import browser

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(900),  # the first run installs the packages
]

PASSWORD, RENEWED = "Corr3ct-horse-battery", "An0ther-passphrase"
MODES = ("cookie", "bearer")
INDEX = b'<!doctype html><html lang="en"><title>t</title><script src="/clients.js"></script></html>'


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The page's origin, and the service's address on another site."""
    pages = {"/index.html": INDEX, "/clients.js": bundled_clients()}
    with (
        site(pages) as origin,
        python_server(tmp_path_factory.mktemp("server"), origin) as port,
    ):
        yield origin, f"http://127.0.0.1:{port}"


class Tab:
    """One tab of a browser, with a client on it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def call(self, path: str, **body: Any) -> Any:
        """What the client's method resolves to: the data. Fails where it has an error."""
        result = await self._call(path, body)
        assert result["error"] is None, (path, result["error"])
        return result["data"]

    async def fails(self, path: str, **body: Any) -> str:
        """The code of the error that the client's method resolves to."""
        return (await self._call(path, body))["error"]["code"]

    async def shows(self, name: str | None) -> None:
        """Wait until the client's own session store, which a page renders, holds this user."""
        await self.page.wait_for_function("name => window.shown === name", arg=name)

    async def finds(self, name: str | None) -> None:
        """Ask the service who is signed in, as a tab does that comes to the front."""
        found = await self.call("getSession")
        assert (found["user"]["name"] if found else None) == name

    async def _call(self, path: str, body: dict[str, Any]) -> Any:
        script = "([path, body]) => window.call(path, body)"
        return await self.page.evaluate(script, [path, body or None])


async def open_tab(
    context: BrowserContext, places: tuple[str, str], release: str, mode: str
) -> Tab:
    origin, service = places
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(origin)
    await page.evaluate("([...all]) => window.start(...all)", [service, release, mode])
    return Tab(page)


@pytest.mark.parametrize(
    ("release", "mode"), list(itertools.product(("current", "earlier"), MODES))
)
async def test_client_lives_through_an_account(
    browser: Browser, places: tuple[str, str], release: str, mode: str
) -> None:
    address = f"{release}-{mode}@example.test"
    here, there = await browser.new_context(), await browser.new_context()
    try:
        tab = await open_tab(here, places, release, mode)
        await tab.shows(None)
        signed_up = await tab.call("signUp.email", email=address, password=PASSWORD, name="Ada")
        await tab.shows("Ada")
        session = (await tab.call("getSession"))["session"]
        assert session["token"] == signed_up["token"]
        assert isinstance(session["expiresAt"], datetime)
        assert session["expiresAt"] - session["createdAt"] == timedelta(days=7)

        second = await open_tab(here, places, release, mode)
        await second.shows("Ada")
        await second.call("updateUser", name="Ada Lovelace")
        await second.shows("Ada Lovelace")
        if release == "current":  # the earlier one does not tell its other tabs
            await tab.shows("Ada Lovelace")
        await tab.finds("Ada Lovelace")

        phone = await open_tab(there, places, release, mode)
        code = await phone.fails("signIn.email", email=address, password="wrong-password")
        assert code == "INVALID_EMAIL_OR_PASSWORD"
        await phone.call("signIn.email", email=address, password=PASSWORD)
        await phone.shows("Ada Lovelace")
        assert len(await tab.call("listSessions")) == 2
        assert (
            await tab.fails("changePassword", currentPassword="wrong", newPassword=RENEWED)
            == "INVALID_PASSWORD"
        )
        changed = await tab.call(
            "changePassword",
            currentPassword=PASSWORD,
            newPassword=RENEWED,
            revokeOtherSessions=True,
        )
        assert changed["token"] != signed_up["token"]
        await phone.finds(None)
        assert (await tab.call("getSession"))["session"]["token"] == changed["token"]

        assert await tab.call("signOut") == {"success": True}
        await tab.shows(None)
        if release == "current":
            await second.shows(None)
        await second.finds(None)
        if mode != "cookie":
            await tab.page.evaluate("localStorage.removeItem('bearer')")
        assert await second.fails("signIn.email", email=address, password=PASSWORD)
        await second.call("signIn.email", email=address, password=RENEWED)
        await tab.finds("Ada Lovelace")
        await second.call("deleteUser", password=RENEWED)
        await second.shows(None)
        await tab.finds(None)
        code = await phone.fails("signIn.email", email=address, password=RENEWED)
        assert code == "INVALID_EMAIL_OR_PASSWORD"
        if mode == "bearer":
            assert await here.cookies() == []
    finally:
        await here.close()
        await there.close()


@pytest.mark.parametrize("release", ["current", "earlier"])
async def test_signed_in_reader_survives_a_reload_and_a_short_session_the_browser_only(
    browser: Browser, places: tuple[str, str], release: str
) -> None:
    context = await browser.new_context()
    try:
        tab = await open_tab(context, places, release, "cookie")
        account = {"email": f"short-{release}@example.test", "password": PASSWORD}
        await tab.call("signUp.email", name="Bob", rememberMe=False, **account)
        await tab.page.close()
        again = await open_tab(context, places, release, "cookie")
        await again.shows("Bob")
        (cookie,) = [one for one in await context.cookies() if "session_token" in one["name"]]
        assert cookie["expires"] == -1
        assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "None")
    finally:
        await context.close()


async def test_page_that_is_not_trusted_can_read_nothing_and_sign_in_nobody(
    browser: Browser, places: tuple[str, str]
) -> None:
    """Its requests fail in the browser; the cookie of the trusted page does not come along."""
    with site({"/index.html": INDEX, "/clients.js": bundled_clients()}) as foreign:
        context = await browser.new_context()
        try:
            tab = await open_tab(context, places, "current", "cookie")
            account = {"email": "target@example.test", "password": PASSWORD}
            await tab.call("signUp.email", name="Eve", **account)
            page = await context.new_page()
            await page.goto(foreign)
            blocked = """async ([url, method]) => {
                const options = {method, credentials: "include"};
                if (method === "POST") options.body = "{}";
                try { return (await fetch(url, options)).status; } catch { return "blocked"; }
            }"""
            for method, path in (
                ("GET", "/get-session"),
                ("POST", "/sign-out"),
                ("POST", "/delete-user"),
            ):
                url = f"{places[1]}/api/auth{path}"
                assert await page.evaluate(blocked, [url, method]) == "blocked"
            assert (await tab.call("getSession"))["user"]["name"] == "Eve"
        finally:
            await context.close()
