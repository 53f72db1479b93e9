"""What a client shows to prove a session, and how this service makes and reads it.

Three spellings of a session's token are accepted, in a cookie or as a bearer: the token itself,
the token with its signature (``token.base64(HMAC-SHA256(secret, token))``, as Better Auth writes
it) and that percent-encoded. A fourth one is for clients that keep a single string and forget the
user when an answer fails: a sealed access token, which also says whose session it is, so that it
can be believed while the database is away. Its key is derived for this purpose alone.
"""

from __future__ import annotations

import hmac
import re
import secrets
import string
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, unquote

import orjson

from backend.account_ports import Session, User
from backend.crypto import hkdf, seal, unseal
from backend.services.tokens import MAX_TOKEN_CHARS, looks_like_jwt

COOKIE = "better-auth.session_token"
SECURE_PREFIX = "__Secure-"
DONT_REMEMBER_COOKIE = "better-auth.dont_remember"
_ACCESS_PREFIX = "acc_"
_PURPOSE = "access-token"
_TOKEN_CHARS = 32
_ALPHABET = string.ascii_letters + string.digits
_RAW = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SIGNATURE_CHARS = 44


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows: either may be absent. ``cookie`` is as it was sent, percent-encoded."""

    bearer: str | None = None
    cookie: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The content of a sealed access token."""

    token: str
    session: Session
    user: User
    issued_at: datetime


def shown_in(authorization: str | None, cookie_header: str | None) -> Shown:
    """Read the two headers; whatever is not a credential of ours is left out."""
    bearer = None
    if authorization and authorization[:7].lower() == "bearer ":
        bearer = authorization[7:].strip() or None
        if bearer is not None and len(bearer) > MAX_TOKEN_CHARS:
            bearer = None
    cookies = cookies_of(cookie_header)
    cookie = cookies.get(SECURE_PREFIX + COOKIE) or cookies.get(COOKIE)
    return Shown(bearer, cookie if cookie and len(cookie) <= MAX_TOKEN_CHARS else None)


def cookies_of(header: str | None) -> dict[str, str]:
    """The first value of every cookie, not decoded."""
    cookies: dict[str, str] = {}
    for part in (header or "").split(";"):
        name, separator, value = part.strip().partition("=")
        if separator:
            cookies.setdefault(name, value)
    return cookies


def new_token() -> str:
    """32 letters and digits: 190 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_CHARS))


class TokenSigner:
    """Makes and reads the forms above with ``BETTER_AUTH_SECRET``."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._access_key = hkdf(self._secret, "access-token")

    def sign(self, value: str) -> str:
        """``value.signature``, not percent-encoded."""
        digest = hmac.new(self._secret, value.encode(), sha256).digest()
        return f"{value}.{b64encode(digest).decode()}"

    def cookie_value(self, value: str) -> str:
        """The signed value as it stands in a cookie."""
        return quote(self.sign(value), safe="")

    def unsign(self, text: str) -> str | None:
        """The value of a signed text, percent-encoded or not; None if the signature is wrong."""
        plain = unquote(text) if "%" in text else text
        value, _, signature = plain.rpartition(".")
        if not value or len(signature) != _SIGNATURE_CHARS:
            return None
        return value if hmac.compare_digest(self.sign(value).encode(), plain.encode()) else None

    def token_in(self, shown: Shown) -> str | None:
        """The session token of a bearer or, without a valid one, of the cookie."""
        if shown.bearer is not None and not looks_like_jwt(shown.bearer):
            token = self._bearer_token(shown.bearer)
            if token is not None:
                return token
        return self.unsign(shown.cookie) if shown.cookie else None

    def make_access(self, session: Session, user: User, token: str, now: datetime) -> str:
        """The sealed access token of a session."""
        payload = orjson.dumps(
            {
                "t": token,
                "i": now.timestamp(),
                "s": [session.id, _seconds(session.expires_at), _seconds(session.created_at)],
                "u": [user.id, user.email, user.name, user.proficiency, _seconds(user.created_at)],
            }
        )
        return _ACCESS_PREFIX + seal(self._access_key, payload, _PURPOSE)

    def open_access(self, shown: Shown) -> Access | None:
        """The content of the bearer, if it is a sealed access token."""
        if not shown.bearer or not shown.bearer.startswith(_ACCESS_PREFIX):
            return None
        text = shown.bearer.removeprefix(_ACCESS_PREFIX)
        payload = unseal(self._access_key, text, _PURPOSE)
        if payload is None:
            return None
        content = orjson.loads(payload)
        session_id, expires, created = content["s"]
        user_id, email, name, proficiency, since = content["u"]
        moment = _moment(created)
        session = Session(session_id, user_id, _moment(expires), moment, moment, token=content["t"])
        user = User(user_id, email, name, _moment(since), _moment(since), proficiency=proficiency)
        return Access(content["t"], session, user, _moment(content["i"]))

    def _bearer_token(self, bearer: str) -> str | None:
        if bearer.startswith(_ACCESS_PREFIX):
            access = self.open_access(Shown(bearer))
            return access.token if access else None
        if "." in bearer:
            return self.unsign(bearer)
        return bearer if _RAW.fullmatch(bearer) else None


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
