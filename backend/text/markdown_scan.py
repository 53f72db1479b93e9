"""Finds, line by line, what Docusaurus adds to Markdown, so that a CommonMark parser copes with it.

MDX imports and exports, comments, component tags, admonitions and maths blocks are recognised
outside code fences. The file keeps its lines: each special line is given a neutral form for the
block parser and a readable form for the index, under the same number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from backend.text.markdown_tags import attribute_text, read_tags

MAX_DEPTH = 16
"""Containers that are nested deeper count as plain lines."""
MAX_SPAN = 300
"""Lines that a tag, a comment or a maths block may take; a longer one is taken for text."""

_SPECIAL = re.compile(
    r"^[ \t]*(?:</?[A-Z]|<!--|\{/\*|:{3}|/{3}|\$\$)|^(?:import|export)[ \t{*'\"]", re.MULTILINE
)
_FENCE = re.compile(
    r"[ \t]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+|>[ \t]?)*(?P<mark>`{3,}(?=[^`]*$)|~{3,})"
)
_FENCE_END = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*$")
_DIRECTIVE = re.compile(r"[ \t]*(?P<mark>:{3,}|/{3,})[ \t]*(?P<rest>.*?)[ \t]*$")
_COLON_NAME = re.compile(r"\{?[A-Za-z][\w-]*\}?(?:\[(?P<label>.*?)\])?(?:\{[^}]*\})?(?P<title>.*)$")
_SLASH_NAME = re.compile(r"[a-z][\w-]*(?:[ \t]*\|(?P<title>.*))?$")
_IMPORT = re.compile(r"import(?:[ \t]*['\"]|[ \t]*\{|[ \t]+\*|[ \t]+[\w$]+[ \t]*(?:,|from\b))")
_EXPORT = re.compile(
    r"export[ \t]+(?:(?:const|let|var|class)[ \t]+[\w$\[{]|(?:async[ \t]+)?function\b|\{|\*"
    r"|default[ \t]+(?:function\b|class\b|\(|\{|[A-Z]))"
)
_IMPORT_END = re.compile(r"['\"][ \t]*;?[ \t]*$")
_STRINGS = re.compile(r"'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|`(?:[^`\\]|\\.)*`|//[^\n]*")


@dataclass(slots=True)
class Scan:
    """The lines of a file in the forms that the later steps need, all equally long.

    ``lines`` is the file, ``blocks`` what the block parser sees, ``index`` what the index sees.
    ``omitted`` holds lines that are in no chunk (front matter, imports and exports). ``markers``
    maps the first line of tags or of an admonition's fence to (end, ``open``/``close``/``void``).
    ``containers`` maps the first line of a closed container to (end, whether an admonition); ends
    are exclusive.
    """

    lines: list[str]
    blocks: list[str]
    index: list[str]
    omitted: set[int] = field(default_factory=set)
    markers: dict[int, tuple[int, str]] = field(default_factory=dict)
    containers: dict[int, tuple[int, bool]] = field(default_factory=dict)


@dataclass(slots=True)
class _Open:
    name: str
    line: int
    indent: int
    dedent: int | None


def scan(lines: list[str], start: int) -> Scan:
    """Scan a file whose first ``start`` lines are front matter."""
    result = Scan(lines, lines, lines, set(range(start)))
    if _SPECIAL.search("\n".join(lines)):
        result.blocks, result.index = lines.copy(), lines.copy()
        _Scanner(result).run(start)
    return result


class _Scanner:
    def __init__(self, result: Scan) -> None:
        self._out = result
        self._lines: Sequence[str] = result.lines
        self._open: list[_Open] = []
        self._dedent = 0

    def run(self, at: int) -> None:
        while at < len(self._lines):
            line = self._lines[at]
            if not line or line.isspace():
                at += 1
                continue
            self._learn_indent(line)
            end = self._fence(at) or self._special(at) or at + 1
            if self._dedent:
                for number in range(at, end):
                    self._out.blocks[number] = _dedented(self._out.blocks[number], self._dedent)
            at = end

    def _special(self, at: int) -> int:
        """The end of the construct that begins on this line, or 0."""
        line = self._lines[at]
        text = line.lstrip(" \t")
        shallow = len(line) - len(text) < 4 or bool(self._open)
        match text[0]:
            case "<" if shallow:
                return self._comment(at, "-->") if text.startswith("<!--") else self._tags(at)
            case "{" if shallow and text.startswith("{/*"):
                return self._comment(at, "*/}")
            case ":" | "/":
                return self._directive(at)
            case "$":
                return self._maths(at, text)
            case "i" | "e" if text is line or len(text) == len(line):
                return self._module_code(at)
        return 0

    def _fence(self, at: int) -> int:
        match = _FENCE.match(self._lines[at])
        if match is None:
            return 0
        mark = match["mark"]
        for number in range(at + 1, len(self._lines)):
            end = _FENCE_END.match(self._lines[number])
            if end and end[1].startswith(mark):
                return number + 1
        return len(self._lines)

    def _comment(self, at: int, closing: str) -> int:
        for number in range(at, min(at + MAX_SPAN, len(self._lines))):
            _, found, rest = self._lines[number].partition(closing)
            if found:
                for blank in range(at, number):
                    self._replace(blank, "")
                self._replace(number, rest.strip())
                return number + 1
        return 0

    def _tags(self, at: int) -> int:
        tags = read_tags(self._lines, at, MAX_SPAN)
        if tags is None:
            return 0
        depth = len(self._open)
        for closes, name in tags.moves:
            if closes:
                self._close(name, tags.end)
            else:
                self._push(_Open(name, at, _indent(self._lines[at]), None))
        self._mark(at, tags.end, len(self._open) - depth)
        for number in range(at, tags.end):
            self._replace(number, "")
        self._out.index[at] = attribute_text(tags.source)
        return tags.end

    def _directive(self, at: int) -> int:
        match = _DIRECTIVE.match(self._lines[at])
        if match is None:
            return 0
        mark, rest = match["mark"], match["rest"]
        name = (_COLON_NAME if mark[0] == ":" else _SLASH_NAME).match(rest)
        if rest and not name:
            return 0
        depth = len(self._open)
        if name:
            self._push(_Open(mark, at, 0, 0))
        else:
            self._close(mark, at + 1)
        self._mark(at, at + 1, len(self._open) - depth)
        self._replace(at, "")
        self._out.index[at] = _title(name) if name else ""
        return at + 1

    def _maths(self, at: int, text: str) -> int:
        if not text.startswith("$$") or "$$" in text[2:]:
            return 0
        for number in range(at + 1, min(at + MAX_SPAN, len(self._lines))):
            if self._lines[number].rstrip().endswith("$$"):
                indent = self._lines[at][: _indent(self._lines[at])]
                # maths may hold "=" or "---" lines, which would make headings: show it as a fence
                self._out.blocks[at : number + 1] = [
                    f"{indent}~~~math",
                    *[f"{indent}x"] * (number - at - 1),
                    f"{indent}~~~",
                ]
                return number + 1
        return 0

    def _module_code(self, at: int) -> int:
        line = self._lines[at]
        if _IMPORT.match(line):
            end = self._import_end(at)
        elif _EXPORT.match(line):
            end = self._export_end(at)
        else:
            return 0
        for number in range(at, end):
            self._replace(number, "")
            self._out.omitted.add(number)
        return end

    def _import_end(self, at: int) -> int:
        for number in range(at, min(at + MAX_SPAN, len(self._lines))):
            if _IMPORT_END.search(self._lines[number]):
                return number + 1
            if not self._lines[number].strip():
                break
        return 0

    def _export_end(self, at: int) -> int:
        """To the first blank line at which all brackets are closed, as MDX reads it."""
        paragraph_end = 0
        for number in range(at + 1, min(at + MAX_SPAN, len(self._lines)) + 1):
            if number < len(self._lines) and self._lines[number].strip():
                continue
            paragraph_end = paragraph_end or number
            code = _STRINGS.sub("", "\n".join(self._lines[at:number]))
            if all(code.count(a) <= code.count(b) for a, b in ("()", "[]", "{}")):
                return number
        return paragraph_end

    def _learn_indent(self, line: str) -> None:
        """Content of a component counts from its first line's indent: MDX has no indented code."""
        if self._open and self._open[-1].dedent is None:
            top = self._open[-1]
            top.dedent = max(0, _indent(line) - top.indent)
            self._dedent = sum(item.dedent or 0 for item in self._open)

    def _push(self, item: _Open) -> None:
        if len(self._open) < MAX_DEPTH:
            self._open.append(item)

    def _close(self, name: str, end: int) -> None:
        """Close the innermost container of this name (a directive: of at most as many marks)."""
        for depth in range(len(self._open) - 1, -1, -1):
            item = self._open[depth]
            if item.name == name or (name[0] in ":/" and name.startswith(item.name)):
                del self._open[depth:]
                self._out.containers[item.line] = (end, item.name[0] in ":/")
                self._dedent = sum(item.dedent or 0 for item in self._open)
                return

    def _mark(self, at: int, end: int, change: int) -> None:
        kind = "open" if change > 0 else "close" if change < 0 else "void"
        self._out.markers[at] = (end, kind)

    def _replace(self, number: int, text: str) -> None:
        self._out.blocks[number] = text
        self._out.index[number] = text


def _title(name: re.Match[str]) -> str:
    groups = name.groupdict()
    return (groups.get("label") or groups["title"] or "").strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _dedented(line: str, by: int) -> str:
    return line[min(by, _indent(line)) :]
