"""Questions to begin with, made from what the book treats. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from backend.domain import DocumentRecord

ABOUT_THIS_SERVICE = (
    "Which secrets do I need on a Space?",
    "What happens when the language model is down?",
    "How do I connect my own documentation site?",
)
"""For the service's own documentation, which is the book until another is set."""

_FORMS = (
    "What is {} about, in a few sentences?",
    "What are the key ideas of {}?",
    "What should I remember about {}?",
)
_NUMBERING = re.compile(
    r"^(?:chapter|part|module|week|lesson|unit)?\s*[\dIVX]+[.:)\s–—-]+", re.IGNORECASE
)
_DULL = re.compile(
    r"(?:index|readme|home|preface|introduction|intro|welcome|about|contents|change ?log|license|"
    r"glossary|references|appendix.*|untitled)",
    re.IGNORECASE,
)
_MAX_TITLE = 60
_MAX_QUESTION = 80
_NONE: Mapping[str, Sequence[str]] = {}


def spread(documents: Sequence[DocumentRecord]) -> list[DocumentRecord]:
    """Up to three documents from all over the book whose titles tell what they are about."""
    telling = list({topic: each for each in documents if (topic := _topic(each.title))}.values())
    count = min(len(_FORMS), len(telling))
    return [telling[index * len(telling) // count] for index in range(count)]


def suggest(
    documents: Sequence[DocumentRecord], headings: Mapping[str, Sequence[str]] = _NONE
) -> tuple[str, ...]:
    """A question for each of these documents: a heading that is one, or else about its title.

    Args:
        documents: As :func:`spread` chose them.
        headings: Of the sections of a document, by its id.
    """
    return tuple(
        _asked(headings.get(each.id, ())) or form.format(_topic(each.title))
        for form, each in zip(_FORMS, documents, strict=False)
    )


def _asked(headings: Sequence[str]) -> str:
    asked = (" ".join(heading.split()) for heading in headings)
    return next((each for each in asked if each.endswith("?") and len(each) <= _MAX_QUESTION), "")


def _topic(title: str) -> str:
    topic = _NUMBERING.sub("", " ".join(title.split())).strip()
    return "" if not topic or len(topic) > _MAX_TITLE or _DULL.fullmatch(topic) else f"“{topic}”"
