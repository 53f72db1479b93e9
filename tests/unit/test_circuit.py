from __future__ import annotations

import asyncio
import datetime as datetimes
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pybreaker
import pytest

from backend.circuit import Circuit
from backend.errors import (
    CircuitOpen,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)

NEUTRAL = [
    asyncio.CancelledError(),
    UpstreamRejected("openai", "no"),
    UpstreamRateLimited("openai", "wait"),
    RuntimeError("a fault of ours"),
]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def circuit(clock: Clock, changes: list[tuple[str, str, str]]) -> Circuit:
    return Circuit(
        "openai",
        failure_threshold=3,
        open_s=30,
        clock=clock,
        now=lambda: datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC),
        on_change=lambda *change: changes.append(change),
    )


def _fail(circuit: Circuit, times: int) -> None:
    for _ in range(times):
        circuit.settle(circuit.admit(), UpstreamTimeout("openai", "slow"))


def _refusals(circuit: Circuit, calls: int) -> int:
    refused = 0
    for _ in range(calls):
        try:
            circuit.admit()
        except CircuitOpen:
            refused += 1
    return refused


def test_circuit_opens_at_the_threshold_of_consecutive_failures(circuit: Circuit) -> None:
    _fail(circuit, 2)
    circuit.settle(circuit.admit())
    _fail(circuit, 2)
    assert circuit.snapshot()["state"] == "closed"
    _fail(circuit, 1)
    with pytest.raises(CircuitOpen) as refusal:
        circuit.admit()
    assert refusal.value.retry_after_s == 30
    assert "model server" in refusal.value.detail


def test_circuit_admits_one_trial_of_fifty_and_closes_by_it(
    circuit: Circuit, clock: Clock, changes: list[tuple[str, str, str]]
) -> None:
    _fail(circuit, 3)
    clock.now += 30
    trial = circuit.admit()
    assert _refusals(circuit, 49) == 49
    circuit.settle(trial)
    assert _refusals(circuit, 50) == 0
    assert changes == [
        ("openai", "closed", "open"),
        ("openai", "open", "half_open"),
        ("openai", "half_open", "closed"),
    ]


def test_circuit_opens_anew_when_the_trial_fails(circuit: Circuit, clock: Clock) -> None:
    _fail(circuit, 3)
    clock.now += 31
    _fail(circuit, 1)
    clock.now += 29
    assert _refusals(circuit, 1) == 1
    clock.now += 1
    assert _refusals(circuit, 1) == 0


@pytest.mark.parametrize("error", NEUTRAL, ids=lambda error: type(error).__name__)
def test_neutral_outcome_neither_counts_nor_resets(circuit: Circuit, error: BaseException) -> None:
    _fail(circuit, 2)
    for _ in range(5):
        circuit.settle(circuit.admit(), error)
    assert circuit.snapshot()["failure_count"] == 2
    assert circuit.snapshot()["last_error_kind"] == "upstream_timeout"


@pytest.mark.parametrize("error", NEUTRAL, ids=lambda error: type(error).__name__)
def test_neutral_trial_frees_its_slot_and_closes_nothing(
    circuit: Circuit, clock: Clock, error: BaseException
) -> None:
    _fail(circuit, 3)
    clock.now += 30
    circuit.settle(circuit.admit(), error)
    assert circuit.snapshot()["state"] == "half_open"
    assert _refusals(circuit, 2) == 1


def test_late_outcome_of_an_older_state_is_ignored(circuit: Circuit, clock: Clock) -> None:
    early_failure, early_success = circuit.admit(), circuit.admit()
    _fail(circuit, 3)
    clock.now += 30
    trial = circuit.admit()
    circuit.settle(early_success)
    assert circuit.snapshot()["state"] == "half_open"
    circuit.settle(early_failure, UpstreamTimeout("openai", "slow"))
    assert circuit.snapshot()["state"] == "half_open"
    assert _refusals(circuit, 1) == 1, "a late outcome must not free the trial's slot"
    circuit.settle(trial)
    assert circuit.snapshot()["state"] == "closed"


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_jump_of_the_wall_clock_changes_nothing(
    circuit: Circuit, clock: Clock, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    _fail(circuit, 3)
    moved = SimpleNamespace(now=lambda zone: datetimes.datetime.now(zone) + jump)
    monkeypatch.setattr(pybreaker, "datetime", moved)
    assert _refusals(circuit, 1) == 1
    clock.now += 30
    assert _refusals(circuit, 1) == 0


def test_snapshot_has_the_shape_of_the_contract(circuit: Circuit, clock: Clock) -> None:
    assert circuit.snapshot() == {
        "state": "closed",
        "failure_count": 0,
        "failure_threshold": 3,
        "retry_after_s": None,
        "last_failure_at": None,
        "last_error_kind": None,
    }
    _fail(circuit, 3)
    clock.now += 10.5
    assert circuit.snapshot() == {
        "state": "open",
        "failure_count": 3,
        "failure_threshold": 3,
        "retry_after_s": 19.5,
        "last_failure_at": "2026-01-02T03:04:05.006Z",
        "last_error_kind": "upstream_timeout",
    }
    clock.now += 19.5
    assert circuit.snapshot()["state"] == "half_open", "its time is over, though nobody asked yet"
    assert circuit.snapshot()["retry_after_s"] == 0
