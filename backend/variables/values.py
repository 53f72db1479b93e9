"""Parsers of the simple types: keys, secrets, names, numbers, rates, words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import SecretStr

from backend.variables.cleaning import looks_like_key
from backend.variables.findings import Note, Parser, Wrong


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``count`` requests in ``period_s`` seconds."""

    count: int
    period_s: int


_UNITS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_UNITS |= {"d": 86400, "day": 86400}
_RATE = re.compile(r"(\d{1,7})\s*(?:(?:/|per)\s*(\d{1,5})?\s*([a-z]+?)s?)?", re.ASCII)
_NUMBER = re.compile(r"(\d{1,12})([km]?)", re.ASCII)


def api_key(text: str, notes: list[Note]) -> SecretStr:
    """A key of an API, as it goes into a header."""
    if text.lower().startswith("bearer "):
        text = text[7:].strip()
        notes.append(Note("It began with the word Bearer.", "Set the key alone."))
    if "://" in text:
        raise Wrong(
            "It holds an address where a key belongs.",
            "Put the key here and the address in the URL variable.",
        )
    if text.startswith("napi_"):
        raise Wrong(
            "It holds a key of Neon's console.",
            "Set the key of the service that this variable is for.",
        )
    if re.search(r"\s", text):
        raise Wrong("It has a space or a line break inside.", "Copy the key again, in one piece.")
    if not text.isascii():
        raise Wrong(
            "It has characters that no key has (perhaps from a word processor).",
            "Copy the key again.",
        )
    return SecretStr(text)


def passphrase(text: str, notes: list[Note]) -> SecretStr:
    """Any text that is kept secret."""
    return SecretStr(text)


def signing_secret(text: str, notes: list[Note]) -> SecretStr:
    """A secret that signs sessions: 32 characters or more, not a well-known one."""
    how = "Make one: `python -c 'import secrets; print(secrets.token_urlsafe(48))'`."
    if "://" in text:
        raise Wrong("It holds an address where a secret belongs.", how)
    if len(text) < 32:
        raise Wrong("It is shorter than 32 characters, which can be guessed.", how)
    if len(set(text)) < 8 or re.match(
        r"better-auth-secret|super[-_ ]?secret|secret[-_ ]?key", text, re.I
    ):
        raise Wrong("It is an example value or a simple pattern, which can be guessed.", how)
    return SecretStr(text)


def plain_text(text: str, notes: list[Note]) -> str:
    """One line of at most 200 characters."""
    if looks_like_key(text):
        raise Wrong(
            "It holds a key where plain text belongs.", "Set words, and keep the key secret."
        )
    return re.sub(r"\s+", " ", text)[:200]


def model_name(text: str, notes: list[Note]) -> str:
    """The name of a model as its provider spells it."""
    if looks_like_key(text):
        raise Wrong(
            "It holds a key where a model's name belongs.",
            "Set the name of a model, and keep the key secret.",
        )
    if not re.fullmatch(r"[A-Za-z0-9][\w.:/@+-]{0,199}", text, re.ASCII) or "://" in text:
        raise Wrong(
            "It is not a model's name.", "Set the name as the provider lists it, without spaces."
        )
    return text


def collection_name(text: str, notes: list[Note]) -> str:
    """A name that Qdrant takes for a collection."""
    if looks_like_key(text) or not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,180}", text, re.ASCII):
        raise Wrong(
            "It is not a name for a collection.",
            "Use letters, digits, dots, dashes and underscores.",
        )
    return text


def whole(low: int, high: int) -> Parser:
    """A parser for a whole number from ``low`` to ``high``; also ``1,000`` and ``10k``."""

    def parse(text: str, notes: list[Note]) -> int:
        match = _NUMBER.fullmatch(re.sub(r"(?<=\d)[,_](?=\d{3})", "", text.lower()))
        if match is None:
            raise Wrong("It is not a whole number.", f"Set a number from {low} to {high}.")
        value = int(match[1]) * {"": 1, "k": 1000, "m": 1_000_000}[match[2]]
        if not low <= value <= high:
            raise Wrong("The number is out of range.", f"Set a number from {low} to {high}.")
        return value

    return parse


def fraction(text: str, notes: list[Note]) -> float:
    """A number from 0 to 1."""
    if not re.fullmatch(r"\d{0,3}[.,]?\d{1,12}", text, re.ASCII):
        raise Wrong(
            "It is not a number from 0 to 1.", "Set a number such as 0.35, or leave it empty."
        )
    value = float(text.replace(",", "."))
    if not 0 <= value <= 1:
        raise Wrong("The number is out of range.", "Set a number from 0 to 1, or leave it empty.")
    return value


def rate(text: str, notes: list[Note]) -> Rate | None:
    """``30/minute``, ``5 per second``, ``30`` (a minute); ``off`` is no limit (None)."""
    lowered = text.lower()
    if lowered in {"off", "unlimited"}:
        return None
    match = _RATE.fullmatch(lowered)
    unit = (match[3] or "minute") if match else ""
    if match is None or unit not in _UNITS or int(match[1]) == 0 or match[2] == "0":
        raise Wrong("It is not a rate.", "Write a number and a period, such as 30/minute, or off.")
    return Rate(int(match[1]), int(match[2] or 1) * _UNITS[unit])


def switch(text: str, notes: list[Note]) -> bool:
    """True or false in the usual words."""
    lowered = text.lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off"}:
        return False
    raise Wrong("It is neither true nor false.", "Set true or false.")


def choice(*words: str, **synonyms: str) -> Parser:
    """A parser for one of ``words``, upper or lower case; ``synonyms`` lead to one of them."""
    by_lower = {w.lower(): w for w in words} | {s.lower(): w for s, w in synonyms.items()}

    def parse(text: str, notes: list[Note]) -> str:
        if (word := by_lower.get(text.lower())) is None:
            raise Wrong(
                "It is none of the words that this variable takes.",
                f"Set one of {', '.join(words)}.",
            )
        return word

    return parse
