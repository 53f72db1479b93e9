"""Probes on a guard whose circuit is open, half open and closed again."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from backend import probes
from backend.domain import Status
from backend.errors import UpstreamRefused
from backend.probes import CHAT_NAMES, database_probe, model_probe
from backend.resilience import Policy
from tests.unit.fake_time import World

URL = SecretStr("postgresql://u@db.example/d")
OPEN_S = 4.0


class Server:
    """The port that probes connect to, and what its pings find."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.there = True
        self.pings = 0
        monkeypatch.setattr(probes, "connect", self.connect)

    async def connect(self, url: str, upstream: str, variable: str) -> None:
        if not self.there:
            raise UpstreamRefused(upstream, "Nobody listens there.")

    async def ping(self) -> str | None:
        self.pings += 1
        return None


POLICY = Policy(failure_threshold=2, open_s=OPEN_S)


async def test_light_probe_lets_sleep_and_makes_the_trial_of_a_half_open_circuit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server = World(), Server(monkeypatch)
    circuit = world.guard(POLICY)
    probe = database_probe(lambda: circuit.call(server.ping), circuit, URL)
    assert probe.light is not None
    assert (await probe.light()).status is Status.OK
    assert server.pings == 0, "a database that sleeps is not woken"
    server.there = False
    for _ in range(2):
        with pytest.raises(UpstreamRefused):
            await probe.light()
    server.there = True
    assert (await probe.light()).status is Status.DOWN, "left alone for a moment"
    world.now += OPEN_S
    assert (await probe.light()).status is Status.OK, "without any question before"
    assert server.pings == 1
    assert circuit.snapshot()["state"] == "closed"


async def test_light_probe_of_a_model_leaves_the_trial_to_a_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server = World(), Server(monkeypatch)
    circuit = world.guard(POLICY)
    probe = model_probe(
        "openai", circuit, CHAT_NAMES, base_url="http://model.example", api_key=None, model="m"
    )
    assert probe.light is not None
    server.there = False
    for _ in range(2):
        with pytest.raises(UpstreamRefused):
            await probe.light()
    server.there = True
    world.now += OPEN_S
    check = await probe.light()
    assert (check.status, check.problem is not None) == (Status.DEGRADED, True)


def test_only_a_database_that_was_configured_is_essential() -> None:
    circuit = World().guard()
    ping = Server.ping
    assert database_probe(ping, circuit, URL).essential
    assert not database_probe(ping, circuit, None).essential
