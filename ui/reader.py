"""What surrounds a question on a page of the book, as a maintainer may try it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend.domain import Question, Turn
from backend.errors import Invalid

MAX_SELECTION_CHARS = 8_000
MAX_PAGE_CHARS = 2_048
LEVELS = ("", "beginner", "intermediate", "advanced", "pro")

_LANGUAGE = re.compile(r"(?:[^\W\d_][\w -]{0,39})?")
_PAGE = re.compile(r"(?:(?:https?://|/)[^\s\x00-\x1f\x7f]*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reader:
    """The fields of a question beside its text; all empty for a plain one."""

    level: str = ""
    language: str = ""
    selected_text: str = ""
    page_url: str = ""

    @classmethod
    def of(cls, level: object, language: object, selected: object, page: object) -> Reader:
        """From what the page sent; anything that is no text counts as empty."""
        values = (value.strip() if isinstance(value, str) else "" for value in (
            level, language, selected, page,
        ))  # fmt: skip
        return cls(*values)

    def question(self, text: str, history: tuple[Turn, ...]) -> Question:
        """The question as a reader on that page would ask it.

        Raises:
            Invalid: a field is out of its bounds, which are those of ``POST /chat``.
        """
        if self.level not in LEVELS:
            raise Invalid("The level is one of beginner, intermediate, advanced and pro.")
        if not _LANGUAGE.fullmatch(self.language):
            raise Invalid("The language is a name or a code, such as Urdu or ur.")
        if len(self.selected_text) > MAX_SELECTION_CHARS:
            raise Invalid(f"A selected text may have {MAX_SELECTION_CHARS:,} characters.")
        if len(self.page_url) > MAX_PAGE_CHARS or not _PAGE.fullmatch(self.page_url):
            raise Invalid("The page is an http(s) address or a path that begins with a slash.")
        return Question(
            text,
            selected_text=self.selected_text.replace("\0", ""),
            page_url=self.page_url,
            language=self.language,
            level=self.level,
            history=history,
        )
