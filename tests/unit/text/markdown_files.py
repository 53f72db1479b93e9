"""Short ways to cut a text in a test."""

from __future__ import annotations

from datetime import UTC, datetime
from textwrap import dedent

from backend.domain import Chunk, SourceFile
from backend.text.markdown import ChunkedDocument, ChunkOptions, chunk_file


def cut(text: str, path: str = "guide/page.md", **options: int) -> ChunkedDocument:
    """The document that this text gives; common indentation is taken off first."""
    file = SourceFile(path, dedent(text), datetime(2025, 1, 1, tzinfo=UTC))
    return chunk_file(file, options=ChunkOptions(**options))


def chunks(text: str, path: str = "guide/page.md", **options: int) -> tuple[Chunk, ...]:
    """The chunks that this text gives."""
    return cut(text, path, **options).chunks
