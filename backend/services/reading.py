"""The book's pages as this service can show them itself, read back from the index."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain import Chunk, DocumentRecord
from backend.errors import NotFound
from backend.ports import ChunkIndex
from backend.text.reading import render_chapter


@dataclass(frozen=True, slots=True)
class ReadingPage:
    """A chapter as HTML without ``<html>`` around it; safe to embed."""

    title: str
    html: str


class Reading:
    """Finds and renders the chapters that citation links lead to."""

    def __init__(self, index: ChunkIndex) -> None:
        self._index = index

    async def chunks(self, document_id: str) -> tuple[DocumentRecord, list[Chunk]]:
        """A document and how it was cut, in order.

        Raises:
            NotFound: the index holds no such document.
        """
        for record in await self._index.documents():
            if record.id == document_id:
                return record, await self._index.chunks(record.source)
        raise NotFound("There is no document with this id in the index.")

    async def page(self, page: str) -> ReadingPage:
        """The chapter whose page path is ``page`` ("" is the root page).

        Raises:
            NotFound: the index holds no such page.
        """
        wanted = page.strip("/")
        for record in await self._index.documents():
            if record.page == wanted:
                chunks = await self._index.chunks(record.source)
                return ReadingPage(record.title, render_chapter(chunks))
        raise NotFound("The book has no page at this address.")
