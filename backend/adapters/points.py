"""How chunks and documents are written into points, and how collections are named. Pure.

A chunk is a point with the vectors ``dense`` (cosine, absent in a sparse-only collection) and
``bm25``, and the payload of :func:`chunk_payload`. A document is a point without vectors, so that
no search meets it. Engines know neither; both adapters of the index speak through this module.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from backend.domain import Chunk, DocumentRecord, Vocabulary
from backend.text.markdown_front import FrontMatter, fallback_title, page_path
from backend.text.slug import slug

DENSE = "dense"
SPARSE = "bm25"
LAYOUT = "v1"
LEGACY = "legacy"
CHUNK = "chunk"
DOCUMENT = "document"
DOCUMENT_FIELDS = ["kind", "source", "title", "page", "content_hash", "chunks", "updated_at"]
WORD_FIELDS = ["chunks", "words"]
INDEXED_FIELDS = {"source": "keyword", "kind": "keyword", "section": "integer"}

_MARKERS = UUID("6a1f0f9e-4f0b-5c1e-9a57-3f4c8d2b7e10")
_FINGERPRINT = re.compile(r"(?:sparse|[a-z0-9.-]+_(?P<dimensions>\d+))_v\d+")
_TWIN = "_twin"
_MOST_CHARS = 40_000
"""Of a text in a payload: more than any chunk has, so somebody else wrote it there."""


def fingerprint(model: str | None, dimensions: int | None) -> str:
    """What makes vectors comparable: embedding model, dimensions and layout.

    Raises:
        ValueError: There is a model, but its dimensions are not known.
    """
    if model is None:
        return f"sparse_{LAYOUT}"
    if not dimensions:
        raise ValueError("the dimensions of an embedding model are needed to name its collection")
    name = re.sub(r"[^a-z0-9.]+", "-", model.lower()).strip("-.")
    # two models whose names differ only in signs must not share a collection
    if name != model:
        name = f"{name[:60]}-{hashlib.sha256(model.encode()).hexdigest()[:6]}"
    return f"{name}_{dimensions}_{LAYOUT}"


def physical_name(configured: str, print_: str) -> str:
    """Name of the collection that holds the vectors of one fingerprint."""
    return f"{configured}__{print_}"


def twin_name(physical: str) -> str:
    """Name of the collection in which that one is rebuilt, and the other way round."""
    return physical.removesuffix(_TWIN) if physical.endswith(_TWIN) else physical + _TWIN


def fingerprint_of(configured: str, physical: str) -> str | None:
    """The fingerprint in a physical name; None for a collection that was not made here."""
    prefix = f"{configured}__"
    rest = physical[len(prefix) :].removesuffix(_TWIN)
    return rest if physical.startswith(prefix) and _FINGERPRINT.fullmatch(rest) else None


def dimensions_of(print_: str) -> int | None:
    """Length of the dense vectors under a fingerprint, None where there are none."""
    match = _FINGERPRINT.fullmatch(print_)
    return int(match["dimensions"]) if match and match["dimensions"] else None


def chunk_payload(chunk: Chunk) -> dict[str, Any]:
    """The payload of a chunk. ``indexed_text`` lives on in the vectors only.

    The window is stored as what stands ``before`` and ``after`` the text, to send no text twice.
    """
    at = chunk.window.find(chunk.text)
    before, after = chunk.window[: max(at, 0)], chunk.window[at + len(chunk.text) :]
    return {
        "kind": CHUNK,
        "source": chunk.source,
        "title": chunk.title,
        "heading_path": list(chunk.heading_path),
        "anchor": chunk.anchor,
        "page": chunk.page,
        "section": chunk.section,
        "position": chunk.position,
        "start_line": chunk.start_line,
        "end_line": chunk.end_line,
        "content": chunk.text,
        "before": before if at >= 0 else "",
        "after": after if at >= 0 else "",
        "content_hash": chunk.content_hash,
    }


_CHUNK_FIELDS = frozenset(Chunk.__dataclass_fields__) - {"id", "text", "window", "indexed_text"}
_CHUNK_FIELDS |= {"kind", "content", "before", "after"}


def holds_chunk(payload: Mapping[str, Any] | None) -> bool:
    """Whether a payload is one of :func:`chunk_payload`, and so certainly gives a chunk."""
    return (
        payload is not None
        and payload.keys() >= _CHUNK_FIELDS
        and isinstance(payload["content"], str)
        and payload["content"] != ""
        and isinstance(payload["heading_path"], list)
    )


def chunk_from(id_: object, payload: Mapping[str, Any] | None) -> Chunk | None:
    """The chunk of a point, with an empty ``indexed_text``; None for a payload without content.

    Understands the layout of earlier deployments too, by its ``file_path``.
    """
    if not payload or not isinstance(content := payload.get("content"), str) or not content:
        return None
    content = content[:_MOST_CHARS]
    if "kind" not in payload:
        return _legacy_chunk(id_, payload, content)
    try:
        return Chunk(
            id=str(id_),
            source=payload["source"],
            title=payload["title"],
            heading_path=tuple(payload["heading_path"]),
            anchor=payload["anchor"],
            page=payload["page"],
            section=payload["section"],
            position=payload["position"],
            start_line=payload["start_line"],
            end_line=payload["end_line"],
            text=content,
            window=f"{payload['before'][-_MOST_CHARS:]}{content}{payload['after'][:_MOST_CHARS]}",
            indexed_text="",
            content_hash=payload["content_hash"],
        )
    except (KeyError, TypeError):
        return None


def marker_id(source: str) -> str:
    """Id of the point that records a document."""
    return str(uuid5(_MARKERS, source))


def document_payload(record: DocumentRecord) -> dict[str, Any]:
    """The payload of the point that records a document."""
    return {
        "kind": DOCUMENT,
        "source": record.source,
        "title": record.title,
        "page": record.page,
        "content_hash": record.content_hash,
        "chunks": record.chunks,
        "updated_at": record.updated_at.astimezone(UTC).isoformat(),
    }


def words_payload(words: Mapping[str, int]) -> dict[str, str]:
    """Word forms by the number of chunks that hold them: compact, because most numbers are 1."""
    grouped: dict[str, list[str]] = {}
    for word, count in words.items():
        grouped.setdefault(str(count), []).append(word)
    return {count: " ".join(sorted(found)) for count, found in sorted(grouped.items())}


def vocabulary_from(payloads: Iterable[Mapping[str, Any]]) -> Vocabulary:
    """The sum of the documents' words; what cannot be read is left out."""
    forms: dict[str, int] = {}
    chunks = 0
    for payload in payloads:
        grouped, number = payload.get("words"), payload.get("chunks")
        if not isinstance(grouped, Mapping) or not isinstance(number, int):
            continue
        chunks += number
        for count, found in grouped.items():
            for word in found.split(" ") if count.isdigit() else ():
                forms[word] = forms.get(word, 0) + int(count)
    return Vocabulary(forms, chunks)


def document_from(payload: Mapping[str, Any] | None) -> DocumentRecord | None:
    """The record in a payload; None for one that cannot be read."""
    if not payload:
        return None
    try:
        return DocumentRecord(
            source=payload["source"],
            title=payload["title"],
            page=payload["page"],
            content_hash=payload["content_hash"],
            chunks=int(payload["chunks"]),
            updated_at=datetime.fromisoformat(payload["updated_at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def legacy_document(file_path: str, chunks: int) -> DocumentRecord:
    """The record of a document in a collection that has no records: only its chunks are known."""
    source = _relative(file_path)
    return DocumentRecord(
        source=source,
        title=fallback_title(source),
        page=page_path(source, FrontMatter()),
        content_hash="",
        chunks=chunks,
        updated_at=datetime.fromtimestamp(0, UTC),
    )


def _legacy_chunk(id_: object, payload: Mapping[str, Any], content: str) -> Chunk:
    """A chunk of ``{content, context, headers: {h1..h6}, file_path, chunk_index}``.

    Neither lines nor sections were recorded: lines are 0, and every chunk is a section of its own.
    """
    source = _relative(str(payload.get("file_path") or ""))
    headings = _headings(payload)
    index = payload.get("chunk_index")
    position = index if isinstance(index, int) else 0
    return Chunk(
        id=str(id_),
        source=source,
        title=headings[0] if headings else fallback_title(source),
        heading_path=headings,
        anchor=slug(headings[-1]) if len(headings) > 1 else "",
        page=page_path(source, FrontMatter()),
        section=position,
        position=position,
        start_line=0,
        end_line=0,
        text=content,
        window=content,
        indexed_text="",
        content_hash=hashlib.sha256(content.encode()).hexdigest(),
    )


def _headings(payload: Mapping[str, Any]) -> tuple[str, ...]:
    headers = payload.get("headers")
    if isinstance(headers, Mapping):
        levels = (headers.get(f"h{level}") for level in range(1, 7))
        return tuple(str(heading).strip() for heading in levels if heading)
    return ()


def _relative(file_path: str) -> str:
    """The path under the docs root, as far as the path shows where that was."""
    path = posixpath.normpath(file_path.replace("\\", "/")) if file_path else ""
    _, found, below = f"/{path}".rpartition("/docs/")
    return below if found else path.lstrip("./")
