"""A file of Markdown, MDX or plain text -> chunks along its headings. Pure.

Chunks are ranges of whole lines, in order, without overlap. Together they hold every line that is
not blank, front matter or an MDX import or export. See :class:`ChunkOptions` for the sizes; a code
block and a table row are never split, except that a code block of more than ``fence`` characters
is cut at blank lines. A line of prose is split only where it is very long, between sentences.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

from backend.domain import Chunk, SourceFile
from backend.text.long_lines import cut_long_lines
from backend.text.markdown_blocks import Block, Line, Page, heading_text, parse
from backend.text.markdown_clean import clean_fence_line, clean_prose, clean_row
from backend.text.markdown_front import FrontMatter, fallback_title, page_path, read_front_matter
from backend.text.markdown_pack import ChunkOptions, Piece, pack
from backend.text.markdown_scan import Scan, scan
from backend.text.slug import Slugger

__all__ = ["LAYOUT", "ChunkOptions", "ChunkedDocument", "chunk_file", "file_hash"]

LAYOUT = 3
"""To be raised whenever the same file would be cut or cleaned otherwise: then it is taken anew."""
MAX_TITLE = 200
"""Characters of a heading in titles and paths; the anchor is made of all of them."""

_DEFAULT = ChunkOptions()


@dataclass(frozen=True, slots=True)
class ChunkedDocument:
    """A file in pieces. ``content_hash`` is :func:`file_hash` of its text."""

    title: str
    page: str
    content_hash: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What becomes a chunk; lines are 1-based and inclusive."""

    text: str
    window: str
    indexed: str
    start_line: int
    end_line: int


@dataclass(slots=True)
class _Section:
    """A heading with what follows it, up to the next one. ``path`` is without the title."""

    path: tuple[str, ...]
    anchor: str
    occurrence: int
    runs: list[list[Block]] = field(default_factory=lambda: [[]])

    def is_bare(self, page: Page) -> bool:
        """Whether nothing that is indexed stands between its heading and the next."""
        *before, last = self.runs
        return not any(before) and not any(
            block.kind != "heading" and page.is_indexed(block) for block in last
        )


def file_hash(text: str) -> str:
    """SHA-256 in hex of a file's text and of how it would be cut."""
    return hashlib.sha256(f"{LAYOUT}\n{text}".encode()).hexdigest()


def chunk_file(file: SourceFile, *, options: ChunkOptions = _DEFAULT) -> ChunkedDocument:
    r"""Cut a file into chunks.

    Args:
        file: Its path decides the page and whether it is Markdown: a ``.txt`` file is taken as
            paragraphs between blank lines, without headings.
        options: Sizes.

    Returns:
        Title, page, hash and chunks; no chunks for a file without content, nor for a draft, which
        has no page that a citation could lead to. Lines are counted as in the file; ``\r\n`` and
        ``\r`` end a line as ``\n`` does and are stored as ``\n``.
    """
    text = file.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if file.path.lower().endswith(".txt"):
        front, page = FrontMatter(), _plain_page(lines)
    else:
        front = read_front_matter(lines)
        page = parse(scan(lines, front.lines))
    headings = _Headings(page)
    title = front.title or headings.title or front.sidebar_label or fallback_title(file.path)
    assembly = _Assembly(file.path, title[:MAX_TITLE], page_path(file.path, front), page, options)
    for section in () if front.draft else _sections(page, headings):
        assembly.add(section)
    return ChunkedDocument(
        assembly.title, assembly.page_path, file_hash(file.text), tuple(assembly.chunks)
    )


def _plain_page(lines: list[str]) -> Page:
    page = parse(Scan(lines, [""] * len(lines), lines))
    page.kinds[:] = bytes([Line.CODE]) * len(lines)  # to the index as it is
    page.plain = True
    return page


def _sections(page: Page, headings: _Headings) -> Iterator[_Section]:
    """Sections in order. A heading without content goes in front of the section after it."""
    current = _Section((), "", 0)
    for run in page.runs:
        current.runs.append([])
        for block in run:
            if block.kind == "heading" and headings.cuts(block):
                following = headings.section(block)
                if current.is_bare(page):
                    following.runs = current.runs[-1:]
                else:
                    yield current
                current = following
            current.runs[-1].append(block)
    yield current


class _Headings:
    """Paths and anchors of a page's headings."""

    def __init__(self, page: Page) -> None:
        slugger = Slugger()
        self.title = ""
        self._texts: dict[int, str] = {}
        self._anchors: dict[int, str] = {}
        for block in page.headings:
            level, raw = block.heading
            found = heading_text(raw, page.references)
            # an explicit id takes no slug, and Docusaurus's theme gives an h1 no id
            anchor = found.id or slugger.slug(found.slug_text)
            self._texts[block.start] = found.text[:MAX_TITLE]
            self._anchors[block.start] = "" if level == 1 else anchor
            if level == 1 and not self.title:
                self.title = found.text
        self._admonitions = [
            (start, end) for start, (end, admonition) in page.scan.containers.items() if admonition
        ]
        self._stack: list[tuple[int, str]] = []
        self._seen: Counter[tuple[str, ...]] = Counter()

    def cuts(self, block: Block) -> bool:
        """Whether the heading begins a section: one inside an admonition does not."""
        return not any(start < block.start < end for start, end in self._admonitions)

    def section(self, block: Block) -> _Section:
        """The section that the next heading begins."""
        level = block.heading[0]
        while self._stack and self._stack[-1][0] >= level:
            self._stack.pop()
        self._stack.append((level, self._texts[block.start]))
        path = tuple(text for _, text in self._stack if text)
        self._seen[path] += 1
        return _Section(path, self._anchors[block.start], self._seen[path])


@dataclass(slots=True)
class _Assembly:
    """Makes chunks of sections, counting positions over the file."""

    source: str
    title: str
    page_path: str
    page: Page
    options: ChunkOptions
    chunks: list[Chunk] = field(default_factory=list)
    sections: int = 0

    def add(self, section: _Section) -> None:
        """Append the section's chunks."""
        path = section.path
        if path[:1] != (self.title,):
            path = (self.title, *path)
        ordinal = 0
        for run in section.runs:
            for piece in pack(run, self.page, self.options):
                for part in self._parts(piece, path):
                    identity = "\n".join(
                        (self.source, *section.path, f"{section.occurrence}", f"{ordinal}")
                    )
                    self.chunks.append(self._chunk(section, path, part, identity))
                    ordinal += 1
        self.sections += bool(ordinal)

    def _parts(self, piece: Piece, path: Sequence[str]) -> Iterator[_Part]:
        """The piece whole, or cut where it has prose in very long lines."""
        lines, kinds = self.page.scan.lines, self.page.kinds
        text = "\n".join(lines[piece.start : piece.end])
        prose = self.page.plain or all(kinds[n] != Line.CODE for n in range(piece.start, piece.end))
        spans = (
            cut_long_lines(text, target=self.options.target, window=self.options.window)
            if prose
            else []
        )
        if not spans:
            window = "\n".join(lines[piece.window_start : piece.window_end])
            indexed = _indexed_text(self.page, piece, path)
            yield _Part(text, window, indexed, piece.start + 1, piece.end)
        for span in spans:
            part = text[span.start : span.end]
            first = piece.start + 1 + text.count("\n", 0, span.start)
            indexed = part if self.page.plain else clean_prose(part)
            yield _Part(
                text=part,
                window=text[span.window_start : span.window_end],
                indexed="\n".join((" > ".join(path), indexed)),
                start_line=first,
                end_line=first + part.count("\n"),
            )

    def _chunk(self, section: _Section, path: tuple[str, ...], part: _Part, identity: str) -> Chunk:
        return Chunk(
            id=str(uuid5(NAMESPACE_URL, identity)),
            source=self.source,
            title=self.title,
            heading_path=path,
            anchor=section.anchor,
            page=self.page_path,
            section=self.sections,
            position=len(self.chunks),
            start_line=part.start_line,
            end_line=part.end_line,
            text=part.text,
            window=part.window,
            indexed_text=part.indexed,
            content_hash=hashlib.sha256(part.indexed.encode()).hexdigest(),
        )


def _indexed_text(page: Page, piece: Piece, path: Sequence[str]) -> str:
    """The heading path, then the lines: code as it is, everything else without markup."""
    parts = [" > ".join(path)]
    prose: list[str] = []
    for number in range(piece.start, piece.end):
        line, kind = page.scan.index[number], page.kinds[number]
        if kind == Line.CODE:
            _flush(prose, parts)
            parts.append(line)
        elif kind == Line.FENCE:
            prose.append(clean_fence_line(line))
        elif kind == Line.ROW:
            prose.append(clean_row(line))
        elif kind == Line.PROSE or (kind == Line.HEADING and clean_prose(line) not in path):
            prose.append(line)
    _flush(prose, parts)
    return "\n".join(parts)


def _flush(prose: list[str], parts: list[str]) -> None:
    text = clean_prose("\n".join(prose)) if prose else ""
    if text:
        parts.append(text)
    prose.clear()
