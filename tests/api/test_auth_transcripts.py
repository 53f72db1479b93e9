"""What a genuine Better Auth 1.7.25 server answered, asked of this service again.

Every status, header and field of the recording has to come back; more may. ``{{token:NAME}}`` and
its signed forms stand for the token that this service gave in the entry of that name.
"""

# ruff: noqa: F401, F811  fixtures are imported, then named as arguments
from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.services.accounts import Accounts
from backend.services.auth_limits import AuthLimits
from tests.api.auth_app import make_app
from tests.api.auth_client import Browser, Clock, accounts, clock, database

TRANSCRIPTS = Path(__file__).parent / "transcripts"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

DIFFERENCES = {
    "unknown-path": "/verify is a route of the existing frontend: 401 without a credential",
    "seed-sign-up-path": "/sign-up is a route of the existing frontend: it makes an account",
    "sign-up-no-body": "the sentence does not repeat itself",
    "xff-list": "the rightmost hop counts, so a made-up left one gives no new allowance",
}


class Replay:
    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.known: dict[str, str] = {}

    async def step(self, entry: dict[str, Any]) -> httpx.Response:
        request = json.loads(self.fill(json.dumps(entry["request"])))
        body = request.get("body")
        content = body if isinstance(body, str) else json.dumps(body)
        self.browser.cookies.clear()
        response = await self.browser.request(
            request["method"],
            request["path"],
            headers=request["headers"],
            content=None if body is None else content,
        )
        token = response.headers.get("set-auth-token")
        if token and f"token:{entry['name']}" not in self.known:
            self.learn(entry["name"], token)
        return response

    def learn(self, name: str, signed: str) -> None:
        from urllib.parse import quote

        self.known[f"token:{name}"] = signed.split(".")[0]
        self.known[f"signed:{name}"] = signed
        self.known[f"cookie:{name}"] = quote(signed, safe="")
        self.known[f"tampered:{name}"] = ("a" if signed[0] != "a" else "b") + quote(
            signed[1:], safe=""
        )

    def fill(self, text: str) -> str:
        return re.sub(r"{{(\w+:[\w-]+)}}", lambda found: self.known[found[1]], text)

    def check(self, entry: dict[str, Any], response: httpx.Response) -> None:
        expected = entry["response"]
        assert response.status_code == expected["status"], response.text
        self.check_value("body", expected["body"], response.json())
        for name, value in expected["headers"].items():
            assert response.headers.get(name) == self.fill(value), name
        cookies = response.headers.get_list("set-cookie")
        assert len(cookies) == len(expected["set_cookie"]), cookies
        for ours, theirs in zip(cookies, expected["set_cookie"], strict=True):
            if "{{dont_remember}}" in theirs:
                name, _, rest = theirs.partition("{{dont_remember}}")
                assert ours.startswith(name)
                assert ours.endswith(rest)
            else:
                assert ours == self.fill(theirs)

    def check_value(self, where: str, expected: Any, ours: Any) -> None:
        if isinstance(expected, dict):
            assert isinstance(ours, dict), where
            for name, value in expected.items():
                assert name in ours, f"{where}.{name} is missing"
                self.check_value(f"{where}.{name}", value, ours[name])
        elif isinstance(expected, list):
            assert len(ours) == len(expected), where
            for number, (ours_item, item) in enumerate(zip(ours, expected, strict=True)):
                self.check_value(f"{where}[{number}]", item, ours_item)
        elif expected == "{{date}}":
            assert DATE.fullmatch(ours), where
        elif expected == "{{id}}" or where.endswith("ipAddress"):
            assert isinstance(ours, str), where
        elif isinstance(expected, str) and expected.startswith("{{token:") and "[" in where:
            # tokens of other sessions are not kept, so a list names them by something else
            assert isinstance(ours, str), where
        elif isinstance(expected, str):
            assert ours == self.fill(expected), where
        else:
            assert ours == expected, where


def entries(name: str) -> list[dict[str, Any]]:
    loaded = json.loads((TRANSCRIPTS / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, list)
    return loaded


@pytest.mark.parametrize(
    ("transcript", "base_url"),
    [("same-site", "http://localhost:8901"), ("cross-site", "http://127.0.0.1:8904")],
)
async def test_replay_agrees_with_the_genuine_server(
    transcript: str,
    base_url: str,
    accounts: Accounts,
    clock: Clock,
) -> None:
    async with Browser(make_app(accounts), base_url=base_url) as browser:
        del browser.headers["origin"]
        browser.headers["user-agent"] = "node"
        replay = Replay(browser)
        for entry in entries(transcript):
            clock.advance(milliseconds=10)
            response = await replay.step(entry)
            if entry["name"] not in DIFFERENCES:
                try:
                    replay.check(entry, response)
                except AssertionError as error:
                    raise AssertionError(f"{entry['name']}: {error}") from error


async def test_replay_of_the_rate_limit(accounts: Accounts) -> None:
    accounts.limits = AuthLimits(clock=lambda: 0.0)
    async with Browser(make_app(accounts)) as browser:
        replay = Replay(browser)
        for entry in entries("rate-limit"):
            response = await replay.step(entry)
            if entry["name"] not in DIFFERENCES:
                replay.check(entry, response)
            else:
                assert response.status_code == 429
