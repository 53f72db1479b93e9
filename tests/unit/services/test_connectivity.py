from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest
from pydantic import SecretStr

from backend.probes import database_probe
from backend.resilience import Guard, Policy
from backend.services.connectivity import Target, inspect


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Somebody who listens and says nothing of TLS."""

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://user:pw@api.example/v1", Target("api.example", 443, True)),
        ("http://localhost:6333", Target("localhost", 6333, False)),
        ("postgresql+psycopg2://u:p@db.example/x", Target("db.example", 5432, False)),
        ("rediss://r.example", Target("r.example", 6379, True)),
    ],
)
def test_target_of_leaves_credentials_out(url: str, target: Target) -> None:
    assert Target.of(url) == target


async def test_inspect_takes_every_step_to_an_open_port(port: int) -> None:
    steps = await inspect(Target("127.0.0.1", port, False))
    assert [(step.name, step.ok) for step in steps] == [("DNS", True), ("TCP", True)]
    assert all(step.ms >= 0 for step in steps)


async def test_inspect_stops_at_a_port_where_nobody_listens() -> None:
    steps = await inspect(Target("127.0.0.1", closed_port(), True))
    assert [(step.name, step.ok) for step in steps] == [("DNS", True), ("TCP", False)]
    assert "Nobody listens" in steps[-1].sentence


async def test_inspect_tells_a_server_without_tls(port: int) -> None:
    steps = await inspect(Target("127.0.0.1", port, True))
    assert [step.ok for step in steps] == [True, True, False]
    assert "http://" in steps[-1].sentence


async def test_inspect_tells_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror("driver text")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
    steps = await inspect(Target("nowhere.example", 443, True))
    assert [step.name for step in steps] == ["DNS"]
    assert "spelling" in steps[0].sentence
    assert "driver text" not in steps[0].sentence


@pytest.mark.parametrize(("on_space", "port", "hinted"), [
    (True, 5432, True), (True, 443, False), (False, 5432, False),
])  # fmt: skip
async def test_inspect_on_a_space_names_the_ports_that_it_lets_out(
    monkeypatch: pytest.MonkeyPatch, on_space: bool, port: int, hinted: bool
) -> None:
    async def unreachable(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(asyncio, "open_connection", unreachable)
    steps = await inspect(Target("127.0.0.1", port, False), on_space=on_space)
    assert steps[-1].sentence.startswith(f"Port {port} cannot be reached.")
    assert ("80, 443 and 8080" in steps[-1].sentence) is hinted


def test_probes_know_whether_they_run_on_a_space() -> None:
    async def ping() -> str | None:
        return None

    url = SecretStr("postgresql://u@db.example/d")
    for on_space in (True, False):
        path = database_probe(ping, Guard("database", Policy()), url, on_space=on_space).path
        assert isinstance(path, partial)
        assert path.keywords == {"on_space": on_space}
