"""Bytes of a file -> text, or the reason in words why they are none."""

from __future__ import annotations

import codecs
from datetime import datetime

from backend.domain import SourceFile, UnreadableFile

SUFFIXES = (".md", ".mdx", ".txt")
MAX_FILE_BYTES = 5 * 2**20

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""What a file may begin with, and what it then is. Without a mark it has to be UTF-8."""


def is_source(name: str) -> bool:
    """Whether a file of this name is part of the book, as Docusaurus sees it."""
    return name.lower().endswith(SUFFIXES) and not is_ignored(name)


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is left out: partials, hidden ones, packages."""
    return name.startswith(("_", ".")) or name == "node_modules"


def as_file(path: str, data: bytes, modified_at: datetime) -> SourceFile | UnreadableFile:
    """Decode a file's bytes; ``data`` may end one byte beyond the limit to show that it is longer.

    The text is free of NUL and of lone surrogates.
    """
    if len(data) > MAX_FILE_BYTES:
        return too_large(path)
    mark, encoding = next((pair for pair in _MARKS if data.startswith(pair[0])), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        at = len(mark) + error.start
        line = data.count(b"\n", 0, at) + 1
        label = "UTF-8" if encoding == "utf-8" else "UTF-16"
        return UnreadableFile(
            path,
            f"It is not valid {label}: byte 0x{data[at]:02X} at position {at} (line {line}) does "
            "not fit. Save it as UTF-8.",
        )
    if "\0" in text:
        at = text.index("\0")
        return UnreadableFile(
            path,
            f"It holds a NUL character at position {at}, so it is no text, or UTF-16 without a "
            "byte order mark. Save it as UTF-8.",
        )
    return SourceFile(path, text, modified_at)


def too_large(path: str) -> UnreadableFile:
    """The report of a file beyond :data:`MAX_FILE_BYTES`."""
    limit = MAX_FILE_BYTES // 2**20
    return UnreadableFile(path, f"It is larger than {limit} MB. Split it, or take it out.")
