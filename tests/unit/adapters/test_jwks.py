from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from backend.adapters.http import HttpTransport
from backend.adapters.jwks import HttpKeySource
from backend.errors import UpstreamError, UpstreamMalformed, UpstreamRefused
from tests.api.auth_server import free_port


class Server:
    def __init__(self) -> None:
        self.reply = web.json_response({"keys": [{"kid": "k1"}]})
        self.asked: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return self.reply


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    served = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield served, f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    made = HttpTransport()
    yield made
    await made.aclose()


async def test_keys_are_fetched_from_the_configured_address(
    server: tuple[Server, str], transport: HttpTransport
) -> None:
    served, base = server
    assert await HttpKeySource(transport, base + "/").fetch() == {"keys": [{"kid": "k1"}]}
    assert served.asked == ["/api/auth/jwks"]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (lambda: web.Response(status=404), UpstreamError),
        (lambda: web.Response(status=302, headers={"location": "/elsewhere"}), UpstreamError),
        (lambda: web.Response(text="<html>"), UpstreamMalformed),
        (lambda: web.json_response([]), UpstreamMalformed),
        (lambda: web.json_response({"keys": "none"}), UpstreamMalformed),
        (lambda: web.Response(text="[" * 400_000), UpstreamMalformed),
    ],
)
async def test_other_answers_are_outages(  # type: ignore[no-untyped-def]
    server: tuple[Server, str], transport: HttpTransport, reply, error: type[UpstreamError]
) -> None:
    served, base = server
    served.reply = reply()
    with pytest.raises(error) as caught:
        await HttpKeySource(transport, base).fetch()
    assert "BETTER_AUTH_URL" in caught.value.detail
    assert len(served.asked) == 1


async def test_nobody_there_is_an_outage(transport: HttpTransport) -> None:
    with pytest.raises(UpstreamRefused, match="BETTER_AUTH_URL"):
        await HttpKeySource(transport, f"http://127.0.0.1:{free_port()}").fetch()
