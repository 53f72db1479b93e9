"""Short ways to make the values that tests need."""

from __future__ import annotations

import hashlib
from typing import Any

from backend.domain import Chunk, Hit


def make_chunk(text: str = "A node is a process.", **values: Any) -> Chunk:
    """A chunk of ``text``; every other field has a plausible default."""
    indexed = values.pop("indexed_text", text)
    fields: dict[str, Any] = {
        "id": values.pop("id", hashlib.md5(text.encode()).hexdigest()),
        "source": "guide/nodes.md",
        "title": "Nodes",
        "heading_path": ("Nodes", "What is a node?"),
        "anchor": "what-is-a-node",
        "page": "guide/nodes",
        "section": 1,
        "position": 0,
        "start_line": 1,
        "end_line": 1 + text.count("\n"),
        "text": text,
        "window": text,
        "indexed_text": indexed,
        "content_hash": hashlib.sha256(indexed.encode()).hexdigest(),
    }
    return Chunk(**(fields | values))


def make_hit(text: str = "A node is a process.", score: float = 1.0, **values: Any) -> Hit:
    """A hit on a chunk of ``text``; keyword arguments go to the chunk."""
    dense = values.pop("dense_score", None)
    sparse = values.pop("sparse_score", 1.0)
    return Hit(make_chunk(text, **values), score, dense, sparse)
