"""From the candidates of a search to its hits, the best first. Pure.

Reading a candidate's chunk costs more than all that is known of it before, and few candidates
become hits: the ranking is worked out only as far down as somebody needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import attrgetter
from typing import overload

from backend.domain import Hit, Question
from backend.text.evidence import Asked
from backend.text.fusion import Candidate
from backend.text.reranking import LOOKED_AT, REST, rerank

SELECTION_BOOST = 0.3
PAGE_BOOST = 0.08
SHORTEST_SELECTION = 8
WORTH = 0.45
"""Share of the best score that a hit needs to be worth a reader's time."""
MOST_READ = 10
"""Hits that somebody reads; a longer list is for a program, which gets what it asked for."""


class LateHits(Sequence[Hit]):
    """Hits that are made when somebody looks at them."""

    def __init__(self, make: Callable[[], Iterable[Hit]]) -> None:
        self._make = make
        self._hits: tuple[Hit, ...] | None = None

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, at: int | slice) -> Hit | tuple[Hit, ...]:
        return self._all()[at]

    def __len__(self) -> int:
        return len(self._all())

    def __iter__(self) -> Iterator[Hit]:
        return iter(self._all())

    def _all(self) -> tuple[Hit, ...]:
        if self._hits is None:
            self._hits = tuple(self._make())
        return self._hits


def rank(
    candidates: Sequence[Candidate], words: Asked, question: Question, *, enough: int | None = None
) -> list[Hit]:
    """The hits, best first; scores stay within 0..1.

    Args:
        candidates: Best first.
        words: The question's words, weighed.
        question: As it was searched for, misspelt words replaced.
        enough: So many hits will do: then the ranking may end where all below is left out, and has
            more or, with a selection or a page, even fewer hits.
    """
    hits = without_overlap(candidates)
    head = list(hits if enough is None else islice(hits, max(LOOKED_AT, enough)))
    marked, page = marked_text(question.selected_text), page_path(question.page_url)
    ranked = rerank(head, words, question.text)
    ranked = prefer_page(prefer_selection(ranked, marked), page)
    boost = SELECTION_BOOST * bool(marked) + PAGE_BOOST * bool(page)
    if boost and (below := next(hits, None)):
        reach = below.score * (REST if words.words else 1.0) + boost
        return [hit for hit in ranked if hit.score > reach]
    return ranked


def worth_reading(hits: Sequence[Hit], wanted: int) -> Sequence[Hit]:
    """Without those, best first, that match far worse than the best one; all where many are wanted.

    ``wanted`` is how many were asked for, however few there are.
    """
    if wanted > MOST_READ:
        return hits
    return [hit for hit in hits if hit.score >= WORTH * hits[0].score]


def without_overlap(candidates: Iterable[Candidate]) -> Iterator[Hit]:
    """Leave out a candidate whose text already stands in the window of a better one."""
    windows: dict[str, list[str]] = {}
    for candidate in _in_order(candidates):
        chunk = candidate.chunk
        seen = windows.setdefault(chunk.source, [])
        if not any(chunk.text in window for window in seen):
            seen.append(chunk.window)
            yield Hit(chunk, candidate.score, candidate.dense_score, candidate.sparse_score)


def _in_order(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Of those that match alike first what comes first in a file: an engine has no order there."""
    for _, alike in groupby(candidates, key=attrgetter("score")):
        some = list(alike)
        yield from sorted(some, key=_place) if len(some) > 1 else some


def _place(candidate: Candidate) -> tuple[str, int]:
    return candidate.chunk.source, candidate.chunk.position


def marked_text(selected: str) -> str:
    """The text that the reader has marked, "" where it is too short to say anything."""
    marked = " ".join(selected.split())
    return marked if len(marked) >= SHORTEST_SELECTION else ""


def page_path(page_url: str) -> str:
    """The path of the page that the reader is on."""
    return page_url.split("#")[0].split("?")[0].rstrip("/")


def prefer_selection(hits: list[Hit], marked: str) -> list[Hit]:
    """Lift the hits that the marked text stands in: the reader looks at one of them."""
    if not marked:
        return hits
    return _lifted(hits, SELECTION_BOOST, lambda hit: marked in " ".join(hit.chunk.window.split()))


def prefer_page(hits: list[Hit], path: str) -> list[Hit]:
    """Lift hits of the page that the reader is on, a little: a tie-breaker, not a filter."""
    if not path:
        return hits
    return _lifted(
        hits, PAGE_BOOST, lambda hit: bool(hit.chunk.page) and path.endswith(f"/{hit.chunk.page}")
    )


def one_per_section(hits: Iterable[Hit], most: int) -> tuple[Hit, ...]:
    """The best hit of each of the ``most`` best sections."""
    best: dict[tuple[str, int], Hit] = {}
    for hit in hits:
        best.setdefault((hit.chunk.source, hit.chunk.section), hit)
        if len(best) == most:
            break
    return tuple(best.values())


def _lifted(hits: list[Hit], boost: float, which: Callable[[Hit], bool]) -> list[Hit]:
    lifted = [
        replace(hit, score=min(1.0, hit.score + boost)) if which(hit) else hit for hit in hits
    ]
    return sorted(lifted, key=lambda hit: -hit.score)
