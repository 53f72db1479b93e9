"""Takes personal data and secrets out of what readers write, before it is kept. Pure.

Found are the forms that can be told by their looks: addresses of mail and network, telephone, card
and identity numbers, keys and tokens, credentials in addresses, and names that somebody introduces
himself with. Versions, dates, measures and code are left as they are.
"""

from __future__ import annotations

import re

_SECRET_WORD = (
    r"(?:pass(?:word|wd|code|phrase)?|pwd|secret|token|api[_ -]?key|access[_ -]?key|auth\w*|bearer)"
)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "[key]",
        re.compile(r"-----BEGIN [A-Z ]{0,40}-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", re.S),
    ),
    ("[address]", re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/@<>\"']{1,200}@[^\s<>\"']*", re.I)),
    (
        "[email]",
        re.compile(r"(?<![\w.+-])[\w.+-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:\.[\w-]{1,63})*\.[^\W\d_]{2,24}\b"),
    ),
    ("[key]", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?")),
    (
        "[key]",
        re.compile(
            r"\b(?:sk|pk|rk|gh[oprsu]|github_pat|glpat|hf|xox[abeoprs]|npg|whsec|gsk|AIza|AKIA|ASIA)"
            r"[_-]?[A-Za-z0-9_-]{12,}"
        ),
    ),
    (
        r"\1[key]",
        re.compile(
            rf"(\b{_SECRET_WORD}\b(?:\s*[:=]\s*|\s+is\s+|\s+)[\"']?)(?=[^\s\"']*[\d$!%^&*])[^\s\"']{{6,}}",
            re.I,
        ),
    ),
    ("[key]", re.compile(r"\b(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_-]{28,}\b")),
    ("[number]", re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,3})?\b")),
    ("[number]", re.compile(r"(?<![\d.-])(?:\d{5}-\d{7}-\d|\d{3}-\d{2}-\d{4})(?![\d-])")),
    (
        "[ip]",
        re.compile(
            r"(?<![\w.])(?!(?:127\.0\.0\.1|0\.0\.0\.0|255\.255\.[\d.]+)\b)"
            r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)"
        ),
    ),
    (
        "[ip]",
        re.compile(
            r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])"
            r"|(?<![\w:])(?=[0-9a-f:]*\d)(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}(?![\w:])"
            r"|(?<![\w:])(?=[0-9a-f:]*\d)(?:[0-9a-f]{1,4}:){2,7}:(?![\w:])",
            re.I,
        ),
    ),
    ("[ip]", re.compile(r"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b", re.I)),
    (
        r"\1[name]",
        re.compile(
            r"((?i:\bmy name is|\bmy name's|\bi am called|\bmera naa?m|میرا نام)\s+)"
            r"[^\W\d_]+(?:[ '-][A-Z][^\W\d_]+){0,3}"
        ),
    ),
)  # fmt: skip
_PHONE = re.compile(
    r"(?<![\w.,/+-])(?:\+|00)?\(?\d{1,5}\)?(?:[ \-/]\(?\d{2,8}\)?){1,5}(?![\w,/]|\.\d)"
    r"|(?<![\w.,/+-])(?:\+|00?)[1-9]\d{7,13}(?![\w,/]|\.\d)"
)
_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}|\d{1,2}[-/]\d{1,2}[-/]\d{4}")
_PHONE_DIGITS = range(9, 16)


_CARD = re.compile(r"(?<![\d.])\d{4}([ -]?)\d{4}\1\d{4}\1\d{1,7}(?![\d.])")


def redact(text: str) -> str:
    """The text with a word in brackets in place of everything personal that was found.

    ``[email]``, ``[phone]``, ``[ip]``, ``[key]``, ``[address]``, ``[number]`` or ``[name]``.
    """
    for label, pattern in _RULES:
        text = pattern.sub(label, text)
    return _CARD.sub("[number]", _PHONE.sub(_unless_measure, text))


def _unless_measure(match: re.Match[str]) -> str:
    found = match[0]
    digits = sum(character.isdigit() for character in found)
    if digits not in _PHONE_DIGITS or _DATE.match(found):
        return found
    return "[phone]"


def redact_and_cut(text: str, limit: int) -> str:
    """The redacted text on one line, of at most ``limit`` characters; a cut shows as ``…``."""
    line = " ".join(redact(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
