"""Password hashes: Better Auth's scrypt for what is written, bcrypt for what was written before.

Format: ``hex(salt of 16 bytes) + ":" + hex(scrypt(NFKC(password), salt, N=16384, r=16, p=1, 64
bytes))``, where the salt given to scrypt is the hex text itself. Every hash takes 32 MiB while it
is computed, so a small pool of threads does the work; a caller beyond the queue's length is sent
away.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from backend.errors import RateLimited

MIN_CHARS = 8
MAX_CHARS = 128

_N, _R, _P, _BYTES = 16_384, 16, 1, 64
_MAX_MEMORY = 64 * 2**20
_BCRYPT_MAX_BYTES = 72
_DUMMY_SCRYPT = "00" * 16 + ":" + "00" * _BYTES
_DUMMY_BCRYPT_SALT = "." * 21 + "O"
_DUMMY_BCRYPT_DIGEST = "." * 31

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the password fits, and whether its hash should be replaced by a new one."""

    fits: bool
    outdated: bool = False


def hash_password(password: str, salt: bytes | None = None) -> str:
    """Hash in Better Auth's format; 50 to 90 ms and 32 MiB."""
    salt_text = (salt if salt is not None else os.urandom(16)).hex()
    return f"{salt_text}:{_scrypt(password, salt_text).hex()}"


def verify_password(stored: str | None, password: str, bcrypt_cost: int | None = None) -> Verdict:
    """Compare, taking the same time whether there is such an account or not.

    Args:
        stored: The stored hash; None for an unknown account, which costs as much and never fits.
        password: What the caller typed.
        bcrypt_cost: Cost of the bcrypt hashes that accounts still have. While there are any, a
            refusal costs one hash of each kind, whatever the account has.
    """
    is_bcrypt = stored is not None and stored.startswith("$2")
    if is_bcrypt:
        fits = _bcrypt_fits(password, str(stored))
    else:
        fits = _scrypt_fits(password, stored or _DUMMY_SCRYPT) and stored is not None
    if not fits and is_bcrypt:
        _scrypt_fits(password, _DUMMY_SCRYPT)
    elif not fits and bcrypt_cost is not None:
        _bcrypt_fits(password, f"$2b${bcrypt_cost:02d}${_DUMMY_BCRYPT_SALT}{_DUMMY_BCRYPT_DIGEST}")
    return Verdict(fits, outdated=fits and is_bcrypt)


def bcrypt_cost_of(stored: str) -> int | None:
    """The cost of a bcrypt hash; None for another text."""
    parts = stored.split("$")
    if len(parts) == 4 and parts[1].startswith("2") and parts[2].isdigit():
        return int(parts[2])
    return None


class PasswordPool:
    """Runs the functions above in a bounded pool of threads.

    Args:
        threads: Hashes computed at the same time; each holds 32 MiB. None leaves the event loop a
            core of its own.
        max_waiting: Callers that may wait; beyond it RateLimited is raised at once.
    """

    def __init__(self, threads: int | None = None, max_waiting: int = 256) -> None:
        self.threads = threads or max(1, min(4, (os.cpu_count() or 1) - 1))
        self._max_waiting = max_waiting
        self._under_way = 0
        self._executor = ThreadPoolExecutor(self.threads, thread_name_prefix="password")

    async def hash(self, password: str) -> str:
        """See :func:`hash_password`. Raises RateLimited when too many wait."""
        return await self._run(lambda: hash_password(password))

    async def verify(
        self, stored: str | None, password: str, bcrypt_cost: int | None = None
    ) -> Verdict:
        """See :func:`verify_password`. Raises RateLimited when too many wait."""
        return await self._run(lambda: verify_password(stored, password, bcrypt_cost))

    def close(self) -> None:
        """Let the threads end; what waits is dropped."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if self._under_way >= self.threads + self._max_waiting:
            raise RateLimited(
                "Too many people sign in just now; try again in a moment.", retry_after_s=5
            )
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._under_way -= 1


def _scrypt(password: str, salt_text: str) -> bytes:
    return hashlib.scrypt(
        unicodedata.normalize("NFKC", password).encode(),
        salt=salt_text.encode(),
        n=_N,
        r=_R,
        p=_P,
        maxmem=_MAX_MEMORY,
        dklen=_BYTES,
    )


def _scrypt_fits(password: str, stored: str) -> bool:
    salt_text, _, key_text = stored.partition(":")
    computed = _scrypt(password, salt_text or "00").hex()
    return hmac.compare_digest(computed.encode(), key_text.encode())


def _bcrypt_fits(password: str, stored: str) -> bool:
    import bcrypt

    secret = password.encode()
    # bcrypt refuses more than 72 bytes: no hash was made of such a password, but it costs as much
    tried = secret[:_BCRYPT_MAX_BYTES].replace(b"\0", b"\1")
    try:
        fits = bcrypt.checkpw(tried, stored.encode())
    except ValueError:  # a damaged hash fits nothing
        return False
    return fits and tried == secret
