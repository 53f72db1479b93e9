"""Conversations as files: plain text and Markdown. Pure.

What readers and models wrote is data here. In both formats no line of it begins where a
spreadsheet would look for a formula, and nothing in it steers a terminal or turns text around; in
Markdown it cannot embed images, forms or HTML either, so opening an export fetches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from backend.text.sanitize import over_prose, sanitize, strip_controls

_SPEAKERS = {"user": "You", "assistant": "Answer", "system": "Note"}
_INDENT = "  "
_CUT_NOTE = "(This answer was cut off.)"
_FORMULA = re.compile(r"^(?=[=@]|[+\-](?=[^\s+\-]))", re.MULTILINE)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """One message of an export; ``truncated`` where an answer broke off."""

    role: str
    content: str
    at: datetime
    selected_text: str | None = None
    sources: Sequence[str] = ()
    truncated: bool = False


def one_line(text: str, max_chars: int) -> str:
    """The text without controls on one line, cut at a word where it is longer than allowed."""
    line = _SPACES.sub(" ", strip_controls(text)).strip()
    if len(line) <= max_chars:
        return line
    head, _, _ = line[:max_chars].rpartition(" ")
    return (head if len(head) > max_chars // 2 else line[: max_chars - 1]).rstrip(" ,.;:") + "…"


def as_text(title: str, messages: Iterable[Said]) -> str:
    """The conversation as plain text: who and when at the margin, what was said indented."""
    parts = [one_line(title, 255)]
    for said in messages:
        lines = [f"{_speaker(said)} ({_when(said.at)}):"]
        if said.selected_text:
            lines.append(_indented(f"Selected: {said.selected_text}"))
        lines.append(_indented(said.content))
        lines += [_indented(source) for source in said.sources]
        if said.truncated:
            lines.append(_indented(_CUT_NOTE))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def as_markdown(title: str, messages: Iterable[Said]) -> str:
    """The conversation as Markdown: a heading per message, what was selected as a quotation."""
    parts = [f"# {_escaped(one_line(title, 255))}"]
    for said in messages:
        parts.append(f"## {_speaker(said)}, {_when(said.at)}")
        if said.selected_text:
            parts.append(_quoted(said.selected_text))
        parts.append(_rendered(said.content))
        if said.sources:
            parts.append("\n".join(f"- {_escaped(one_line(s, 500))}" for s in said.sources))
        if said.truncated:
            parts.append(f"*{_CUT_NOTE}*")
    return "\n\n".join(parts) + "\n"


def _speaker(said: Said) -> str:
    return _SPEAKERS.get(said.role, "Note")


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _indented(text: str) -> str:
    return "\n".join(f"{_INDENT}{line}".rstrip() for line in strip_controls(text).split("\n"))


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in _rendered(text).split("\n"))


def _rendered(markdown: str) -> str:
    """Safe Markdown whose lines outside of code begin no formula."""
    safe = sanitize(markdown, max_chars=len(markdown))
    return over_prose(safe, lambda prose: _FORMULA.sub(r"\\", prose))


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
