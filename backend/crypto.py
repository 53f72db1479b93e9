"""Personal data at rest: pure functions of keys and values, and the key ring that chooses the key.

A value is ``ENC2:{key id}:`` + base64(nonce of 12 bytes + AES-256-GCM ciphertext with tag); the
associated data is ``table|column|row id``, so that a ciphertext opens only where it was written.
Encryption, the e-mail lookup and sealed tokens each have a key of their own (HKDF-SHA256), and the
key id is derived from the key, so a value always says whether the right key is at hand.

Values of earlier deployments are read too: ``ENC:`` + base64(nonce + ciphertext) without associated
data under PBKDF2-HMAC-SHA256 (100,000 rounds, fixed salt), and plaintext where no key was set.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from typing import TYPE_CHECKING

from backend.errors import NotConfigured

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "ENC2:"
LEGACY_PREFIX = "ENC:"
_LEGACY_SALT = b"physical-ai-textbook-salt-v1"
_LEGACY_ROUNDS = 100_000
_NONCE_BYTES = 12
_KEY_ID_CHARS = 8


class DataKey:
    """One secret and what is derived from it.

    Args:
        secret: Any string; ``DATA_ENCRYPTION_KEY`` or what stands in for it.
        derived: True where the secret is another variable's value, which ``ENC:`` never used.
    """

    def __init__(self, secret: str, *, derived: bool = False) -> None:
        self._secret = secret.encode()
        self._derived = derived
        purpose = "derived-data" if derived else "data"
        self._encryption = hkdf(self._secret, f"{purpose}/encryption")
        self._lookup = hkdf(self._secret, f"{purpose}/email-lookup")
        self._legacy: bytes | None = None
        self.id = hkdf(self._secret, f"{purpose}/key-id").hex()[:_KEY_ID_CHARS]

    def __repr__(self) -> str:
        return f"DataKey(id={self.id!r})"

    def encrypt(self, text: str, context: str) -> str:
        """The text as it is stored; ``context`` is ``table|column|row id``."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = _aes(self._encryption).encrypt(nonce, text.encode(), context.encode())
        return f"{PREFIX}{self.id}:{b64encode(nonce + sealed).decode()}"

    def decrypt(self, blob: bytes, context: str) -> str | None:
        """The text, or None if the blob was not written by this key for this place."""
        return _opened(self._encryption, blob, context.encode())

    def decrypt_legacy(self, blob: bytes) -> str | None:
        """The text of an ``ENC:`` value, or None if it was made with another key."""
        if self._derived:
            return None
        if self._legacy is None:
            self._legacy = hashlib.pbkdf2_hmac(
                "sha256", self._secret, _LEGACY_SALT, _LEGACY_ROUNDS, 32
            )
        return _opened(self._legacy, blob, None)

    def email_lookup(self, email: str) -> str:
        """64 hex digits that find an address without telling it."""
        return hmac.new(self._lookup, normal_email(email).encode(), hashlib.sha256).hexdigest()


class KeyRing:
    """The key that writes and every key that may still be needed for reading."""

    def __init__(self, current: DataKey, older: Iterable[DataKey] = ()) -> None:
        self.current = current
        self._keys = {key.id: key for key in (*older, current)}

    @property
    def key_ids(self) -> frozenset[str]:
        """Ids of all keys at hand."""
        return frozenset(self._keys)

    def encrypt(self, text: str | None, context: str) -> str | None:
        """The stored form under the current key; None stays None."""
        return None if text is None else self.current.encrypt(text, context)

    def decrypt(self, stored: str | None, context: str) -> str | None:
        """The text of a stored value of any age; None stays None.

        Raises:
            NotConfigured: No key at hand opens the value, or it was moved here from another place.
        """
        if stored is None:
            return None
        if stored.startswith(PREFIX):
            text = self._decrypt_current(stored, context)
        elif stored.startswith(LEGACY_PREFIX):
            text = self._decrypt_legacy(stored)
        else:
            return stored
        if text is None:
            raise wrong_key()
        return text

    def is_current(self, stored: str | None) -> bool:
        """Whether a stored value needs no rewriting."""
        return stored is None or stored.startswith(f"{PREFIX}{self.current.id}:")

    def email_lookups(self, email: str) -> list[str]:
        """The lookup value under each key, the current one first."""
        first = self.current.email_lookup(email)
        return [first, *(k.email_lookup(email) for k in self._keys.values() if k != self.current)]

    def _decrypt_current(self, stored: str, context: str) -> str | None:
        key_id, _, encoded = stored[len(PREFIX) :].partition(":")
        key = self._keys.get(key_id)
        return key.decrypt(_decoded(encoded), context) if key else None

    def _decrypt_legacy(self, stored: str) -> str | None:
        blob = _decoded(stored[len(LEGACY_PREFIX) :])
        for key in (self.current, *(k for k in self._keys.values() if k != self.current)):
            text = key.decrypt_legacy(blob)
            if text is not None:
                return text
        return None


def make_ring(data_key: str | None, auth_secret: str | None, older: Iterable[str] = ()) -> KeyRing:
    """The ring of a deployment.

    Args:
        data_key: ``DATA_ENCRYPTION_KEY``; it writes where it is set.
        auth_secret: ``BETTER_AUTH_SECRET``; a key derived from it writes where no data key is set,
            and reads what was written before one was.
        older: Secrets that were replaced: data keys, or auth secrets that stood in for one.

    Raises:
        NotConfigured: There is neither.
    """
    keys = [DataKey(data_key)] if data_key else []
    if auth_secret:
        keys.append(DataKey(auth_secret, derived=True))
    if not keys:
        raise NotConfigured(
            "Personal data cannot be stored: set DATA_ENCRYPTION_KEY or BETTER_AUTH_SECRET."
        )
    replaced = [DataKey(secret, derived=kind) for secret in older for kind in (False, True)]
    return KeyRing(keys[0], [*replaced, *keys[1:]])


def wrong_key() -> NotConfigured:
    """The error for personal data that no key at hand opens."""
    return NotConfigured(
        "Stored personal data cannot be opened: "
        "set DATA_ENCRYPTION_KEY to the key that it was encrypted with."
    )


def hkdf(secret: bytes, purpose: str, length: int = 32) -> bytes:
    """Key material of ``length`` <= 255 * 32 bytes for one purpose (RFC 5869, SHA-256, no salt)."""
    pseudo_random = hmac.new(b"\0" * 32, secret, hashlib.sha256).digest()
    info, block, material = f"book-answers/{purpose}/v1".encode(), b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.new(pseudo_random, block + info + bytes([counter]), hashlib.sha256).digest()
        material += block
    return material[:length]


def context_of(table: str, column: str, row_id: str) -> str:
    """What a ciphertext is bound to."""
    return f"{table}|{column}|{row_id}"


def normal_email(email: str) -> str:
    """The one spelling of an address: NFKC, lower case, no space around it."""
    return unicodedata.normalize("NFKC", email).strip().lower()


def legacy_email_hashes(email: str) -> list[str]:
    """Unsalted hashes under which earlier deployments may have stored the address."""
    spellings = dict.fromkeys((email.lower(), email.strip().lower(), normal_email(email)))
    return [hashlib.sha256(spelling.encode()).hexdigest() for spelling in spellings]


def seal(key: bytes, payload: bytes, purpose: str) -> str:
    """An opaque, unforgeable text that holds the payload: base64url without padding."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + _aes(key).encrypt(nonce, payload, purpose.encode())
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(key: bytes, text: str, purpose: str) -> bytes | None:
    """The payload of :func:`seal`, or None if the text is not one of ours."""
    from cryptography.exceptions import InvalidTag

    try:
        blob = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return _aes(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], purpose.encode())
    except (Base64Error, ValueError, InvalidTag):
        return None


def _aes(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _opened(key: bytes, blob: bytes, associated: bytes | None) -> str | None:
    from cryptography.exceptions import InvalidTag

    try:
        return _aes(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], associated).decode()
    except (InvalidTag, ValueError):
        return None


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        return b""
