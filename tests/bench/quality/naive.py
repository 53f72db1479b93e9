"""The usual first version: cut every 1,500 characters, embed, take the five nearest."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from backend.domain import SourceFile
from backend.text.markdown import chunk_file
from tests.bench.quality.pack import Book

SIZE = 1_500
BATCH = 256


class Naive:
    """Dense retrieval over fixed cuts."""

    def __init__(self, book: Book, embeddings: str) -> None:
        self._embeddings = embeddings
        self._pieces = [
            (path, text[at : at + SIZE])
            for path, text in book.files.items()
            for at in range(0, len(text), SIZE)
        ]
        self._matrix = embed(embeddings, [text for _, text in self._pieces])

    def search(self, query: str, limit: int = 5, selected_text: str = "") -> Any:
        """As the product's ``/api/search`` answers."""
        asked = f"{query}\n{selected_text}" if selected_text else query
        scores = self._matrix @ embed(self._embeddings, [asked])[0]
        found = np.argsort(-scores, kind="stable")[:limit]
        results = [
            {"source": self._pieces[i][0], "text": self._pieces[i][1], "score": float(scores[i])}
            for i in found
        ]
        return {"results": results, "confidence": results[0]["score"]}


def warm(url: str, book: Book) -> None:
    """Let the server keep the vectors of the product's chunks before the product asks for them.

    On one thread a batch takes longer than the product has patience with an embedding server.
    """
    now = datetime.now(UTC)
    chunked = (chunk_file(SourceFile(path, text, now)).chunks for path, text in book.files.items())
    embed(url, [chunk.indexed_text for chunks in chunked for chunk in chunks])


def embed(url: str, texts: Sequence[str]) -> Any:
    """A row for each text."""
    rows = []
    for start in range(0, len(texts), BATCH):
        body = {"input": list(texts[start : start + BATCH]), "encoding_format": "base64"}
        request = urllib.request.Request(
            f"{url}/embeddings",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=3_600) as reply:
            data = json.load(reply)["data"]
        rows += [np.frombuffer(base64.b64decode(item["embedding"]), "<f4") for item in data]
    return np.array(rows)
