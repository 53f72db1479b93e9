"""Who may change or reveal something: the admin gate of the REST routes and of the UI.

With ADMIN_TOKEN set, a caller shows the token itself or a cookie that the UI issued for it. Without
it, the gate is open off a Space to callers on this machine only, and shut on a Space.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from backend.errors import Forbidden, NotConfigured, NotSignedIn, RateLimited

COOKIE_NAME = "book_admin"
COOKIE_TTL_S = 12 * 3600
MAX_FAILURES = 10
LOCKOUT_S = 15 * 60
_MAX_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller shows.

    ``tokens`` are the values of the headers that may hold the admin token. ``address`` is the
    normalised client address. ``direct_loopback``: on this machine and through no proxy.
    ``own_site``: no browser page of a foreign site sent the request.
    """

    address: str
    tokens: tuple[str, ...] = ()
    cookie: str | None = None
    direct_loopback: bool = False
    own_site: bool = True


class AdminGate:
    """Decides on :class:`Credentials`.

    ``clock`` is in epoch seconds, because cookies outlive a process; ``monotonic`` counts lockouts.
    ``same`` compares in a time that does not tell how much of a guess is right.
    """

    def __init__(
        self,
        token: str | None,
        *,
        on_space: bool,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        same: Callable[[bytes, bytes], bool] = hmac.compare_digest,
    ) -> None:
        self._token = _digest(token) if token else None
        self._key = _digest("cookie:" + token) if token else b""
        self._on_space = on_space
        self._clock = clock
        self._monotonic = monotonic
        self._same = same
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def configured(self) -> bool:
        """Whether an admin token is set."""
        return self._token is not None

    def admit(self, shown: Credentials) -> None:
        """Let an admin pass.

        Raises:
            NotSignedIn: no valid token or cookie came.
            Forbidden: a foreign page asks, or no token is set and the caller is elsewhere.
            NotConfigured: no token is set on a Space.
            RateLimited: too many wrong tokens came from this address.
        """
        if not self.configured:
            self._admit_without_token(shown)
            return
        signed_in = self.check_cookie(shown.cookie)
        if signed_in and shown.own_site:
            return
        if shown.tokens:
            self._admit_token(shown)
        elif signed_in:
            raise Forbidden("The admin cookie is not taken from another site's page.")
        else:
            raise NotSignedIn(
                "This needs the admin token: send it as 'Authorization: Bearer ...' or as "
                "X-Admin-Token, or sign in at /admin/."
            )

    def check_token(self, candidate: str) -> bool:
        """Whether this is the admin token, in constant time; False when none is set."""
        return self._token is not None and self._same(_digest(candidate), self._token)

    def sign_in(self, candidate: str, address: str) -> str:
        """The cookie's value for the right token.

        Raises:
            NotSignedIn: the token is wrong.
            RateLimited: too many wrong tokens came from this address.
        """
        self._admit_token(Credentials(address, (candidate,)))
        return self.issue_cookie()

    def issue_cookie(self) -> str:
        """A signed value that :meth:`check_cookie` takes for 12 hours, on every replica."""
        body = f"{int(self._clock()) + COOKIE_TTL_S}.{secrets.token_urlsafe(16)}"
        return f"{body}.{self._sign(body)}"

    def check_cookie(self, value: str | None) -> bool:
        """Whether this value was issued for the current token and has not expired."""
        if not self.configured or not value or len(value) > 200:
            return False
        body, _, signature = value.rpartition(".")
        expires = body.partition(".")[0]
        if not self._same(_digest(signature), _digest(self._sign(body))):
            return False
        return expires.isdecimal() and int(expires) > self._clock()

    def _admit_without_token(self, shown: Credentials) -> None:
        if self._on_space:
            raise NotConfigured(
                "Set ADMIN_TOKEN in the Space's secrets: without it nothing that changes or "
                "reveals anything is open."
            )
        if not (shown.direct_loopback and shown.own_site):
            raise Forbidden(
                "Without ADMIN_TOKEN this is open to callers on the server's own machine only; "
                "set ADMIN_TOKEN and send it."
            )

    def _admit_token(self, shown: Credentials) -> None:
        now = self._monotonic()
        count, last = self._failures.get(shown.address, (0, -math.inf))
        wait = last + LOCKOUT_S - now
        if wait <= 0:
            count = 0
        if count >= MAX_FAILURES:
            raise RateLimited(
                f"Too many wrong admin tokens came from your address; "
                f"try again in {math.ceil(wait / 60)} min.",
                retry_after_s=wait,
            )
        if sum(self.check_token(token) for token in shown.tokens):  # all of them: no early exit
            self._failures.pop(shown.address, None)
            return
        self._failures[shown.address] = (count + 1, now)
        self._failures.move_to_end(shown.address)
        if len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)
        raise NotSignedIn("The admin token is wrong.")

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()


def set_cookie_header(value: str, *, https: bool) -> str:
    """The ``Set-Cookie`` value.

    Over HTTPS it is partitioned: so it works in the Space page's frame, where browsers block
    third-party cookies.
    """
    site = "Secure; SameSite=None; Partitioned" if https else "SameSite=Strict"
    return f"{COOKIE_NAME}={value}; Max-Age={COOKIE_TTL_S}; Path=/; HttpOnly; {site}"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
