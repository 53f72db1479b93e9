from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from backend.errors import UpstreamError, UpstreamRefused
from backend.services.tokens import TokenVerifier

ISSUER = "https://auth.example.test"
NOW = 1_800_000_000.0


def public(key: Ed25519PrivateKey, key_id: str) -> dict[str, Any]:
    entry: dict[str, Any] = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return entry | {"kid": key_id, "alg": "EdDSA"}


class Keys:
    """A key server that counts how often it is asked, and may be down."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries = list(entries)
        self.asked = 0
        self.down = False

    async def fetch(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.down:
            raise UpstreamRefused("better_auth", "down")
        return {"keys": self.entries}


class Bench:
    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.keys = Keys(public(self.key, "k1"))
        self.now, self.ticks = NOW, 0.0
        self.verifier = TokenVerifier(
            self.keys, ISSUER + "/", clock=lambda: self.now, monotonic=lambda: self.ticks
        )

    def token(
        self,
        key: Any = None,
        headers: dict[str, Any] | None = None,
        algorithm: str = "EdDSA",
        drop: str = "",
        **claims: Any,
    ) -> str:
        payload: dict[str, Any] = {"sub": "u1", "iss": ISSUER, "aud": ISSUER, "exp": NOW + 900}
        payload |= {"email": "ada@x.test"} | claims
        payload.pop(drop, None)
        return jwt.encode(
            payload, key or self.key, algorithm=algorithm, headers={"kid": "k1"} | (headers or {})
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_valid_token_names_its_subject(bench: Bench) -> None:
    identity = await bench.verifier.verify(bench.token(iat=NOW - 60))
    assert identity is not None
    assert identity.subject == "u1"
    assert identity.claims["email"] == "ada@x.test"
    assert identity.expires_at.timestamp() == NOW + 900
    assert identity.issued_at is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "https://evil.example"},
        {"exp": NOW - 1},
        {"exp": NOW},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"nbf": NOW + 1},
        {"sub": ""},
        {"sub": "x" * 300},
        *({"drop": name} for name in ("exp", "iss", "aud", "sub")),
    ],
)
async def test_claims_that_do_not_fit_are_refused(bench: Bench, claims: dict[str, Any]) -> None:
    assert await bench.verifier.verify(bench.token(**claims)) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"crit": ["x"]},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/cert"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AA"}},
        {"typ": "better-auth.session-cache+jwt"},
        {"kid": 7},
    ],
)
async def test_headers_that_say_more_are_refused_unasked(
    bench: Bench, headers: dict[str, Any]
) -> None:
    try:
        token = bench.token(headers=headers)
    except jwt.InvalidTokenError:
        token = _forged(bench, headers)
    assert await bench.verifier.verify(token) is None
    assert bench.keys.asked == 0


async def test_other_algorithms_are_refused_unasked(bench: Bench) -> None:
    shared = "x" * 32
    tokens = [
        bench.token(key=shared, algorithm="HS256"),
        _forged(bench, {"alg": "none"}),
        # the published key used as an HMAC secret
        bench.token(key=public(bench.key, "k1")["x"], algorithm="HS256"),
        "ey.ey.ey",
        "",
        "a.b.c" * 5_000,
    ]
    for token in tokens:
        assert await bench.verifier.verify(token) is None
    assert bench.keys.asked == 0


async def test_foreign_key_under_a_known_id_is_refused(bench: Bench) -> None:
    assert await bench.verifier.verify(bench.token(key=Ed25519PrivateKey.generate())) is None


async def test_keys_are_asked_for_once_in_five_minutes(bench: Bench) -> None:
    for _ in range(3):
        await bench.verifier.verify(bench.token())
    assert bench.keys.asked == 1
    bench.ticks += 301
    await bench.verifier.verify(bench.token())
    assert bench.keys.asked == 2


async def test_unknown_key_id_asks_once_per_cooldown(bench: Bench) -> None:
    await bench.verifier.verify(bench.token())
    new = Ed25519PrivateKey.generate()
    rotated = bench.token(key=new, headers={"kid": "k2"})
    bench.ticks += 31
    assert await bench.verifier.verify(rotated) is None
    assert await bench.verifier.verify(rotated) is None
    assert bench.keys.asked == 2
    bench.keys.entries.append(public(new, "k2"))
    bench.ticks += 31
    assert await bench.verifier.verify(rotated) is not None


async def test_old_keys_hold_while_the_server_is_down(bench: Bench) -> None:
    await bench.verifier.verify(bench.token())
    bench.keys.down = True
    bench.ticks += 3_600
    assert await bench.verifier.verify(bench.token()) is not None


async def test_server_down_from_the_start_is_an_outage_not_a_bad_token(bench: Bench) -> None:
    bench.keys.down = True
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await bench.verifier.verify(bench.token())
    assert bench.keys.asked == 1
    bench.keys.down = False
    bench.ticks += 6
    assert await bench.verifier.verify(bench.token()) is not None


async def test_keys_of_other_kinds_are_left_out(bench: Bench) -> None:
    bench.keys.entries[:0] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k1"},
        {"kty": "OKP", "crv": "Ed25519", "x": "!!", "kid": "k3"},
        "nonsense",  # type: ignore[list-item]
    ]
    assert await bench.verifier.verify(bench.token()) is not None


def _forged(bench: Bench, headers: dict[str, Any]) -> str:
    """A token whose header the library refuses to write."""
    import json
    from base64 import urlsafe_b64encode

    header = {"alg": "EdDSA", "kid": "k1"} | headers
    encoded = urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return encoded + "." + bench.token().split(".", 1)[1]
