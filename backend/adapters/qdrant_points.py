"""Points of a Qdrant server as raw JSON over the shared transport.

Qdrant's own client spends several times as much on its models, and every question comes this way.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast
from urllib.parse import quote

import numpy
import orjson

from backend.adapters.http import HttpTransport
from backend.adapters.index_plan import UPSTREAM
from backend.adapters.points import chunk_from, holds_chunk
from backend.adapters.qdrant_errors import classify, unreadable
from backend.adapters.steps import PointData, Step
from backend.domain import Chunk, ScoredChunk
from backend.metrics import SKIPPED_POINTS

PAGE = 1000
"""Points per page of a scroll."""


class QdrantPoints:
    """Reads and writes the points of any collection or alias.

    Args:
        url: The server's address without a slash at the end.
        headers: The credential.
        transport: The shared HTTP client.
        timeout_s: Seconds that a read may take.
        write_timeout_s: Seconds that a write may take.
    """

    def __init__(
        self,
        url: str,
        headers: dict[str, str],
        transport: HttpTransport,
        timeout_s: float,
        write_timeout_s: float,
    ) -> None:
        self._url = url
        self._headers = headers
        self._transport = transport
        self._timeout_s = timeout_s
        self._write_timeout_s = write_timeout_s

    async def search(
        self, name: str, vectors: Iterable[tuple[str, Any]], limit: int
    ) -> list[list[ScoredChunk]]:
        """Hits of each vector, best first; "" is the name of a collection's unnamed vector.

        A point whose payload is not a chunk's is left out.
        """
        searches = [
            {
                "query": _vector(vector),
                "limit": limit,
                "with_payload": True,
                **({"using": using} if using else {}),
            }
            for using, vector in vectors
        ]
        answers = await self._ask(name, "query/batch", {"searches": searches})
        try:
            return [[*_scored(answer["points"])] for answer in answers]
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable() from error

    async def scroll(
        self, name: str, must: dict[str, Any], payload: bool | list[str]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Id and payload (True: whole, else these fields) of every point that matches."""
        found: list[tuple[str, dict[str, Any]]] = []
        body = {"filter": _filter(must), "limit": PAGE, "with_payload": payload}
        try:
            while True:
                page = await self._ask(name, "scroll", body)
                found.extend((str(p["id"]), p.get("payload") or {}) for p in page["points"])
                if (offset := page.get("next_page_offset")) is None:
                    return found
                body["offset"] = offset
        except (KeyError, TypeError, AttributeError) as error:
            raise unreadable() from error

    async def count(self, name: str, must: dict[str, Any]) -> int:
        """How many points match, exactly."""
        answer = await self._ask(name, "count", {"filter": _filter(must), "exact": True})
        try:
            return int(answer["count"])
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable() from error

    async def write(self, name: str, step: Step) -> None:
        """Apply a step's changes in their order; applied and logged on the server on return."""
        operations = _operations(step)
        if operations:
            await self._ask(
                name, "batch?wait=true", {"operations": operations}, self._write_timeout_s
            )

    async def _ask(
        self, name: str, path: str, body: dict[str, Any], timeout_s: float | None = None
    ) -> Any:
        data = await self._transport.post_json(
            f"{self._url}/collections/{quote(name, safe='')}/points/{path}",
            body,
            headers=self._headers,
            timeout_s=timeout_s or self._timeout_s,
            upstream=UPSTREAM,
            classify=classify,
        )
        try:
            return orjson.loads(data)["result"]
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable() from error


def _scored(points: Iterable[dict[str, Any]]) -> Iterable[ScoredChunk]:
    for point in points:
        id_, score, payload = point["id"], float(point["score"]), point.get("payload")
        make = partial(chunk_from, id_, payload)
        if holds_chunk(payload):
            yield ScoredChunk.late(str(id_), score, cast("Callable[[], Chunk]", make))
        elif chunk := make():
            yield ScoredChunk(chunk, score)
        else:
            SKIPPED_POINTS.add()


def _operations(step: Step) -> list[dict[str, Any]]:
    operations: list[dict[str, Any]] = []
    if step.upsert:
        operations.append({"upsert": {"points": [_point(point) for point in step.upsert]}})
    operations.extend(
        {"overwrite_payload": {"payload": payload, "points": [id_]}}
        for id_, payload in step.overwrite
    )
    if step.delete:
        operations.append({"delete": {"points": step.delete}})
    if step.delete_where:
        operations.append({"delete": {"filter": _filter(step.delete_where)}})
    return operations


def _point(point: PointData) -> dict[str, Any]:
    id_, vectors, payload = point
    named = {using: _vector(vector) for using, vector in vectors.items()}
    return {"id": id_, "vector": named, "payload": payload}


def _vector(vector: Sequence[Any]) -> Any:
    if isinstance(vector[0], tuple):
        return {"indices": vector[0], "values": vector[1]}
    if isinstance(vector, array):  # written with as many digits as float32 has, which is half
        return numpy.frombuffer(vector, numpy.float32)
    return vector


def _filter(must: dict[str, Any]) -> dict[str, Any]:
    return {"must": [{"key": key, "match": {"value": value}} for key, value in must.items()]}
