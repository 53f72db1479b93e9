from __future__ import annotations

import hmac
import inspect

import pytest

from backend.errors import AppError, Forbidden, NotConfigured, NotSignedIn, RateLimited
from backend.services.admin import (
    COOKIE_TTL_S,
    LOCKOUT_S,
    MAX_FAILURES,
    AdminGate,
    Credentials,
    set_cookie_header,
)

TOKEN = "test-token-not-real"


class Compared:
    """Compares as the real one does, and remembers the lengths of what it was given."""

    def __init__(self) -> None:
        self.lengths: list[tuple[int, int]] = []

    def __call__(self, one: bytes, other: bytes) -> bool:
        self.lengths.append((len(one), len(other)))
        return hmac.compare_digest(one, other)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def make_gate(token: str | None = TOKEN, *, on_space: bool = False) -> tuple[AdminGate, Clock]:
    clock = Clock()
    return AdminGate(token, on_space=on_space, clock=clock, monotonic=clock), clock


@pytest.mark.parametrize(
    ("shown", "error"),
    [
        (Credentials("a", (TOKEN,)), None),
        (Credentials("a", ("hf_other", TOKEN)), None),
        (Credentials("a", (TOKEN,), own_site=False), None),
        (Credentials("a"), NotSignedIn),
        (Credentials("a", direct_loopback=True), NotSignedIn),
        (Credentials("a", (TOKEN[:-1],)), NotSignedIn),
        (Credentials("a", (TOKEN + "\x00",)), NotSignedIn),
        (Credentials("a", ("\ud800",)), NotSignedIn),
        (Credentials("a", cookie=TOKEN), NotSignedIn),
    ],
)
def test_gate_with_a_token_admits_who_shows_it(
    shown: Credentials, error: type[AppError] | None
) -> None:
    gate, _ = make_gate()
    if error is None:
        gate.admit(shown)
    else:
        with pytest.raises(error):
            gate.admit(shown)


@pytest.mark.parametrize(
    ("on_space", "shown", "error"),
    [
        (False, Credentials("127.0.0.1", direct_loopback=True), None),
        (False, Credentials("127.0.0.1"), Forbidden),
        (False, Credentials("127.0.0.1", direct_loopback=True, own_site=False), Forbidden),
        (False, Credentials("9.9.9.9", ("",)), Forbidden),
        (True, Credentials("127.0.0.1", direct_loopback=True), NotConfigured),
    ],
)
def test_gate_without_a_token_admits_this_machine_off_a_space(
    on_space: bool, shown: Credentials, error: type[AppError] | None
) -> None:
    gate, _ = make_gate(None, on_space=on_space)
    if error is None:
        gate.admit(shown)
    else:
        with pytest.raises(error, match="ADMIN_TOKEN"):
            gate.admit(shown)
    assert not gate.check_token("")
    assert not gate.check_cookie(gate.issue_cookie())


def test_cookie_is_taken_until_it_expires_and_by_every_replica() -> None:
    gate, clock = make_gate()
    other, _ = make_gate()
    cookie = gate.sign_in(TOKEN, "a")
    other.admit(Credentials("b", cookie=cookie))
    with pytest.raises(Forbidden):
        other.admit(Credentials("b", cookie=cookie, own_site=False))
    clock.now += COOKIE_TTL_S
    assert not gate.check_cookie(cookie)


def test_cookie_cannot_be_altered_or_kept_over_a_new_token() -> None:
    gate, _ = make_gate()
    cookie = gate.issue_cookie()
    expires, nonce, signature = cookie.split(".")
    altered = [
        f"{int(expires) + 1}.{nonce}.{signature}",
        f"{expires}.{nonce}x.{signature}",
        f"{expires}.{nonce}.{signature[:-1]}",
        f"{expires}.{signature}",
        f"{expires}.{nonce}.",
        "é" * 30,
        "x" * 10_000,
        "",
        ".",
    ]
    assert [value for value in altered if gate.check_cookie(value)] == []
    renewed, _ = make_gate("another-token-not-real")
    assert not renewed.check_cookie(cookie)
    assert TOKEN not in cookie


def test_wrong_tokens_lock_out_one_address_for_a_while() -> None:
    gate, clock = make_gate()
    for _ in range(MAX_FAILURES):
        with pytest.raises(NotSignedIn):
            gate.admit(Credentials("a", ("wrong",)))
    with pytest.raises(RateLimited) as locked:
        gate.sign_in(TOKEN, "a")
    assert locked.value.retry_after_s == LOCKOUT_S
    gate.admit(Credentials("b", (TOKEN,)))
    clock.now += LOCKOUT_S
    gate.admit(Credentials("a", (TOKEN,)))


def test_right_token_forgets_earlier_slips() -> None:
    gate, _ = make_gate()
    for _ in range(3):
        for _ in range(MAX_FAILURES - 1):
            with pytest.raises(NotSignedIn):
                gate.admit(Credentials("a", ("wrong",)))
        gate.admit(Credentials("a", (TOKEN,)))


def test_cookie_header_works_in_a_frame_over_https_only() -> None:
    framed = set_cookie_header("v", https=True)
    assert framed == (
        "book_admin=v; Max-Age=43200; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
    )
    assert set_cookie_header("v", https=False).endswith("HttpOnly; SameSite=Strict")


def test_every_guess_is_compared_whole_whatever_its_length() -> None:
    same = Compared()
    gate = AdminGate(TOKEN, on_space=False, same=same)
    cookie = gate.issue_cookie()
    guesses = [TOKEN[:length] for length in range(len(TOKEN))] + ["", "x" * 10_000, "\ud800"]

    assert not any(gate.check_token(guess) for guess in guesses)
    assert not any(gate.check_cookie(cookie[:length]) for length in range(1, len(cookie)))
    assert gate.check_token(TOKEN)
    assert gate.check_cookie(cookie)
    assert len(same.lengths) == len(guesses) + len(cookie) + 1, "none was answered without it"
    assert set(same.lengths) == {(32, 32)}, "what is compared tells nothing about lengths"


def test_the_comparison_is_the_one_that_takes_constant_time() -> None:
    assert inspect.signature(AdminGate).parameters["same"].default is hmac.compare_digest


def test_all_tokens_of_a_request_are_compared() -> None:
    same = Compared()
    gate = AdminGate(TOKEN, on_space=False, same=same)

    gate.admit(Credentials("a", (TOKEN, "other", "third")))

    assert len(same.lengths) == 3
