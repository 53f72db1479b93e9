"""Blocks of one section -> line ranges of about the wanted size, and the window around each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from backend.text.markdown_blocks import Block, Page

_LEAD_IN = re.compile(r"[:：][*_\s]*$")
_CODE = frozenset(("fence", "code"))
_LED = _CODE | {"list", "item", "table", "quote", "html", "container"}
_GROUPS = frozenset(("list", "item", "quote", "container"))


@dataclass(frozen=True, slots=True)
class ChunkOptions:
    """Sizes in characters of the file's text.

    Args:
        target: What neighbouring blocks of a section are packed up to.
        maximum: A table or a paragraph of several lines that is longer is cut between lines.
        fence: A code block that is longer is cut, at blank lines where it has some.
        window: What the passage around a chunk grows to inside its section.
    """

    target: int = 600
    maximum: int = 2_400
    fence: int = 6_000
    window: int = 1_000

    @property
    def small(self) -> int:
        """Below this, a piece is joined to its neighbour rather than left alone."""
        return self.target // 4

    @property
    def whole(self) -> int:
        """A list, a quotation, an admonition or a joined pair may be this long."""
        return self.target * 3 // 2

    def limit(self, kind: str) -> int:
        """The length up to which a block of this kind is never cut."""
        if kind in _CODE:
            return self.fence
        return self.whole if kind in _GROUPS else self.maximum


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines ``start`` to ``end`` (0-based, exclusive) of a chunk and of the window around it."""

    start: int
    end: int
    window_start: int
    window_end: int


def pack(blocks: Sequence[Block], page: Page, options: ChunkOptions) -> list[Piece]:
    """Pieces of a section's neighbouring blocks, in order, without gap or overlap.

    A heading stays with what follows it, a line that ends in a colon with the list, code or table
    that it leads into (where both fit ``maximum``), a closing fence with what it closes.
    """
    grouped = _grouped(blocks, page)
    atoms = [
        atom
        for block in grouped
        for atom in _atoms(block, page, options)
        if any(line.strip() for line in page.scan.lines[atom.start : atom.end])
    ]
    units = _units(atoms, page, options)
    return [
        Piece(units[a][0], units[b][1], *_window(a, b, units, page, options.window))
        for a, b in _packed(units, page, options)
    ]


def _packed(
    units: Sequence[tuple[int, int]], page: Page, options: ChunkOptions
) -> list[tuple[int, int]]:
    """First and last unit of each piece: filled up to ``target``, then the small ones joined."""

    def size(first: int, last: int) -> int:
        return page.size(units[first][0], units[last][1])

    filled: list[tuple[int, int]] = []
    for number in range(len(units)):
        if filled and size(filled[-1][0], number) <= options.target:
            filled[-1] = filled[-1][0], number
        else:
            filled.append((number, number))
    joined: list[tuple[int, int]] = []
    for first, last in filled:
        if joined:
            smaller = min(size(first, last), size(*joined[-1]))
            if smaller < options.small and size(joined[-1][0], last) <= options.whole:
                joined[-1] = joined[-1][0], last
                continue
        joined.append((first, last))
    return joined


def _grouped(blocks: Sequence[Block], page: Page) -> list[Block]:
    """Admonitions and components that lie wholly in this section, as one block each."""
    grouped: list[Block] = []
    position = 0
    while position < len(blocks):
        block = blocks[position]
        end, _ = page.scan.containers.get(block.start, (0, False))
        last = position
        while end and last + 1 < len(blocks) and blocks[last + 1].end <= end:
            last += 1
        if end and blocks[last].end == end and last > position:
            inner = _grouped(blocks[position + 1 : last], page)
            grouped.append(Block(block.start, end, "container", [block, *inner, blocks[last]]))
        else:
            grouped.append(block)
            last = position
        position = last + 1
    return grouped


def _atoms(block: Block, page: Page, options: ChunkOptions) -> Iterator[Block]:
    """The block whole if it is short enough, else its parts, each at least a line."""
    if (
        page.size(block.start, block.end) <= options.limit(block.kind)
        or block.end - block.start < 2
    ):
        yield block
    elif block.children:
        for child in page.cover(block.start, block.end, block.children):
            yield from _atoms(child, page, options)
    elif block.kind in _CODE:
        yield from _cut_code(block, page, options)
    else:
        yield from _cut_lines(block, page, options.whole)


def _cut_lines(block: Block, page: Page, size: int) -> Iterator[Block]:
    start = block.start
    first = start + (2 if block.kind == "table" else 0)
    for line in range(first + 1, block.end):
        if page.size(start, line + 1) > size:
            yield replace(block, start=start, end=line, children=[])
            start = line
    yield replace(block, start=start, children=[])


def _cut_code(block: Block, page: Page, options: ChunkOptions) -> Iterator[Block]:
    """Parts of ``maximum`` or less where blank lines allow it, and never more than ``fence``."""
    start = block.start
    while page.size(start, block.end) > options.maximum:
        cut = _code_cut(start, block.end, page, options)
        if cut == block.end:
            break
        yield _trimmed(replace(block, start=start, end=cut), page)
        start = cut
    yield _trimmed(replace(block, start=start), page)


def _code_cut(start: int, end: int, page: Page, options: ChunkOptions) -> int:
    """The blank line after which the code is indented least: where a function or class ends."""
    lines, best, least = page.scan.lines, end, 1_000
    for line in range(start + 1, end):
        size = page.size(start, line)
        if size > options.fence:
            return best if best < end else max(line - 1, start + 1)
        if size > options.maximum and best < end:
            return best
        if not lines[line - 1].strip() and lines[line].strip() and size > options.maximum // 4:
            indent = len(lines[line]) - len(lines[line].lstrip())
            if indent <= least or size > options.maximum:
                best, least = line, indent
    return best


def _trimmed(block: Block, page: Page) -> Block:
    lines = page.scan.lines
    while block.end - block.start > 1 and not lines[block.start].strip():
        block.start += 1
    while block.end - block.start > 1 and not lines[block.end - 1].strip():
        block.end -= 1
    return block


def _units(atoms: Sequence[Block], page: Page, options: ChunkOptions) -> list[tuple[int, int]]:
    units: list[tuple[int, int]] = []
    previous: Block | None = None
    for atom in atoms:
        if previous is not None and _holds(previous, atom, page, options):
            units[-1] = units[-1][0], atom.end
        else:
            units.append((atom.start, atom.end))
        previous = atom
    return units


def _holds(previous: Block, atom: Block, page: Page, options: ChunkOptions) -> bool:
    if previous.kind in ("heading", "open") or atom.kind in ("close", "rule"):
        return True
    if not page.is_indexed(atom):
        return True
    if previous.kind not in ("paragraph", "loose") or atom.kind not in _LED:
        return False
    size = page.size(previous.start, previous.end)
    leads = bool(_LEAD_IN.search(page.scan.lines[previous.end - 1]))
    introduces = atom.kind in _CODE and size < options.small
    return (leads or introduces) and page.size(previous.start, atom.end) <= options.maximum


def _window(
    first: int, last: int, units: Sequence[tuple[int, int]], page: Page, size: int
) -> tuple[int, int]:
    """Grow by whole units, forward and backward in turn, as long as they fit."""
    steps = [(0, 1), (-1, 0)]
    while steps:
        before, after = steps.pop(0)
        low, high = first + before, last + after
        if low < 0 or high == len(units) or page.size(units[low][0], units[high][1]) > size:
            continue
        first, last = low, high
        steps.append((before, after))
    return units[first][0], units[last][1]
