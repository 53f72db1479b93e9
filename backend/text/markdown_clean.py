"""Takes from Markdown what no reader would search for: markers, link targets, tags, comments.

Works on runs of lines with regular expressions instead of an inline parser, which would be some
twenty times slower.
"""

from __future__ import annotations

import re
from html import unescape

from backend.text.markdown_tags import attribute_text

MAX_INLINE = 50_000
"""Characters. Longer runs without a line that could be cut are data, not prose; they are left as
they are, because the patterns are quadratic on hostile input."""

_LINE_START = re.compile(
    r"^[ \t]*(?:>[ \t]?)*[ \t]*(?:(?:[-*_][ \t]*){3,}$|[-=]+[ \t]*$|[-*+][ \t]+(?:\[[ xX]\][ \t]+)?"
    r"|#{1,6}[ \t]+|:[ \t]+|\[\^[^\]\n]+\]:"
    r"|\[[^\[\]\n]+\]:[ \t]*\S+(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*$)?",
    re.MULTILINE,
)
_LABEL = r"(?P<label>(?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]"
_TARGET = r"\((?:[^()\s\\]|\\.|\([^()\s]*\)|[ \t]*<[^<>\n]*>|\s+(?:\"[^\"]*\"|'[^']*'))*[ \t]*\)"
# The first character is consumed by a set, so that the search leaps from one to the next, and
# each alternative looks back at which one it was.
_INLINE = re.compile(
    r"[`<$\[!\\{_*~](?:"
    r"(?<=`)(?P<ticks>`{0,4})(?P<code>[^`]+)`(?P=ticks)(?!`)"
    r"|(?<=<)(?:!--(?:(?!-->).){0,1000}-->"
    r"|(?P<address>[a-z][a-z0-9+.-]*:[^<>\s]*)>"
    r"|(?P<tag>/?[A-Za-z](?:[^<>\"'{]|\"[^\"]*\"|'[^']*'|\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})*>))"
    r"|(?<=\$)(?P<maths>[^$\s](?:[^$\n]*[^$\s\\])?)\$(?!\d)"
    rf"|(?:(?<=!)\[|(?<=\[)){_LABEL}(?:{_TARGET}|\[[^\[\]]*\])"
    r"|(?<=\[)\^[^\[\]\s]+\]"
    r"|(?<=\\)(?:(?P<escaped>[!-/:-@\[-`{-~])|$)"
    r"|(?<=\{)(?:/\*(?:(?!\*/).){0,1000}\*/\}|:?[ \t]*#[^{}\n]+\}[ \t]*$)"
    r"|(?<=(?<!\w)_)_{0,2}(?=[^\s_])|(?<=[^\s_]_)_{0,2}(?!\w)"
    r"|(?<=\w\*)\*{1,2}(?=\w)"
    r"|(?<=(?<![\w*])\*)\*{0,2}(?=[^\s*])|(?<=[^\s*]\*)\*{0,2}(?!\w)"
    r"|(?<=~)~)",
    re.MULTILINE | re.DOTALL,
)
_MARKED = re.compile(r"[`<{$\[\\*_~]")
_BLANK_LINES = re.compile(r"\n\s*")
_AND_SPACES = re.compile(r"[ \t]*\n\s*")  # five times as slow: it stops at every space
_CELL_BORDER = re.compile(r"[ \t]*(?<!\\)\|[ \t]*")
_FENCE_TITLE = re.compile(r"\b(?:title|caption|name|filename)=[\"']([^\"'\n]+)[\"']")
_FENCE_MARK = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(?:`{3,}|~{3,}|\$\$)(.*)$")


def clean_prose(text: str) -> str:
    """A run of lines that are no code, as a reader sees them."""
    text = _LINE_START.sub("", text)
    if len(text) <= MAX_INLINE and _MARKED.search(text):
        text = _inline(text)
    if "&" in text:
        text = unescape(text)
    trailing = " \n" in text or "\t\n" in text
    return (_AND_SPACES if trailing else _BLANK_LINES).sub("\n", text).strip()


def clean_row(line: str) -> str:
    """The cells of a table row with spaces between them, still with inline markup."""
    return _CELL_BORDER.sub(" ", line).strip()


def clean_fence_line(line: str) -> str:
    """What an opening or closing fence says to a reader: its title, or maths beside ``$$``."""
    match = _FENCE_MARK.match(line)
    if match is None:
        return line
    if "$$" in line[: match.start(1)]:
        return match[1].strip()
    title = _FENCE_TITLE.search(match[1])
    return title[1] if title else ""


def _inline(text: str) -> str:
    return _INLINE.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "label":
        label = match["label"]
        return _inline(label) if _MARKED.search(label) else label
    if kind == "tag":
        return attribute_text(match["tag"]) if "=" in match["tag"] else ""
    if kind is None:
        return ""
    return match[kind]
