"""A guard with what it needs, a clock that stands still, and a stand-in for Gradio behind it."""

from __future__ import annotations

from urllib.parse import urlencode

from backend.services.admin import COOKIE_NAME, AdminGate
from tests.unit.ui.asgi import Inner, Reply, call, scope_of
from ui.access import Doorman
from ui.guard import Guard
from ui.pages import Pages
from ui.throttle import Slots, Tries

TOKEN = "test-token-not-real"
PAGE = {"accept": "text/html"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A guard with what it needs."""

    def __init__(self, token: str | None = TOKEN, *, on_space: bool = False) -> None:
        self.clock = Clock()
        gate = AdminGate(token, on_space=on_space, clock=self.clock, monotonic=self.clock)
        self.gate = gate
        self.inner = Inner()
        self.app = Guard(
            self.inner,
            Doorman(gate, on_space=on_space),
            Pages("The <Book>"),
            tries=Tries(self.clock),
            slots=Slots(per_address=1, total=2),
        )

    async def get(self, path: str = "/", **scope: object) -> Reply:
        return await call(self.app, scope_of("GET", path, **scope))  # type: ignore[arg-type]

    async def login(self, token: str, **scope: object) -> Reply:
        body = urlencode({"token": token}).encode()
        return await call(self.app, scope_of("POST", "/login", **scope), body)  # type: ignore[arg-type]

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"{COOKIE_NAME}={self.gate.issue_cookie()}"}
