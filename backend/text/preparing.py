"""All that an index needs of a file and that takes computing: chunks, BM25 vectors, words. Pure."""

from __future__ import annotations

from collections import Counter

from backend.domain import PreparedFile, SourceFile
from backend.text.markdown import chunk_file
from backend.text.sparse import encode_document


def prepare(file: SourceFile) -> PreparedFile:
    """Cut a file and take its text apart, each word of it once."""
    document = chunk_file(file)
    words: Counter[str] = Counter()
    vectors = []
    for chunk in document.chunks:
        forms: set[str] = set()
        vectors.append(encode_document(chunk.indexed_text, forms=forms))
        words.update(forms)
    return PreparedFile(
        title=document.title,
        page=document.page,
        content_hash=document.content_hash,
        chunks=document.chunks,
        sparse=tuple(vectors),
        words=dict(words),
    )
