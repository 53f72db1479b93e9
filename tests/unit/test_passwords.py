from __future__ import annotations

import asyncio
import threading

import bcrypt
import pytest

from backend import passwords
from backend.errors import RateLimited
from backend.passwords import PasswordPool, bcrypt_cost_of, hash_password, verify_password

# made by the genuine server's package: hashPassword("Corr3ct-horse-battery")
GENUINE = (
    "e8bfccc12d721faf48c6e87b4c034f9d:"
    "775975844bb8f999cd26676229eeadbd51e7e6c2995bbef49a5423503d52f43487f7c17d1254e7f45fad99f3ba55cce5da8032f7f7c39b61f12f65ad6407e120"
)


def test_hash_has_the_genuine_format_and_verifies() -> None:
    stored = hash_password("Corr3ct-horse-battery")
    salt, key = stored.split(":")
    assert (len(salt), len(key)) == (32, 128)
    assert verify_password(stored, "Corr3ct-horse-battery").fits
    assert not verify_password(stored, "Corr3ct-horse-batterz").fits
    assert hash_password("x", bytes(16)) == hash_password("x", bytes(16))


def test_hash_of_the_genuine_server_verifies() -> None:
    assert verify_password(GENUINE, "Corr3ct-horse-battery") == passwords.Verdict(True)


def test_password_is_normalised_as_the_genuine_server_does() -> None:
    assert verify_password(hash_password("\u00e9clair\u212b"), "e\u0301clair\u00c5").fits


def test_nothing_is_cut_off_after_72_bytes() -> None:
    stored = hash_password("é" * 40)
    assert verify_password(stored, "é" * 40).fits
    assert not verify_password(stored, "é" * 39 + "e").fits


def test_bcrypt_verifies_and_is_outdated() -> None:
    stored = bcrypt.hashpw(b"old-password", bcrypt.gensalt(4)).decode()
    assert verify_password(stored, "old-password") == passwords.Verdict(True, outdated=True)
    assert not verify_password(stored, "old-passwore", 4).fits


def test_bcrypt_takes_no_password_that_it_would_cut() -> None:
    stored = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    assert verify_password(stored, "x" * 72).fits
    assert not verify_password(stored, "x" * 73).fits


@pytest.mark.parametrize("stored", ["", "!", "nonsense", "$2b$04$short", ":", "zz:zz", "é:é"])
def test_damaged_hash_fits_nothing(stored: str) -> None:
    assert not verify_password(stored, "").fits
    assert not verify_password(stored, "!").fits


def test_refusals_compute_one_hash_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time would tell unknown addresses, new and old accounts apart."""
    done: list[str] = []
    scrypt, checkpw = passwords._scrypt, bcrypt.checkpw
    monkeypatch.setattr(passwords, "_scrypt", lambda *a: done.append("scrypt") or scrypt(*a))
    monkeypatch.setattr(bcrypt, "checkpw", lambda *a: done.append("bcrypt") or checkpw(*a))
    old = bcrypt.hashpw(b"old-password", bcrypt.gensalt(4)).decode()
    for stored in (None, GENUINE, old):
        done.clear()
        assert not verify_password(stored, "wrong", 4).fits
        assert sorted(done) == ["bcrypt", "scrypt"], stored
    for stored in (None, GENUINE):
        done.clear()
        assert not verify_password(stored, "wrong").fits
        assert done == ["scrypt"]


def test_cost_is_read_from_the_hash() -> None:
    assert bcrypt_cost_of(bcrypt.hashpw(b"x", bcrypt.gensalt(5)).decode()) == 5
    assert bcrypt_cost_of(GENUINE) is None
    assert bcrypt_cost_of("") is None


async def test_pool_bounds_threads_and_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    release, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def slow(password: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        release.wait(10)
        with lock:
            running -= 1
        return password

    monkeypatch.setattr(passwords, "hash_password", slow)
    pool = PasswordPool(2, max_waiting=3)
    tasks = [asyncio.create_task(pool.hash(str(number))) for number in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimited):
        await pool.hash("one too many")
    release.set()
    assert await asyncio.gather(*tasks) == ["0", "1", "2", "3", "4"]
    assert most == 2
    assert (await pool.hash("again")) == "again"
    pool.close()
