from __future__ import annotations

from typing import Any

import pytest

from backend.services.callers import client_address, is_direct_loopback


def scope(peer: str | None, *forwarded: str, name: str = "x-forwarded-for") -> dict[str, Any]:
    headers = [(name.encode(), value.encode("latin-1")) for value in forwarded]
    return {"client": None if peer is None else (peer, 1234), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("10.0.0.5", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.5", ("6.6.6.6, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.5", ("6.6.6.6", "198.51.100.1"), "198.51.100.1"),
        ("10.0.0.5", ("6.6.6.6, 198.51.100.1, 10.2.3.4, 100.64.0.1",), "198.51.100.1"),
        ("127.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("::1", ("[2001:db8:1:2:3::4]:443",), "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.5", ("::ffff:198.51.100.1",), "198.51.100.1"),
        ("2001:db8:1:2::9", (), "2001:db8:1:2::/64"),
        ("fe80::1%eth0", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.5", ("6.6.6.6, 192.168.1.7",), "6.6.6.6"),
        ("10.0.0.5", ("192.168.1.7, 192.168.1.8",), "192.168.1.8"),
        ("10.0.0.5", ("6.6.6.6, unknown",), "10.0.0.5"),
        ("10.0.0.5", ("6.6.6.6, junk, 10.0.0.6",), "10.0.0.6"),
        ("10.0.0.5", ("",), "10.0.0.5"),
        ("10.0.0.5", ("6.6.6.6," + "10.0.0.1," * 5_000,), "10.0.0.5"),
        ("127.0.0.1", (), "127.0.0.1"),
        ("::1", (), "::1"),
        (None, ("6.6.6.6",), "unknown"),
        ("testclient", (), "unknown"),
    ],
)
def test_client_address_is_the_rightmost_that_no_proxy_of_ours_has(
    peer: str | None, forwarded: tuple[str, ...], address: str
) -> None:
    assert client_address(scope(peer, *forwarded)) == address


def test_direct_loopback_is_this_machine_without_a_proxy() -> None:
    assert is_direct_loopback(scope("127.0.0.1"))
    assert is_direct_loopback(scope("::ffff:127.0.0.1"))
    assert not is_direct_loopback(scope("10.0.0.5"))
    assert not is_direct_loopback(scope(None))
    for name in ("x-forwarded-for", "forwarded", "x-real-ip"):
        assert not is_direct_loopback(scope("127.0.0.1", "127.0.0.1", name=name))
