"""The public keys of a separate Better Auth server, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from backend.adapters.http import HttpTransport
from backend.errors import UpstreamMalformed, UpstreamUnavailable

UPSTREAM = "better_auth"
_PATH = "/api/auth/jwks"
_TIMEOUT_S = 5.0
_MAX_BYTES = 256 * 2**10


class HttpKeySource:
    """Implements :class:`backend.account_ports.KeySource`.

    Redirects are not followed: keys count only from the address that was configured.

    Args:
        transport: The shared HTTP client.
        base_url: ``BETTER_AUTH_URL``.
    """

    def __init__(self, transport: HttpTransport, base_url: str) -> None:
        self._transport = transport
        self._url = base_url.rstrip("/") + _PATH

    async def fetch(self) -> Mapping[str, Any]:
        """The key set. Raises UpstreamError."""
        status, body = await self._transport.get(
            self._url,
            timeout_s=_TIMEOUT_S,
            most=_MAX_BYTES,
            upstream=UPSTREAM,
            variable="BETTER_AUTH_URL",
        )
        if status != 200:
            raise UpstreamUnavailable(
                UPSTREAM,
                "The server at BETTER_AUTH_URL does not publish its keys; check the address.",
            )
        try:
            keys = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise _malformed() from error
        if not isinstance(keys, dict) or not isinstance(keys.get("keys"), list):
            raise _malformed()
        return keys


def _malformed() -> UpstreamMalformed:
    return UpstreamMalformed(
        UPSTREAM, "The server at BETTER_AUTH_URL published keys that cannot be read."
    )
