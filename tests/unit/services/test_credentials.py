from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from backend.account_ports import Session, User
from backend.services.credentials import Shown, TokenSigner, cookies_of, new_token, shown_in

NOW = datetime(2026, 11, 23, 12, 0, 0, 500000, tzinfo=UTC)
SIGNER = TokenSigner("test-secret-not-real-0123456789-abcdef")
TOKEN = "t" * 32


def test_signature_is_that_of_the_genuine_server() -> None:
    signer = TokenSigner("r7-test-secret-0123456789-abcdefghijklmnop")
    # recorded: with this secret the server signs its "do not remember me" cookie so
    assert signer.sign("true") == "true.0TAT5qcD8mxOWKFcNv0Bat+uSw3D+pl+WQM1CDgUmE8="


@pytest.mark.parametrize("spell", [lambda s: s, lambda s: quote(s, safe="")])
def test_signed_values_come_back(spell) -> None:  # type: ignore[no-untyped-def]
    assert SIGNER.unsign(spell(SIGNER.sign(TOKEN))) == TOKEN


def test_other_signatures_do_not() -> None:
    other = TokenSigner("another-secret-not-real-0123456789").sign(TOKEN)
    for text in (other, TOKEN, "", ".", f"{TOKEN}.", SIGNER.sign(TOKEN)[:-1], "é." + "=" * 44):
        assert SIGNER.unsign(text) is None


def test_bearer_comes_before_the_cookie_if_it_is_valid() -> None:
    cookie = SIGNER.cookie_value("c" * 32)
    assert SIGNER.token_in(Shown(TOKEN, cookie)) == TOKEN
    assert SIGNER.token_in(Shown("not valid!", cookie)) == "c" * 32
    assert SIGNER.token_in(Shown(None, "c" * 32)) is None  # a cookie is always signed
    assert SIGNER.token_in(Shown()) is None


def test_access_token_tells_whose_it_is_and_hides_it() -> None:
    session = Session("s1", "u1", NOW + timedelta(days=7), NOW, NOW, token=TOKEN)
    user = User("u1", "ada@x.test", "Ada", NOW, NOW, proficiency="beginner")
    access = SIGNER.make_access(session, user, TOKEN, NOW)
    assert TOKEN not in access
    shown = Shown(bearer=access)
    assert SIGNER.token_in(shown) == TOKEN
    opened = SIGNER.open_access(shown)
    assert opened is not None
    assert (opened.user.email, opened.user.proficiency) == ("ada@x.test", "beginner")
    assert opened.session.expires_at == session.expires_at
    assert opened.issued_at == NOW
    for damaged in (access[:-2], access + "AA", "acc_", access.replace("acc_", "")):
        assert SIGNER.open_access(Shown(bearer=damaged)) is None


@pytest.mark.parametrize(
    ("authorization", "bearer"),
    [
        ("Bearer x", "x"),
        ("bEaReR   x ", "x"),
        ("Bearer ", None),
        ("Bearer", None),
        ("Basic x", None),
        (None, None),
        ("Bearer " + "x" * 9_000, None),
    ],
)
def test_authorization_is_read(authorization: str | None, bearer: str | None) -> None:
    assert shown_in(authorization, None).bearer == bearer


def test_cookies_are_read() -> None:
    header = 'a=1; better-auth.session_token=x; b="2";; =; a=3; c'
    assert shown_in(None, header).cookie == "x"
    assert cookies_of(header)["a"] == "1"
    both = "better-auth.session_token=x; __Secure-better-auth.session_token=y"
    assert shown_in(None, both).cookie == "y"


def test_tokens_are_long_and_differ() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) == 32
