"""Splits a passage of Markdown into pieces that can stand alone: sentences, items, code, tables."""

from __future__ import annotations

import re
from typing import NamedTuple

_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s")
_TABLE = re.compile(r"^\s*\|.*\|\s*$")
_NOISE = re.compile(r"^\s*(?::::\w*.*|</?[A-Za-z][^>]*>|(?:-{3,}|\*{3,}|_{3,}))\s*$")
# one set of characters at the beginning: the scan can skip to them
_SENTENCE_END = re.compile(r"[.!?。！？۔؟](?:[\"')\]*_]*(?=\s|$)|(?<=[。！？]))")
_CODE_ENDS = ("(", "{", "[", ";", ",", "\\")
_CODE_LINE = re.compile(
    r"(?: {4}|\t)\s*\S|\s*(?:[)}\]]+[;,]?$|(?:def|class|import|from|return|for|if"
    r"|else|fn|let|pub|use|const|var|public|private|static|void|@\w+|#include)\b.*[:;({\w)]$"
    r"|</?\w[^>]*>|[\w.\[\]'\"]+\s*[-+*/]?=\s*\S|[\w.]+\([^)]*\)[;:]?$)"
)
CODE_SHARE = 0.5
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|cf|vs|Fig|Eq|No|Dr|Mr|Ms|[A-Z])\.$")
_LONGEST = 8
"""More characters than an abbreviation has."""


class Piece(NamedTuple):
    """``text == passage[start:end]``; ``kind``: sentence, item, code, table or heading.

    ``block`` numbers the block (paragraph, list, fence, table) that the piece belongs to.
    """

    kind: str
    start: int
    end: int
    text: str
    block: int


def pieces(passage: str) -> list[Piece]:
    """Pieces in order. Code and tables are whole; noise such as ``:::note`` lines is left out.

    A passage from the middle of a code block, where its fences are out of sight, is code too.
    """
    if is_bare_code(passage):
        start = len(passage) - len(passage.lstrip("\n"))
        return [Piece("code", start, len(passage.rstrip()), passage[start:].rstrip(), 0)]
    found: list[Piece] = []
    for block, (kind, start, end) in enumerate(_blocks(passage)):
        if kind == "paragraph":
            spans = [("sentence", a, b) for a, b in sentences(passage, start, end)]
        else:
            spans = [(kind, start, end)]
        found += [Piece(name, a, b, passage[a:b], block) for name, a, b in spans if b > a]
    return found


def is_bare_code(passage: str) -> bool:
    """Whether the passage is code without its fences, as far as its lines show."""
    lines = [line for line in passage.splitlines() if line.strip()]
    if len(lines) < 2 or any(_FENCE.match(line) for line in lines):
        return False
    code = sum(line.endswith(_CODE_ENDS) or bool(_CODE_LINE.match(line)) for line in lines)
    return code >= CODE_SHARE * len(lines)


def _lines(passage: str) -> list[tuple[int, int, str]]:
    lines, at = [], 0
    for line in passage.splitlines(keepends=True):
        lines.append((at, at + len(line.rstrip("\r\n")), line))
        at += len(line)
    return lines


def _kind(line: str) -> str:
    if not line.strip() or _NOISE.match(line):
        return "break"
    if _HEADING.match(line):
        return "heading"
    if _TABLE.match(line):
        return "table"
    return "item" if _ITEM.match(line) else "paragraph"


def _blocks(passage: str) -> list[tuple[str, int, int]]:
    """``(kind, start, end)`` of every block; an item runs to the next item or blank line."""
    blocks: list[tuple[str, int, int]] = []
    lines, position, open_kind = _lines(passage), 0, "break"
    while position < len(lines):
        start, end, line = lines[position]
        fence = _FENCE.match(line)
        if fence:
            last = _closing(lines, position, fence.group(1))
            blocks.append(("code", start, lines[last][1]))
            position, open_kind = last + 1, "break"
            continue
        kind = _kind(line)
        joins = (kind == open_kind == "table") or (
            kind == "paragraph" and open_kind in {"paragraph", "item"}
        )
        if joins:
            previous = blocks.pop()
            blocks.append((previous[0], previous[1], end))
        elif kind != "break":
            blocks.append((kind, start + len(line) - len(line.lstrip()), end))
        open_kind = open_kind if joins else ("break" if kind == "heading" else kind)
        position += 1
    return blocks


def _closing(lines: list[tuple[int, int, str]], opening: int, mark: str) -> int:
    for position in range(opening + 1, len(lines)):
        stripped = lines[position][2].strip()
        if stripped.startswith(mark) and not stripped.strip(mark[0]):
            return position
    return len(lines) - 1


def sentences(passage: str, start: int, end: int) -> list[tuple[int, int]]:
    """Start and end of every sentence of ``passage[start:end]``, without the blanks between."""
    spans, begin = [], start
    for match in _SENTENCE_END.finditer(passage, start, end):
        stop = match.end()
        if stop < end and _is_abbreviation(passage, begin, match.start()):
            continue
        spans.append((begin, stop))
        begin = stop
        while begin < end and passage[begin].isspace():
            begin += 1
    if begin < end:
        spans.append((begin, end))
    return spans


def _is_abbreviation(passage: str, begin: int, dot: int) -> bool:
    """Whether the full stop ends an abbreviation, or the number of a list, not a sentence."""
    if passage[dot] != ".":
        return False
    if passage[begin:dot].lstrip().isdecimal():
        return True
    return _ABBREVIATION.search(passage, max(begin, dot - _LONGEST), dot + 1) is not None
