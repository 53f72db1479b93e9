"""Splits a text into what carries its structure and the prose in between. Pure.

Markdown is read line by line: fences, front matter, display maths, raw HTML, imports, tables,
markers of headings, lists and quotes are structure; what remains is prose, one piece for each
paragraph, item, heading or cell. The pieces joined are the text, byte for byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_INDENT = re.compile(r"[ \t]*")
_CONTAINER = re.compile(
    r"[ \t]{0,12}(?:>[ \t]?|(?:[-*+]|\d{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?=\S))"
)
_ITEM = re.compile(r"[ \t>]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_HEADING = re.compile(r"([ \t]{0,3}#{1,6}[ \t]+)(.*?)((?:[ \t]+\{#[^}]*\})?[ \t]*#*[ \t]*)")
_ADMONITION = re.compile(r"([ \t]*:{3,}[ \t]*[\w-]*[ \t]*\[?)([^\]{}]*)(\]?(?:\{[^}]*\})?[ \t]*)")
_NOTE = re.compile(r"[ \t]{0,3}\[\^[^\]\s]+\]:[ \t]*")
_VERBATIM_LINE = re.compile(
    r"[ \t]*(?:([-*_=])(?:[ \t]*\1)*[ \t]*|\[[^\]^][^\]]*\]:[ \t]*\S.*|:{3,}[ \t]*"
    r"|(?:</?[A-Za-z][^<>]*>[ \t]*)+)\Z"
)
_DELIMITERS = re.compile(r"[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\Z")
_BAR = re.compile(r"(?:[^|\\`]|\\.|(`+)(?:(?!\1).)*\1|`|\\)*")

_OPENERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[ \t]*(`{3,})[^`]*\Z"), r"[ \t>]*{0}`*[ \t]*\Z"),
    (re.compile(r"[ \t]*(~{3,})"), r"[ \t>]*{0}~*[ \t]*\Z"),
    (re.compile(r"[ \t]*\$\$(?!.*\$\$)"), r".*\$\$"),
    (re.compile(r"[ \t]*\\\[(?!.*\\\])"), r".*\\\]"),
    (re.compile(r"[ \t]*\\begin\{([\w*]+)\}(?!.*\\end)"), r".*\\end\{{{0}\}}"),
    (re.compile(r"[ \t]*<!--(?!.*-->)"), r".*-->"),
    (
        re.compile(r"(?i)[ \t]*<(pre|script|style|svg|math|textarea)\b(?!.*</\1)"),
        r"(?i).*</{0}[ \t]*>",
    ),
    (re.compile(r"[ \t]*</?[A-Za-z][\w.-]*(?:[ \t][^<>]*)?\Z"), r".*>"),
    (re.compile(r"import\s+(?:[^'\"\n]+\sfrom\s+)?['\"]|import\s+\{[^}]*\Z"), r"[ \t]*\Z"),
    (re.compile(r"export\s+(?:default|const|let|var|function|class)\b"), r"[ \t]*\Z"),
)
"""What opens a block whose lines are all verbatim, and what its last line looks like."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: ``prose`` may be rewritten, the rest not."""

    text: str
    prose: bool


@dataclass(slots=True)
class _Reader:
    pieces: list[Piece] = field(default_factory=list)
    closes: re.Pattern[str] | None = None
    list_indent: int = 0
    in_table: bool = False
    after_blank: bool = True
    open_prose: bool = False
    quote_depth: int = 0

    def verbatim(self, text: str) -> None:
        self.open_prose = False
        if text:
            self.pieces.append(Piece(text, prose=False))

    def prose(self, text: str) -> None:
        body = text.strip(" \t\r\n")
        if not body:
            self.verbatim(text)
            return
        start = text.index(body)
        self.verbatim(text[:start])
        self.pieces.append(Piece(body, prose=True))
        self.verbatim(text[start + len(body) :])

    def paragraph(self, text: str, end: str) -> None:
        """Prose that the next line may continue."""
        self.prose(text)
        self.verbatim(end)
        self.open_prose = True

    def continue_paragraph(self, line: str) -> None:
        """Put a soft-wrapped line into the paragraph before it, with the break between them."""
        tail = ""
        while not self.pieces[-1].prose:
            tail = self.pieces.pop().text + tail
        before = self.pieces.pop().text
        body = line.rstrip(" \t\r\n")
        self.pieces.append(Piece(before + tail + body, prose=True))
        self.verbatim(line[len(body) :])
        self.open_prose = True


def split_blocks(text: str) -> list[Piece]:
    """The pieces of a text, in order; joined they are the text."""
    reader = _Reader()
    lines = _LINES.findall(text)
    start = _front_matter(lines)
    reader.verbatim("".join(lines[:start]))
    for number, line in enumerate(lines[start:], start):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        _line(reader, line, following.rstrip("\r\n"))
    return reader.pieces


def _front_matter(lines: list[str]) -> int:
    """How many lines the front matter has."""
    if not lines or lines[0].rstrip() != "---":
        return 0
    ends = (n for n, line in enumerate(lines[1:60], 2) if line.rstrip() in ("---", "..."))
    return next(ends, 0)


def _line(reader: _Reader, line: str, following: str) -> None:
    content = line.rstrip("\r\n")
    if reader.after_blank and content[:1].strip():
        reader.list_indent = 0
    if reader.closes is not None:
        if reader.closes.match(content):
            reader.closes = None
        reader.verbatim(line)
    elif not content.strip(" \t>"):
        reader.verbatim(line)
        reader.after_blank, reader.in_table = True, False
    elif _opens(reader, content) or _is_code(reader, content) or _VERBATIM_LINE.match(content):
        reader.verbatim(line)
        reader.after_blank = False
    else:
        _text_line(reader, content, line[len(content) :], following)
        reader.after_blank = False


def _text_line(reader: _Reader, content: str, end: str, following: str) -> None:
    prefix, rest = _containers(content)
    if (item := _ITEM.match(content)) is not None:
        reader.list_indent = len(item[0].expandtabs(4))
    if _is_row(reader, content, following):
        _row(reader, content, end)
    elif (match := _HEADING.fullmatch(rest) or _ADMONITION.fullmatch(rest)) is not None:
        reader.verbatim(prefix + match[1])
        reader.prose(match[2])
        reader.verbatim(match[3] + end)
    elif (match := _NOTE.match(rest)) is not None:
        reader.verbatim(prefix + match[0])
        reader.paragraph(rest[match.end() :], end)
    elif reader.open_prose and prefix.count(">") <= reader.quote_depth and not _ITEM.match(content):
        reader.continue_paragraph(content + end)
    else:
        reader.verbatim(prefix)
        reader.paragraph(rest, end)
        reader.quote_depth = prefix.count(">")


def _containers(content: str) -> tuple[str, str]:
    """The markers of quotes and list items before a line's own content, and that content."""
    at = 0
    while (match := _CONTAINER.match(content, at)) is not None:
        at = match.end()
    at += len(_INDENT.match(content, at)[0])  # type: ignore[index]
    return content[:at], content[at:]


def _opens(reader: _Reader, content: str) -> bool:
    """Whether a verbatim block begins here; sets what ends it."""
    _, rest = _containers(content)
    for opener, closer in _OPENERS:
        match = opener.match(rest)
        if match is not None:
            name = re.escape(match[1]) if opener.groups else ""
            reader.closes = re.compile(closer.format(name) if opener.groups else closer)
            return True
    return False


def _is_code(reader: _Reader, content: str) -> bool:
    """Whether this is a line of an indented code block."""
    width = len(_INDENT.match(content)[0].expandtabs(4))  # type: ignore[index]
    if reader.open_prose or width < reader.list_indent + 4:
        return False
    return reader.after_blank or not reader.pieces[-1].prose


def _is_row(reader: _Reader, content: str, following: str) -> bool:
    if _DELIMITERS.match(content) and "|" in content:
        reader.in_table = True
        return True
    if reader.in_table or content.lstrip(" \t>").startswith("|"):
        return "|" in content
    return "|" in content and "|" in following and _DELIMITERS.match(following) is not None


def _row(reader: _Reader, content: str, end: str) -> None:
    if _DELIMITERS.match(content):
        reader.verbatim(content + end)
        return
    at = 0
    while at < len(content):
        cell = _BAR.match(content, at)
        assert cell is not None
        reader.prose(cell[0])
        at = cell.end()
        if at < len(content):
            reader.verbatim(content[at])
            at += 1
    reader.verbatim(end)
