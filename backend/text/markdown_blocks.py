"""Markdown lines -> a tree of blocks with line ranges, by markdown-it's block parser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from backend.text.markdown_scan import Scan

_CONTAINERS = {
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "list_item_open": "item",
    "blockquote_open": "quote",
}
_LEAVES = {
    "paragraph_open": "paragraph",
    "heading_open": "heading",
    "table_open": "table",
    "fence": "fence",
    "code_block": "code",
    "html_block": "html",
    "hr": "rule",
}
_HEADING_ID = re.compile(r"\s*\{:?\s*#([^{}]+)\}$")  # also with spaces, as MkDocs writes it
_HEADING_ID_COMMENT = re.compile(r"\s*\{/\*\s*#(\S+)\s*\*/\}$")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]")
_MARKED_HEADING = re.compile(r"[\\`*_~<>&\[\]!\n]")
_WORD = re.compile(r"\w")


class Line(IntEnum):
    """What a line is, for the index."""

    PROSE = 0
    CODE = 1
    FENCE = 2
    HEADING = 3
    ROW = 4
    RULE = 5


@dataclass(slots=True)
class Block:
    """Lines ``start`` to ``end`` (0-based, exclusive) of one kind.

    Kinds: paragraph, heading, table, fence, code, html, rule, list, item, quote, container (an
    admonition or a component), open, close, void (its fences and tags), loose (anything else).
    ``heading`` is (level, raw text) of a heading.
    """

    start: int
    end: int
    kind: str
    children: list[Block] = field(default_factory=list)
    heading: tuple[int, str] = (0, "")


@dataclass(slots=True)
class Page:
    """A scanned file with its blocks.

    ``runs`` are the top-level blocks, one list per stretch of lines without an omitted one.
    ``headings`` are all headings in order, nested ones too, because each takes an anchor.
    ``offsets[i]`` counts the characters of the lines before line i, newlines included.
    ``plain``: the file is no Markdown.
    """

    scan: Scan
    kinds: bytearray
    offsets: list[int]
    runs: list[list[Block]] = field(default_factory=list)
    headings: list[Block] = field(default_factory=list)
    references: dict[str, Any] = field(default_factory=dict)
    plain: bool = False

    def size(self, start: int, end: int) -> int:
        """Characters of the lines, with the newlines between them."""
        return self.offsets[end] - self.offsets[start] - 1

    def is_indexed(self, block: Block) -> bool:
        """Whether the index sees anything of the block: of comments and most tags it does not."""
        return any(line.strip() for line in self.scan.index[block.start : block.end])

    def cover(self, start: int, end: int, blocks: Sequence[Block]) -> list[Block]:
        """The blocks, and in between whatever non-blank lines of the range they leave out."""
        covered: list[Block] = []
        at = start
        for block in blocks:
            covered.extend(self._gap(at, block.start))
            covered.append(block)
            at = max(at, block.end)
        covered.extend(self._gap(at, end))
        return covered

    def _gap(self, at: int, end: int) -> Iterator[Block]:
        lines, markers = self.scan.lines, self.scan.markers
        while at < end:
            marker = markers.get(at)
            if marker:
                yield Block(at, min(marker[0], end), marker[1])
                at = marker[0]
                continue
            first = at
            while at < end and at not in markers and lines[at].strip():
                at += 1
            if at > first:
                wordless = not any(_WORD.search(line) for line in lines[first:at])
                yield Block(first, at, "close" if wordless else "loose")
            elif at not in markers:
                at += 1


def parse(scan: Scan) -> Page:
    """Parse every stretch between omitted lines (front matter, imports) for itself."""
    sizes = accumulate((len(line) + 1 for line in scan.lines), initial=0)
    page = Page(scan, bytearray(len(scan.lines)), list(sizes))
    start = 0
    for number in (*sorted(scan.omitted), len(scan.lines)):
        if any(line.strip() for line in scan.lines[start:number]):
            blocks = _parse_run(page, start, number)
            page.runs.append(page.cover(start, number, blocks))
        start = number + 1
    return page


def _parse_run(page: Page, start: int, end: int) -> list[Block]:
    env: dict[str, Any] = {}
    tokens = _parser().parse("\n".join(page.scan.blocks[start:end]), env)
    page.references.update(env.get("references", {}))
    root = Block(start, end, "root")
    stack = [root]
    for number, token in enumerate(tokens):
        if token.nesting < 0:
            if f"{token.type.removesuffix('_close')}_open" in _CONTAINERS:
                stack.pop()
            continue
        block = _block(page, token, start)
        if block is None:
            continue
        stack[-1].children.append(block)
        if token.type in _CONTAINERS:
            stack.append(block)
        elif block.kind == "heading":
            block.heading = int(token.tag[1]), tokens[number + 1].content
            page.headings.append(block)
    return root.children


def _block(page: Page, token: Token, offset: int) -> Block | None:
    kind = _CONTAINERS.get(token.type) or _LEAVES.get(token.type)
    if kind is None or token.map is None:
        return None
    start, end = token.map[0] + offset, token.map[1] + offset
    lines = page.scan.blocks
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    if kind == "paragraph" and not any(line.strip() for line in lines[start:end]):
        return None  # a form feed or no-break spaces, which CommonMark does not count as blank
    _note_kinds(page.kinds, token, kind, start, end)
    return Block(start, end, kind)


def _note_kinds(kinds: bytearray, token: Token, kind: str, start: int, end: int) -> None:
    if kind in ("heading", "rule"):
        kinds[start:end] = bytes([Line[kind.upper()]]) * (end - start)
    elif kind == "table":
        kinds[start:end] = bytes([Line.ROW]) * (end - start)
        kinds[start + 1] = Line.RULE
    elif kind in ("fence", "code"):
        kinds[start:end] = bytes([Line.CODE]) * (end - start)
        if kind == "fence":
            kinds[start] = Line.FENCE
            if end - start - 1 > token.content.count("\n"):
                kinds[end - 1] = Line.FENCE


@dataclass(frozen=True, slots=True)
class HeadingText:
    """``text`` for people; ``slug_text`` is what the slugger sees; ``id`` when written by hand."""

    text: str
    slug_text: str
    id: str = ""


def heading_text(raw: str, references: dict[str, Any]) -> HeadingText:
    """A heading's plain text, as Docusaurus takes it for its anchor, and its explicit id."""
    own_id = ""
    for pattern in (_HEADING_ID, _HEADING_ID_COMMENT):
        if match := pattern.search(raw):
            raw, own_id = raw[: match.start()], match[1].strip()
            break
    plain = raw
    if _MARKED_HEADING.search(raw):
        inline = _inline_parser().parseInline(_FOOTNOTE.sub("", raw), {"references": references})
        plain = "".join(map(_plain, inline[0].children or ()))
    return HeadingText(" ".join(plain.split()), plain.strip(), own_id)


def _plain(token: Token) -> str:
    if token.type == "image":
        return "".join(map(_plain, token.children or ()))
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    return token.content if token.type in ("text", "code_inline", "text_special") else ""


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """Block structure only: the inline rules would take most of the time and are not needed."""
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


@lru_cache(maxsize=1)
def _inline_parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("strikethrough")
