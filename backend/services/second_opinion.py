"""The order of the best passages by a reranking model, where one is configured."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Hit
from backend.errors import NotConfigured, UpstreamError
from backend.metrics import DEGRADED
from backend.ports import Reranker

READ = 24
"""Hits that the model reads: what it costs and takes grows with them."""
_BY_ITSELF = "Passages ordered without the reranking model: "


async def second_opinion(
    reranker: Reranker | None, question: str, hits: Sequence[Hit]
) -> tuple[list[Hit], str | None]:
    """The hits in the model's order, and why not where it failed.

    Those that the model left out, or was not shown, come after those that it scored. The scores
    stay those of the places: a model's own are on any scale, and what follows adds to them.
    """
    if reranker is None or len(hits) < 2:
        return list(hits), None
    read = hits[:READ]
    try:
        scores = await reranker.relevance(question, [_as_text(hit) for hit in read])
    except (UpstreamError, NotConfigured) as error:
        DEGRADED.add("local_order", error.code)
        return list(hits), _BY_ITSELF + error.detail
    scored = [(score, at) for at, score in enumerate(scores) if score is not None]
    order = [at for _, at in sorted(scored, key=lambda item: -item[0])]
    order += [at for at, score in enumerate(scores) if score is None]
    moved = [
        Hit(read[at].chunk, place.score, read[at].dense_score, read[at].sparse_score)
        for at, place in zip(order, read, strict=True)
    ]
    return [*moved, *hits[READ:]], None


def _as_text(hit: Hit) -> str:
    return "\n".join((" > ".join(hit.chunk.heading_path), hit.chunk.text))
