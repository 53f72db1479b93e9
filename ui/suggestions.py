"""Questions to begin with, made from what the book treats. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

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


def suggest(documents: Sequence[DocumentRecord]) -> tuple[str, ...]:
    """Up to three questions about documents spread over the book; none where no title tells."""
    titles = list(dict.fromkeys(filter(None, (_topic(each.title) for each in documents))))
    count = min(len(_FORMS), len(titles))
    chosen = [titles[index * len(titles) // count] for index in range(count)]
    return tuple(form.format(title) for form, title in zip(_FORMS, chosen, strict=False))


def _topic(title: str) -> str:
    topic = _NUMBERING.sub("", " ".join(title.split())).strip()
    return "" if not topic or len(topic) > _MAX_TITLE or _DULL.fullmatch(topic) else f"“{topic}”"
