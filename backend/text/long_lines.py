"""Cuts a text whose lines are very long: between sentences, else between words. Pure.

Most Markdown has a paragraph to a line, and most paragraphs are short. Where one is not, a chunk of
whole lines would be larger than what an embedding model reads, and an answer larger than a screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from backend.text.passages import sentences

LONGEST = 2_400
"""Characters of a line that is left whole."""


class Span(NamedTuple):
    """Characters of a text, and of the window around them."""

    start: int
    end: int
    window_start: int
    window_end: int


def cut_long_lines(text: str, *, target: int, window: int) -> list[Span]:
    """Spans of about ``target`` characters that cover all words of the text, in order.

    Empty where no line is long. A span begins and ends with a word; the window around it grows by
    whole sentences as long as it fits.
    """
    if len(text) <= LONGEST or all(len(line) <= LONGEST for line in text.split("\n")):
        return []
    units = list(_units(text, target))
    runs: list[tuple[int, int]] = []
    for number, (_, end) in enumerate(units):
        if runs and end - units[runs[-1][0]][0] <= target:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return [
        Span(units[first][0], units[last][1], *_window(first, last, units, window))
        for first, last in runs
    ]


def _units(text: str, target: int) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.split("\n"):
        end = at + len(line)
        if len(line) <= LONGEST:
            if line.strip():
                yield at, end
        else:
            for start, stop in sentences(text, at, end):
                yield from _pieces(text, start, stop, target)
        at = end + 1


def _pieces(text: str, start: int, end: int, target: int) -> Iterator[tuple[int, int]]:
    while end - start > target:
        cut = text.rfind(" ", start + 1, start + target)
        cut = cut if cut > start else start + target
        yield start, cut
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end


def _window(first: int, last: int, units: Sequence[tuple[int, int]], size: int) -> tuple[int, int]:
    steps = [(0, 1), (-1, 0)]
    while steps:
        before, after = steps.pop(0)
        low, high = first + before, last + after
        if low < 0 or high == len(units) or units[high][1] - units[low][0] > size:
            continue
        first, last = low, high
        steps.append((before, after))
    return units[first][0], units[last][1]
