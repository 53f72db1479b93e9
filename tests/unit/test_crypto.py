from __future__ import annotations

import hashlib
import os
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from backend.crypto import (
    DataKey,
    KeyRing,
    context_of,
    hkdf,
    legacy_email_hashes,
    make_ring,
    normal_email,
    seal,
    unseal,
)
from backend.errors import NotConfigured

KEY = "test-key-not-real"
PLACE = context_of("users", "email", "1")


def legacy_value(text: str, key: str = KEY) -> str:
    """As the earlier backend wrote it."""
    derived = hashlib.pbkdf2_hmac(
        "sha256", key.encode(), b"physical-ai-textbook-salt-v1", 100_000, 32
    )
    nonce = os.urandom(12)
    return "ENC:" + b64encode(nonce + AESGCM(derived).encrypt(nonce, text.encode(), None)).decode()


def ring(*older: str) -> KeyRing:
    return make_ring(KEY, None, older)


@pytest.mark.parametrize("text", ["ada@x.test", "", "اردو", "ENC:looks like it", "x" * 10_000])
def test_encrypt_round_trips_and_never_repeats(text: str) -> None:
    first, second = ring().encrypt(text, PLACE), ring().encrypt(text, PLACE)
    assert first is not None
    assert first != second
    assert first.startswith("ENC2:")
    assert text == "" or text not in first
    assert ring().decrypt(first, PLACE) == text


def test_null_stays_null() -> None:
    assert ring().encrypt(None, PLACE) is None
    assert ring().decrypt(None, PLACE) is None
    assert ring().is_current(None)


@pytest.mark.parametrize(
    "place",
    [
        context_of("users", "email", "2"),
        context_of("users", "name", "1"),
        context_of("user_profiles", "email", "1"),
    ],
)
def test_ciphertext_moved_elsewhere_does_not_open(place: str) -> None:
    stored = ring().encrypt("ada@x.test", PLACE)
    with pytest.raises(NotConfigured):
        ring().decrypt(stored, place)


def test_wrong_key_names_the_variable_and_shows_nothing() -> None:
    stored = ring().encrypt("ada@x.test", PLACE)
    with pytest.raises(NotConfigured) as caught:
        make_ring("another-key-not-real", None).decrypt(stored, PLACE)
    assert "DATA_ENCRYPTION_KEY" in caught.value.detail
    assert caught.value.status == 503


@pytest.mark.parametrize(
    "damage", ["ENC2:", "ENC2:x", "ENC2:abc:!!", "ENC:", "ENC:%%%", "ENC:AAAA"]
)
def test_damaged_values_are_refused(damage: str) -> None:
    with pytest.raises(NotConfigured):
        ring().decrypt(damage, PLACE)


def test_legacy_values_and_plaintext_are_read_and_outdated() -> None:
    stored = legacy_value("ada@x.test")
    assert ring().decrypt(stored, PLACE) == "ada@x.test"
    assert ring().decrypt("plain", PLACE) == "plain"
    assert not ring().is_current(stored)
    assert not ring().is_current("plain")
    with pytest.raises(NotConfigured):
        make_ring("another-key-not-real", None).decrypt(stored, PLACE)
    with pytest.raises(NotConfigured):
        make_ring(None, KEY).decrypt(stored, PLACE)  # the derived key never wrote such values


def test_older_keys_read_but_do_not_write() -> None:
    old = make_ring("older-key-not-real", None)
    stored = old.encrypt("ada", PLACE)
    both = ring("older-key-not-real")
    assert both.decrypt(stored, PLACE) == "ada"
    assert not both.is_current(stored)
    assert both.email_lookups("a@x.test") == [
        DataKey(KEY).email_lookup("a@x.test"),
        DataKey("older-key-not-real").email_lookup("a@x.test"),
        DataKey("older-key-not-real", derived=True).email_lookup("a@x.test"),
    ]


def test_values_of_the_derived_key_outlive_a_key_of_its_own() -> None:
    stored = make_ring(None, "auth-secret-not-real").encrypt("ada", PLACE)
    assert make_ring(KEY, "auth-secret-not-real").decrypt(stored, PLACE) == "ada"
    with pytest.raises(NotConfigured, match="BETTER_AUTH_SECRET"):
        make_ring(None, None)


def test_lookup_is_one_for_every_spelling_and_none_without_the_key() -> None:
    key = DataKey(KEY)
    spellings = ["kate@x.test", " KATE@x.test", "\u212aate\uff20x.test"]
    assert len({key.email_lookup(one) for one in spellings}) == 1
    assert key.email_lookup("kate@x.test") != DataKey("another").email_lookup("kate@x.test")
    assert hashlib.sha256(b"kate@x.test").hexdigest() != key.email_lookup("kate@x.test")
    assert normal_email(" KATE@x.test ") == "kate@x.test"


def test_legacy_hashes_include_what_the_earlier_backend_stored() -> None:
    assert hashlib.sha256(b"ada@x.test").hexdigest() in legacy_email_hashes("Ada@X.test")


def test_hkdf_is_rfc_5869() -> None:
    info = b"book-answers/purpose/v1"
    expected = HKDF(algorithm=SHA256(), length=70, salt=None, info=info).derive(b"secret")
    assert hkdf(b"secret", "purpose", 70) == expected


def test_seal_opens_only_with_its_key_and_purpose() -> None:
    key = hkdf(b"secret", "seal")
    sealed = seal(key, b"payload", "access")
    assert unseal(key, sealed, "access") == b"payload"
    assert unseal(key, sealed, "other") is None
    assert unseal(hkdf(b"other", "seal"), sealed, "access") is None
    for damaged in ("", "x", sealed[:-1], sealed + "A", "é" * 40):
        assert unseal(key, damaged, "access") is None


def test_key_prints_without_its_secret() -> None:
    assert KEY not in repr(DataKey(KEY))
