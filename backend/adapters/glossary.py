"""The book's own glossary: terms that stay in English when its text is translated."""

from __future__ import annotations

import logging
from pathlib import Path

from backend.text.glossary import parse_terms

log = logging.getLogger(__name__)

NAME = "_glossary.txt"
"""Beside the chapters; the underscore keeps it from being ingested as one."""
MAX_BYTES = 200_000


def read_glossary(docs_path: str) -> tuple[str, ...]:
    """The terms of the docs folder's glossary file; empty where there is none.

    Only a folder can have one, not an address. A file that cannot be read is reported in the log.
    """
    path = Path(docs_path) / NAME
    if "://" in docs_path or not path.is_file():
        return ()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        log.warning("the glossary cannot be read; save it as UTF-8", extra={"file": NAME})
        return ()
    return parse_terms(text)
