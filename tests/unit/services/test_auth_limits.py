from __future__ import annotations

import pytest

from backend.errors import RateLimited
from backend.services import auth_limits
from backend.services.auth_limits import AuthLimits


def outcomes(limits: AuthLimits, count: int, address: str, path: str) -> list[bool]:
    done = []
    for _ in range(count):
        try:
            limits.admit(address, path)
            done.append(True)
        except RateLimited:
            done.append(False)
    return done


def test_routes_with_passwords_are_strict() -> None:
    limits = AuthLimits(clock=lambda: 0.0)
    assert outcomes(limits, 4, "a", "/sign-in/email") == [True] * 3 + [False]
    assert outcomes(limits, 101, "a", "/get-session") == [True] * 100 + [False]
    assert outcomes(limits, 1, "b", "/sign-in/email") == [True]


def test_refusal_says_how_long_to_wait() -> None:
    now = 0.0
    limits = AuthLimits(clock=lambda: now)
    outcomes(limits, 3, "a", "/sign-up")
    now = 3.5
    with pytest.raises(RateLimited) as caught:
        limits.admit("a", "/sign-up")
    assert caught.value.retry_after_s == 7
    now = 10.0
    limits.admit("a", "/sign-up")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth_limits, "MAX_ENTRIES", 10)
    limits = AuthLimits(clock=lambda: 0.0)
    for number in range(100):
        limits.admit(str(number), "/get-session")
    assert len(limits._counts) == 10
