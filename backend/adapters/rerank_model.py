"""A reranking model behind ``POST {base}/rerank``, as Cohere, Jina and local servers speak it.

Request ``{model, query, documents, top_n}``, answer ``{results: [{index, relevance_score}]}``:
docs.cohere.com/v2/reference/rerank, jina.ai/reranker, and the same in vLLM and Infinity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import orjson

from backend.adapters.http import HttpTransport
from backend.adapters.openai_errors import Names
from backend.errors import UpstreamError, UpstreamRejected

TIMEOUT_S = 10.0  # the guard's limit is narrower; this one holds where there is no guard
MAX_CHARS = 4_000
"""Of each document: models read some hundred words of it, and count the rest all the same."""

RERANK_NAMES = Names(
    upstream="rerank",
    part="The reranking server",
    key="RERANK_API_KEY",
    model="RERANK_MODEL",
    url="RERANK_BASE_URL",
)
_NO_RERANK = "The server in {url} has no /rerank there; correct the address."


class RerankModel:
    """A model that says how well documents fit a query."""

    def __init__(
        self,
        transport: HttpTransport,
        *,
        base_url: str,
        api_key: str | None,
        model: str,
        names: Names = RERANK_NAMES,
    ) -> None:
        self.model = model
        self._transport = transport
        self._url = f"{base_url.rstrip('/')}/rerank"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._names = names

    async def relevance(self, query: str, documents: Sequence[str]) -> list[float | None]:
        """See the port.

        Raises:
            UpstreamError: refused, unreachable, or an answer that does not have the protocol's
                shape, such as an index that no document has.
        """
        body = {
            "model": self.model,
            "query": query,
            "documents": [document[:MAX_CHARS] for document in documents],
            "top_n": len(documents),
        }
        answer = await self._transport.post_json(
            self._url,
            body,
            headers=self._headers,
            timeout_s=TIMEOUT_S,
            upstream=self._names.upstream,
            classify=self._classify,
            variable=self._names.url,
        )
        return _scores(answer, len(documents), self._names)

    def _classify(self, status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
        if status < 400 or status == 405:
            error = self._names.error(UpstreamRejected, _NO_RERANK)
            error.configuration = True
            return error
        return self._names.classify(status, headers, body)


def _scores(answer: bytes, count: int, names: Names) -> list[float | None]:
    scores: list[float | None] = [None] * count
    try:
        for item in orjson.loads(answer)["results"]:
            index, score = item["index"], float(item["relevance_score"])
            if type(index) is not int or not 0 <= index < count or scores[index] is not None:
                raise ValueError("not the index of a document, or there twice")
            if not math.isfinite(score):
                raise ValueError("not a number")
            scores[index] = score
    except (ValueError, TypeError, KeyError) as error:
        raise names.unreadable() from error
    return scores
