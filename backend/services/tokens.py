"""Tokens of a separate Better Auth server, checked against the keys that it publishes.

Only EdDSA with a known ``kid`` is accepted. Everything that a token says about where its key could
be found is refused unread, and so is every HS256 token: that server signs e-mail verification
tokens and its cookie cache with the shared secret, and neither is an identity.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from backend.account_ports import KeySource
from backend.errors import UpstreamError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEYS_FRESH_S = 300.0
UNKNOWN_KEY_COOLDOWN_S = 30.0
RETRY_FIRST_FETCH_S = 5.0
MAX_TOKEN_CHARS = 8_192
_ALGORITHM = "EdDSA"
_YEAR_10000 = 253_402_300_800
_ALLOWED_HEADERS = frozenset({"alg", "kid", "typ"})
_REQUIRED_CLAIMS = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """Who a verified token speaks for; ``claims`` is the whole payload."""

    subject: str
    expires_at: datetime
    issued_at: datetime | None
    claims: Mapping[str, Any]


def looks_like_jwt(text: str) -> bool:
    """Whether a credential is to be read as a JSON Web Token."""
    return text.count(".") == 2 and text.startswith("ey")


class TokenVerifier:
    """Verifies tokens of one issuer.

    Keys are used for five minutes before they are asked for again; an unknown ``kid`` asks once and
    then waits out a cooldown. While the server is down the old keys stay valid.

    Args:
        keys: Where the keys come from.
        issuer: ``BETTER_AUTH_URL``; expected as ``iss`` and as ``aud``.
        clock: Unix seconds, for the token's times.
        monotonic: Seconds, for the age of the keys.
    """

    def __init__(
        self,
        keys: KeySource,
        issuer: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = keys
        self._issuer = issuer.rstrip("/")
        self._clock = clock
        self._monotonic = monotonic
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._asked_at: float | None = None
        self._failure: UpstreamError | None = None
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> TokenIdentity | None:
        """The identity of a valid token; None for any other text.

        Raises:
            UpstreamError: No key has ever been fetched and the server does not answer.
        """
        import jwt

        key_id = _key_id(token)
        if key_id is None:
            return None
        key = await self._key(key_id)
        if key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                issuer=self._issuer,
                audience=self._issuer,
                options={
                    "require": _REQUIRED_CLAIMS,
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
        except (jwt.PyJWTError, ValueError):
            return None
        return self._in_time(claims)

    def _in_time(self, claims: dict[str, Any]) -> TokenIdentity | None:
        now = self._clock()
        expires, subject = _moment(claims["exp"]), claims["sub"]
        begins = _moment(claims.get("nbf", 0))
        if expires is None or expires.timestamp() <= now:
            return None
        if begins is None or begins.timestamp() > now:
            return None
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            return None
        return TokenIdentity(subject, expires, _moment(claims.get("iat")), claims)

    async def _key(self, key_id: str) -> Ed25519PublicKey | None:
        if self._age() > self._patience(key_id):
            await self._refresh(key_id)
        if not self._keys and self._failure is not None:
            raise self._failure
        return self._keys.get(key_id)

    async def _refresh(self, key_id: str) -> None:
        async with self._lock:
            if self._age() <= self._patience(key_id):
                return  # another caller asked meanwhile
            self._asked_at = self._monotonic()
            try:
                keys = _parsed(await self._source.fetch())
            except UpstreamError as error:
                self._failure = error
                return
            self._failure = None
            self._keys = keys or self._keys

    def _patience(self, key_id: str) -> float:
        if key_id in self._keys:
            return KEYS_FRESH_S
        return UNKNOWN_KEY_COOLDOWN_S if self._keys else RETRY_FIRST_FETCH_S

    def _age(self) -> float:
        return float("inf") if self._asked_at is None else self._monotonic() - self._asked_at


def _key_id(token: str) -> str | None:
    import jwt

    if len(token) > MAX_TOKEN_CHARS:
        return None
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError):
        return None
    key_id = header.get("kid")
    plain = _ALLOWED_HEADERS.issuperset(header) and header.get("typ", "JWT") in ("JWT", "jwt")
    if header.get("alg") != _ALGORITHM or not plain or not isinstance(key_id, str):
        return None
    return key_id


def _parsed(key_set: Mapping[str, Any]) -> dict[str, Ed25519PublicKey]:
    import jwt
    from jwt.algorithms import OKPAlgorithm

    keys: dict[str, Ed25519PublicKey] = {}
    entries = key_set.get("keys")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
            continue
        public = {name: entry[name] for name in ("kty", "crv", "x") if name in entry}
        if public.get("kty") != "OKP" or public.get("crv") != "Ed25519":
            continue
        try:
            keys[entry["kid"]] = cast("Ed25519PublicKey", OKPAlgorithm.from_jwk(public))
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
    return keys


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return datetime.fromtimestamp(value, UTC) if 0 <= value < _YEAR_10000 else None
