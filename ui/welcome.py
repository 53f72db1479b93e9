"""What the empty chat says: what it answers from, or why it cannot yet; and first questions."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from backend.errors import AppError
from backend.settings import Settings
from backend.variables import BY_NAME
from ui.markup import sentence, text
from ui.parts import Parts
from ui.suggestions import ABOUT_THIS_SERVICE, suggest

log = logging.getLogger(__name__)

_ASK = "What would you like to know?"
_OWN_DOCS = (
    "For now the book is this service's own documentation: ask it how to set things up. What is "
    "missing stands under Diagnostics; set `DOCS_PATH` to answer from your own book."
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
    if _is_own(settings):
        return Welcome(_html(_ASK, sentence(_OWN_DOCS)), ABOUT_THIS_SERVICE)
    title = f"<em>{text(settings.book_title)}</em>"
    return Welcome(_html(_ASK, f"Answers come from {title}, with the passages they rest on."))


async def welcome(parts: Parts) -> Welcome:
    """What the index holds decides; one that cannot be asked is passed over in silence."""
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
    return Welcome(usual.placeholder, suggest(documents) or ABOUT_THIS_SERVICE)


def _is_own(settings: Settings) -> bool:
    return settings.docs_path == BY_NAME["DOCS_PATH"].default


def _html(title: str, words: str) -> str:
    return f'<div class="ba-welcome"><h2>{title}</h2><p>{words}</p></div>'
