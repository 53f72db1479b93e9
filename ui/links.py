"""Links in an answer: those that the book has stay, others are shown as the text they are. Pure.

A model can be talked into writing an address that carries off what it was told; a passage can hold
a link that leads nowhere from here. Neither may look like a part of the book.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from backend.domain import Citation, Trace

_LINK = re.compile(r"\[([^\[\]]*+)\]\(\s*+<?([^()\s<>]*+(?:\([^()\s]*+\)[^()\s<>]*+)*+)>?[^()]*+\)")
_BARE = re.compile(
    r"<(https?://[^\s<>]++)>|(?<![(\w`/])((?:https?://|www\.)[^\s<>()`\]]++)", re.IGNORECASE
)
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\])]++", re.IGNORECASE)
_TRAILING = ".,;:!?*_"
_MAX_SHOWN = 120


def addresses_of(citations: Iterable[Citation], trace: Trace | None) -> frozenset[str]:
    """The addresses that an answer may link to: of its sources, and in the passages behind it."""
    texts = [hit.chunk.window for hit in trace.candidates] if trace else []
    known = set()
    for citation in citations:
        known.add(_page(citation.url))
        texts.append(citation.quote)
    known.update(_page(address) for text in texts for address in _ADDRESS.findall(text))
    return frozenset(known - {""})


def only_known(prose: str, known: frozenset[str]) -> str:
    """Markdown without code in which every link that is not ``known`` has become text."""

    def link(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        if _page(target) in known:
            return match[0]
        if label == target or not _ADDRESS.match(target):
            return label
        return f"{label} ({_as_text(target)})"

    def bare(match: re.Match[str]) -> str:
        address = match[1] or match[2]
        kept = address.rstrip(_TRAILING)
        return match[0] if _page(kept) in known else _as_text(kept) + address[len(kept) :]

    return _BARE.sub(bare, _LINK.sub(link, prose))


def _as_text(address: str) -> str:
    shown = address if len(address) <= _MAX_SHOWN else f"{address[:_MAX_SHOWN]}…"
    return f"`{shown.replace('`', '')}`"


def _page(address: str) -> str:
    return address.partition("#")[0].rstrip(_TRAILING).rstrip("/")
