"""What copying and pasting leaves in a value, and what a value looks like. Pure."""

from __future__ import annotations

import ipaddress
import re
import unicodedata

_QUOTES = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_NOTHING = {"none", "null", "nil", "undefined", "n/a", "-"}
_TEMPLATES = (
    r"change[-_ ]?me|replace[-_ ]?me|place[-_ ]?holder|to[-_ ]?do|dummy|example",
    r"x{3,}|\*{3,}|\.{3,}",
    r"(?:put|insert|enter|paste|fill)[-_ ].*|.*(?:key|token|secret|password|url)[-_ ]here",
    r".*(?:\b|_)your[-_ ]\w.*|your(?:key|token|secret|password|url).*",
    r"<.*>|.*<[\w .-]+>.*|\$\{.*\}|\$[A-Z_]{3,}|%[A-Z_]{3,}%|.*(?:\.\.\.|\u2026|\u2022{3,})",
    r".*://(?:user|username):(?:password|pass|pw)@.*",
)
_TEMPLATE = re.compile("|".join(_TEMPLATES), re.IGNORECASE | re.DOTALL)
_KEY_SHAPES = re.compile(
    r"(?:sk-|gsk_|napi_|hf_|AIza|AQ\.|eyJ|ghp_|github_pat_|xai-|pplx-|nvapi-)[\w.~+/=-]{12,}"
)


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(raw: str, names: tuple[str, ...] = ()) -> tuple[str, tuple[str, ...]]:
    """The text without what copying and pasting adds around it, and the words for what went.

    Invisible characters inside go too, except line breaks and tabs, which a parser has to judge,
    and the joiners that scripts need. A leading ``NAME=`` or
    ``export NAME=`` is taken off where NAME is one of ``names``.
    """
    removed: list[str] = []
    text = "".join(c for c in raw if c in "\n\r\t\u200c\u200d" or not _invisible(c))
    if len(text) != len(raw):
        removed.append("invisible characters")
    while True:
        before = text
        text = text.strip(" \t\u00a0\u3000\u200c\u200d\ufeff")
        if before != text:
            removed.append("spaces")
        stripped = text.strip("\r\n\v\f\x85 \t")
        if stripped != text:
            removed.append("a line break")
            text = stripped
        if len(text) >= 2 and _QUOTES.get(text[0]) == text[-1]:
            removed.append("quotation marks")
            text = text[1:-1]
        assigned = re.match(r"(?:export\s+)?([A-Z][A-Z0-9_]+)\s*=\s*", text)
        if assigned and assigned[1] in names:
            removed.append("the variable's own name")
            text = text[assigned.end() :]
        if text == before:
            return text, tuple(dict.fromkeys(removed))


def is_nothing(text: str) -> bool:
    """Whether the text is a word for no value, such as ``none`` or ``null``."""
    return text.lower() in _NOTHING


def is_placeholder(text: str) -> bool:
    """Whether the text is what an example file holds rather than a value."""
    return len(text) <= 500 and _TEMPLATE.fullmatch(text) is not None


def looks_like_key(text: str) -> bool:
    """Whether the text has the shape of a provider's API key or of a token."""
    return _KEY_SHAPES.match(text) is not None


def is_local(host: str) -> bool:
    """Whether a host is this machine or inside a private network (or a name without dots)."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private
