"""Reads the book's files in batches, each chunked and held against what the index knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from backend.domain import UPLOADED, DocumentRecord, SourceFile, UnreadableFile
from backend.ports import DocumentSource
from backend.text.markdown import ChunkedDocument, chunk_file, file_hash

BATCH_CHUNKS = 256
"""Chunks that are embedded and written together: large enough to fill a provider's batch and to
share one flush, small enough to keep memory flat and progress visible."""
BATCH_FILES = 64


@dataclass(frozen=True, slots=True)
class Batch:
    """Files read and chunked together: those to write, and how many were as the index has them."""

    documents: tuple[tuple[SourceFile, ChunkedDocument], ...]
    unchanged: tuple[DocumentRecord, ...]
    unreadable: tuple[UnreadableFile, ...]


def unreadable_sources(
    unreadable: Sequence[UnreadableFile], known: Mapping[str, DocumentRecord]
) -> set[str]:
    """What cannot be read now is not gone: the files themselves, and those of a whole folder."""
    paths = [item.path for item in unreadable]
    folders = tuple(f"{path}/" for path in paths)
    return {*paths, *(source for source in known if source.startswith(folders))}


def of_the_docs(sources: Iterable[str]) -> set[str]:
    """Those that were not uploaded: uploads alone must not pass for the book."""
    return {source for source in sources if not source.startswith(UPLOADED)}


def batches(
    source: DocumentSource, known: Mapping[str, DocumentRecord], afresh: frozenset[str]
) -> Iterator[Batch]:
    """Read and chunk file after file; blocking, so it is driven from a thread."""
    documents: list[tuple[SourceFile, ChunkedDocument]] = []
    unchanged: list[DocumentRecord] = []
    unreadable: list[UnreadableFile] = []
    chunks = 0
    for item in source.files():
        if isinstance(item, UnreadableFile):
            unreadable.append(item)
            continue
        record = known.get(item.path)
        unchanged_text = record is not None and record.content_hash == file_hash(item.text)
        if record is not None and unchanged_text and item.path not in afresh:
            unchanged.append(record)
        else:
            document = chunk_file(item)
            documents.append((item, document))
            chunks += len(document.chunks)
        if chunks >= BATCH_CHUNKS or len(documents) + len(unchanged) >= BATCH_FILES:
            yield Batch(tuple(documents), tuple(unchanged), tuple(unreadable))
            documents, unchanged, unreadable, chunks = [], [], [], 0
    yield Batch(tuple(documents), tuple(unchanged), tuple(unreadable))
