"""Signing in and out, and what happens to those who guess."""

from __future__ import annotations

from backend.services.admin import COOKIE_NAME
from tests.unit.ui.asgi import call, scope_of
from tests.unit.ui.house import PAGE, TOKEN, House


async def test_a_browser_is_sent_to_the_sign_in_page() -> None:
    house = House()

    reply = await house.get(headers=PAGE)
    form = await house.get("/login", headers=PAGE)

    assert (reply.status, reply.header("location")) == (303, "login")
    assert form.status == 200
    assert "The &lt;Book&gt;" in form.text


async def test_sign_in_gives_a_cookie_that_opens() -> None:
    house = House()

    reply = await house.login(TOKEN, headers={"origin": "http://localhost:7860"})
    cookie = (reply.header("set-cookie") or "").partition(";")[0]

    assert (reply.status, reply.header("location")) == (303, "./")
    assert TOKEN not in cookie
    assert (await house.get(headers={"cookie": cookie})).text == "inside"
    house.clock.now += 13 * 3600
    assert (await house.get(headers={"cookie": cookie})).status == 401


async def test_the_cookie_works_in_a_foreign_frame_over_https_and_stays_home_over_http() -> None:
    house = House()

    framed = await house.login(TOKEN, headers={"x-forwarded-proto": "https"})
    plain = await house.login(TOKEN)

    attributes = (framed.header("set-cookie") or "").split("; ")[1:]
    assert {"HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/"} <= set(attributes)
    attributes = (plain.header("set-cookie") or "").split("; ")[1:]
    assert {"HttpOnly", "Path=/"} <= set(attributes)
    assert not {"Secure", "SameSite=None"} & set(attributes)


async def test_signing_out_removes_the_cookie_and_needs_a_form() -> None:
    house = House()
    headers = {**house.cookie, "x-forwarded-proto": "https"}

    linked = await house.get("/logout", headers=headers)
    sent = await call(house.app, scope_of("POST", "/logout", headers=headers))

    assert linked.header("set-cookie") is None
    assert (sent.status, sent.header("location")) == (303, "login")
    removed = sent.header("set-cookie") or ""
    assert removed.startswith(f"{COOKIE_NAME}=;")
    assert "Max-Age=0" in removed
    assert "Partitioned" in removed


async def test_five_wrong_tokens_shut_an_address_out_for_a_minute() -> None:
    house = House()

    statuses = [(await house.login(f"wrong {n}")).status for n in range(5)]
    locked = await house.login(TOKEN)
    other = await house.login(TOKEN, client="203.0.113.9")
    house.clock.now += 59
    still = await house.login(TOKEN)
    house.clock.now += 2
    after = await house.login(TOKEN)

    assert statuses == [401, 401, 401, 401, 429]
    assert (locked.status, locked.header("retry-after")) == (429, "60")
    assert still.status == 429
    assert (other.status, after.status) == (303, 303)


async def test_wrong_tokens_in_headers_end_in_a_lockout_too() -> None:
    house = House()
    statuses = [
        (await house.get(headers={"x-admin-token": f"wrong {n}"})).status for n in range(11)
    ]

    assert statuses == [401] * 10 + [429]
    assert (await house.get(headers={"x-admin-token": TOKEN})).status == 429
    assert (await house.get(headers=house.cookie)).status == 200
