"""Who is at the other end of a connection, as far as its address tells.

Behind a proxy the peer is the proxy, and ``X-Forwarded-For`` is a list to which each proxy appends
what it saw: only its right end was written by somebody we trust. So the client is the rightmost hop
that is not itself a proxy of a private network; everything left of it may be made up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

_Address = IPv4Address | IPv6Address

_PROXY_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Networks whose members may be proxies. Not ``is_private``: that includes documentation ranges."""

_FORWARDING_HEADERS = (b"x-forwarded-for", b"forwarded", b"x-real-ip")
_MAX_HOPS = 20
_MAX_ADDRESS = 64
"""Characters; what is longer is cut and so no address: the caches below hold what callers send."""
UNKNOWN = "unknown"


def client_address(scope: Mapping[str, Any]) -> str:
    """The client's address of an ASGI scope, normalised for use as a key.

    IPv4-mapped IPv6 becomes IPv4, and IPv6 the /64 that one household or server holds whole.
    """
    peer = _parse(_peer(scope))
    if peer is None:
        return UNKNOWN
    if _may_be_proxy(peer):
        peer = _forwarded_client(_forwarded_hops(scope)) or peer
    return _key(peer)


def is_direct_loopback(scope: Mapping[str, Any]) -> bool:
    """Whether the request comes from this machine itself and through no proxy on it."""
    peer = _parse(_peer(scope))
    forwarded = any(name in _FORWARDING_HEADERS for name, _ in scope["headers"])
    return peer is not None and peer.is_loopback and not forwarded


def _peer(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _forwarded_hops(scope: Mapping[str, Any]) -> list[str]:
    values = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    hops = b",".join(values).decode("latin-1").split(",")[-_MAX_HOPS:]
    return [hop.strip()[:_MAX_ADDRESS] for hop in hops]


def _forwarded_client(hops: Iterable[str]) -> _Address | None:
    """The rightmost hop that is no proxy; among proxies only, the one nearest to us."""
    nearest = None
    for hop in reversed(list(hops)):
        address = _parse(hop)
        if address is None:
            break  # what stands left of something unreadable cannot be trusted either
        if not _may_be_proxy(address):
            return address
        nearest = nearest or address
    return nearest


@lru_cache(maxsize=4096)
def _parse(text: str) -> _Address | None:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=4096)
def _may_be_proxy(address: _Address) -> bool:
    return any(address.version == net.version and address in net for net in _PROXY_NETWORKS)


@lru_cache(maxsize=4096)
def _key(address: _Address) -> str:
    if isinstance(address, IPv4Address) or address.is_loopback:
        return str(address)
    return str(ip_network((address, 64), strict=False))
