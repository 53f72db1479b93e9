from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from backend.adapters import points
from backend.domain import DocumentRecord
from tests.unit.builders import make_chunk

CHUNK = make_chunk("b", window="a\nb\nc", heading_path=("A", "B"), indexed_text="A > B\nb")


def test_chunk_survives_its_payload_without_the_indexed_text() -> None:
    payload = points.chunk_payload(CHUNK)
    assert points.chunk_from(CHUNK.id, payload) == replace(CHUNK, indexed_text="")
    assert sum(str(value).count("b") for value in payload.values()) < 20
    assert "a\nb\nc" not in payload.values()


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        {"file_path": "a.md"},
        {"content": ""},
        {"content": 3},
        {"kind": "chunk", "content": "text"},
        points.chunk_payload(CHUNK) | {"heading_path": None},
    ],
)
def test_chunk_from_skips_what_is_no_chunk(payload: dict[str, Any] | None) -> None:
    assert points.chunk_from("1", payload) is None


@pytest.mark.parametrize(
    ("file_path", "source", "page"),
    [
        ("/app/frontend/docs/week1/intro.md", "week1/intro.md", "week1/intro"),
        ("docs\\week1\\index.mdx", "week1/index.mdx", "week1"),
        ("./week1/a.md", "week1/a.md", "week1/a"),
        ("", "", ""),
    ],
)
def test_legacy_payload_becomes_a_chunk(file_path: str, source: str, page: str) -> None:
    payload = {
        "content": "Text.",
        "context": "Robots",
        "headers": {"h1": "Robots", "h2": "The Arm!", "h3": None},
        "file_path": file_path,
        "chunk_index": 4,
    }
    chunk = points.chunk_from("id", payload)
    assert chunk is not None
    assert (chunk.source, chunk.page, chunk.anchor) == (source, page, "the-arm")
    assert (chunk.title, chunk.heading_path) == ("Robots", ("Robots", "The Arm!"))
    assert (chunk.text, chunk.window, chunk.position) == ("Text.", "Text.", 4)


def test_legacy_payload_with_content_alone_is_enough() -> None:
    chunk = points.chunk_from(7, {"content": "Text.", "headers": "broken", "chunk_index": None})
    assert chunk is not None
    assert (chunk.id, chunk.heading_path, chunk.position) == ("7", (), 0)


def test_record_survives_its_payload() -> None:
    record = DocumentRecord("a.md", "A", "a", "hash", 3, datetime(2026, 1, 2, 3, 4, 5, 6, UTC))
    payload = points.document_payload(record)
    assert points.document_from(payload) == record
    assert points.document_from(payload | {"updated_at": "yesterday"}) is None
    assert points.document_from(None) is None
    assert UUID(points.marker_id("a.md")) != UUID(points.marker_id("b.md"))


def test_physical_name_tells_models_apart_and_can_be_read() -> None:
    prints = {
        points.fingerprint(model, dimensions)
        for model, dimensions in [
            ("text-embedding-3-small", 1536),
            ("text-embedding-3-small", 512),
            ("BAAI/bge-m3", 1024),
            ("baai-bge-m3", 1024),
            ("x" * 300, 8),
            ("X" * 300, 8),
            (None, None),
        ]
    }
    assert len(prints) == 7
    assert "text-embedding-3-small_1536_v1" in prints
    for print_ in prints:
        name = points.physical_name("my__book", print_)
        assert points.fingerprint_of("my__book", name) == print_
        assert points.fingerprint_of("my", name) is None
    assert points.dimensions_of("baai-bge-m3-1a2b3c_1024_v1") == 1024
    assert points.dimensions_of("sparse_v1") is None
    with pytest.raises(ValueError, match="dimensions"):
        points.fingerprint("model", None)
