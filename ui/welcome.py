"""What the empty chat says: what it answers from, or why it cannot yet; and first questions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from backend.domain import DocumentRecord
from backend.errors import AppError
from backend.settings import Settings
from ui.markup import sentence, text
from ui.parts import Parts
from ui.setup import setup_html
from ui.suggestions import ABOUT_THIS_SERVICE, spread, suggest

log = logging.getLogger(__name__)

_ASK = "What would you like to know?"
_OWN_DOCS = (
    "For now the book is this service's own documentation: ask it how to set things up, and set "
    "`DOCS_PATH` to answer from your own."
)
_EMPTY = (
    "Nothing has been read in yet",
    "There is no book to answer from. `DOCS_PATH` says where it is, Knowledge reads it in, and "
    "Diagnostics tells what stands in the way.",
)
_READING = (
    "The book is being read in",
    "Answers are there in a moment; until then parts are missing.",
)


@dataclass(frozen=True, slots=True)
class Welcome:
    """``placeholder`` is HTML; ``questions`` are offered below it."""

    placeholder: str
    questions: tuple[str, ...] = ()


def plain(settings: Settings) -> Welcome:
    """As long as nothing is known of the index."""
    if settings.own_docs:
        return Welcome(_html(_ASK, sentence(_OWN_DOCS)), ABOUT_THIS_SERVICE)
    title = f"<em>{text(settings.book_title)}</em>"
    return Welcome(_html(_ASK, f"Answers come from {title}, with the passages they rest on."))


async def welcome(parts: Parts) -> Welcome:
    """What the index holds decides; below it stands what is still to be set up."""
    found = await _of_the_index(parts)
    settings = parts.settings
    report = (await parts.diagnostics.report(probe=False)).to_dict()
    setup = setup_html(report, on_space=settings.on_space)
    return replace(found, placeholder=found.placeholder + setup)


async def _of_the_index(parts: Parts) -> Welcome:
    """The greeting; an index that cannot be asked is passed over in silence."""
    usual = plain(parts.settings)
    try:
        await parts.ready()
        documents = await parts.ingestion.documents()
        running = parts.ingestion.current is not None
    except AppError as error:
        log.info("nothing is known of the index", extra={"code": error.code})
        return usual
    if not documents:
        title, words = _READING if running else _EMPTY
        return Welcome(_html(title, sentence(words)))
    if usual.questions:
        return usual
    chosen = spread(documents)
    return Welcome(usual.placeholder, suggest(chosen, await _headings(parts, chosen)))


async def _headings(
    parts: Parts, documents: Sequence[DocumentRecord]
) -> dict[str, tuple[str, ...]]:
    """The headings of the sections of these documents; none of those that are gone meanwhile."""
    found = {}
    for document in documents:
        with suppress(AppError):
            _, chunks = await parts.reading.chunks(document.id)
            found[document.id] = tuple(
                each.heading_path[-1] for each in chunks if each.heading_path
            )
    return found


def _html(title: str, words: str) -> str:
    return f'<div class="ba-welcome"><h2>{title}</h2><p>{words}</p></div>'
