"""Keeps the vectors of the last questions: readers ask the same ones, and so do retries."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Vector
from backend.ports import Embedder

KEPT = 512
"""Vectors kept, at 6 kB each for 1,536 dimensions."""


class QueryVectors:
    """Embeds the texts of questions; a text that was embedded lately is not sent again.

    Failures are not kept.

    Args:
        embedder: Embeds what is not at hand.
        kept: How many vectors are kept, the last used.
    """

    def __init__(self, embedder: Embedder, *, kept: int = KEPT) -> None:
        self._embedder = embedder
        self._kept = kept
        self._vectors: dict[tuple[str, str], Vector] = {}

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Vectors of the texts, in order; raises what the embedder raises."""
        model = self._embedder.model
        found = {text: vector for text in texts if (vector := self._take(model, text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            vectors = await self._embedder.embed(missing)
            for text, vector in zip(missing, vectors, strict=True):
                found[text] = self._vectors[model, text] = vector
        while len(self._vectors) > self._kept:
            del self._vectors[next(iter(self._vectors))]
        return [found[text] for text in texts]

    def _take(self, model: str, text: str) -> Vector | None:
        """The kept vector, which is the last used from now on."""
        vector = self._vectors.pop((model, text), None)
        if vector is not None:
            self._vectors[model, text] = vector
        return vector
