"""Reads the book's files in batches, each cut and held against what the index knows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from backend.domain import UPLOADED, DocumentRecord, PreparedFile, SourceFile, UnreadableFile
from backend.ports import DocumentSource, Prepare
from backend.text.markdown import file_hash
from backend.text.preparing import prepare

BATCH_CHARS = 300_000
"""Text that is cut, embedded and written together, about 500 chunks: enough to keep a provider
busy, small enough to keep memory flat and progress visible."""
BATCH_FILES = 64

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """Files of which ``changed`` are to be cut and ``unchanged`` are as the index has them."""

    changed: list[SourceFile] = field(default_factory=list)
    unchanged: list[DocumentRecord] = field(default_factory=list)
    unreadable: list[UnreadableFile] = field(default_factory=list)
    prepared: list[PreparedFile] = field(default_factory=list)
    """Of each changed file."""

    @property
    def sources(self) -> set[str]:
        """The paths of the files that could be read."""
        return {file.path for file in self.changed} | {record.source for record in self.unchanged}


class InThread:
    """Cuts files in a thread of this process, one at a time; see ``ports.Preparation``."""

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[Prepare, None]:
        """Nothing is opened."""
        one = asyncio.Lock()

        async def prepare_in_thread(file: SourceFile) -> PreparedFile:
            async with one:
                return await asyncio.to_thread(prepare, file)

        yield prepare_in_thread


def unreadable_sources(unreadable: Sequence[UnreadableFile], known: Collection[str]) -> set[str]:
    """What cannot be read now is not gone: the files themselves, and those of a whole folder."""
    paths = [item.path for item in unreadable]
    folders = tuple(f"{path}/" for path in paths)
    return {*paths, *(source for source in known if source.startswith(folders))}


def of_the_docs(sources: Iterable[str]) -> set[str]:
    """Those that were not uploaded: uploads alone must not pass for the book."""
    return {source for source in sources if not source.startswith(UPLOADED)}


async def batches(
    source: DocumentSource,
    known: Mapping[str, DocumentRecord],
    afresh: frozenset[str],
    prepare: Prepare,
) -> AsyncGenerator[Batch, None]:
    """Read file after file in a thread and have those cut that changed."""
    reading = _readings(source, known, afresh)
    while (batch := await asyncio.to_thread(next, reading, None)) is not None:
        batch.prepared = await asyncio.gather(*map(prepare, batch.changed))
        yield batch


async def ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same items; the next one is being made while one is used."""
    upcoming = asyncio.create_task(_next(items))
    try:
        while (item := await upcoming) is not None:
            upcoming = asyncio.create_task(_next(items))
            yield item
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await items.aclose()


async def _next(items: AsyncGenerator[T, None]) -> T | None:
    return await anext(items, None)


def _readings(
    source: DocumentSource, known: Mapping[str, DocumentRecord], afresh: frozenset[str]
) -> Iterator[Batch]:
    batch, chars = Batch(), 0
    for item in source.files():
        if isinstance(item, UnreadableFile):
            batch.unreadable.append(item)
            continue
        record = known.get(item.path)
        unchanged_text = record is not None and record.content_hash == file_hash(item.text)
        if record is not None and unchanged_text and item.path not in afresh:
            batch.unchanged.append(record)
        else:
            batch.changed.append(item)
            chars += len(item.text)
        if chars >= BATCH_CHARS or len(batch.changed) + len(batch.unchanged) >= BATCH_FILES:
            yield batch
            batch, chars = Batch(), 0
    yield batch
