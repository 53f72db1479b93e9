"""JSX component tags that stand alone on their lines, and the text that tags carry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[ \t]*<(?P<slash>/?)(?P<name>[A-Z][\w.]*)")
_DELIMITER = re.compile(r"[\"'`{}>]")
_REST = re.compile(r"[ \t]*(?:\n|$|(?=</?[A-Z]))")
_ATTRIBUTE = re.compile(
    r"\b(?:title|label|alt|summary|caption|description|aria-label)"
    r"=(?:\"([^\"]*)\"|'([^']*)'|\{[\"'`]([^\"'`]*)[\"'`]\})"
)


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags on the lines up to ``end`` (exclusive).

    ``moves`` are (closes, name) for tags that open or close a component; ``source`` is their text.
    """

    end: int
    moves: tuple[tuple[bool, str], ...]
    source: str


def read_tags(lines: Sequence[str], at: int, max_lines: int) -> Tags | None:
    """The component tags that begin on line ``at``; None where there is other text beside them."""
    if not _NAME.match(lines[at]):
        return None
    source = lines[at]
    if ">" not in source or _unfinished(source):
        source = "\n".join(lines[at : at + max_lines])
    moves: list[tuple[bool, str]] = []
    position = 0
    while True:
        name = _NAME.match(source, position)
        end = _tag_end(source, name.end()) if name else 0
        rest = _REST.match(source, end) if end else None
        if name is None or rest is None:
            return None
        if source[end - 2] != "/":
            moves.append((bool(name["slash"]), name["name"]))
        position = rest.end()
        if position == len(source) or source[position - 1] == "\n":
            break
    source = source[:position].removesuffix("\n")
    return Tags(at + source.count("\n") + 1, tuple(moves), source)


def attribute_text(source: str) -> str:
    """What a reader would see of the attributes: titles, labels, alternative texts."""
    found = (a or b or c for a, b, c in _ATTRIBUTE.findall(source))
    return " ".join(text.strip() for text in found if text.strip())


def _unfinished(line: str) -> bool:
    last = line.rfind("<")
    return _tag_end(line, last) == 0


def _tag_end(source: str, position: int) -> int:
    """Index behind the ``>`` that ends the tag, or 0; strings and braces may hold others."""
    depth, quote = 0, ""
    for match in _DELIMITER.finditer(source, position):
        mark = match[0]
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "\"'`":
            quote = mark
        elif mark == ">":
            if depth == 0:
                return match.end()
        else:
            depth = max(0, depth + (1 if mark == "{" else -1))
    return 0
