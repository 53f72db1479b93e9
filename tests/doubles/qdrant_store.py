"""What a Qdrant collection does, exactly and slowly: filters, cosine, sparse scores with IDF."""

from __future__ import annotations

import math
from operator import mul
from typing import Any
from uuid import UUID

JSON = dict[str, Any]
UNNAMED = ""


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Collection:
    """Points by id: ``points[id] = (named vectors, payload)``; an unnamed vector's name is ""."""

    def __init__(self, params: JSON) -> None:
        vectors = params.get("vectors") or {}
        self.unnamed = "size" in vectors
        self.dense: dict[str, JSON] = {UNNAMED: vectors} if self.unnamed else vectors
        self.sparse: dict[str, JSON] = params.get("sparse_vectors") or {}
        self.indexes: dict[str, str] = {}
        self.points: dict[str | int, tuple[dict[str, Any], JSON]] = {}

    def info(self) -> JSON:
        """The answer to ``GET /collections/{name}``."""
        params: JSON = {"vectors": self.dense[UNNAMED] if self.unnamed else self.dense}
        if self.sparse:
            params["sparse_vectors"] = self.sparse
        schema = {k: {"data_type": v, "points": len(self.points)} for k, v in self.indexes.items()}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": 0,
            "points_count": len(self.points),
            "segments_count": 1,
            "config": {
                "params": {"shard_number": 1, "replication_factor": 1, **params},
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                "optimizer_config": {
                    "deleted_threshold": 0.2,
                    "vacuum_min_vector_number": 1000,
                    "default_segment_number": 0,
                    "flush_interval_sec": 5,
                },
                "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
            },
            "payload_schema": schema,
        }

    def points_call(self, method: str, path: str, body: JSON) -> Any:
        """The result of a request below ``/collections/{name}``."""
        call = {
            "PUT /index": self._create_index,
            "PUT /points": self._upsert,
            "POST /points/batch": self._batch,
            "POST /points/delete": self._delete,
            "POST /points/payload": self._set_payload,
            "PUT /points/payload": self._overwrite,
            "POST /points/query": self._query,
            "POST /points/query/batch": lambda b: [self._query(s) for s in b["searches"]],
            "POST /points/scroll": self._scroll,
            "POST /points/count": lambda b: {"count": len(self._matching(b.get("filter")))},
        }.get(f"{method} {path}")
        if call is None:
            raise Refused(404, "")
        return call(body)

    def _create_index(self, body: JSON) -> JSON:
        schema = body.get("field_schema")
        self.indexes[body["field_name"]] = schema["type"] if isinstance(schema, dict) else schema
        return _done()

    def _batch(self, body: JSON) -> list[JSON]:
        calls = {
            "upsert": self._upsert,
            "delete": self._delete,
            "set_payload": self._set_payload,
            "overwrite_payload": self._overwrite,
        }
        results = []
        for operation in body["operations"]:
            ((name, argument),) = operation.items()
            if name not in calls:
                raise Refused(400, f"unknown variant `{name}`")
            results.append(calls[name](argument))
        return results

    def _upsert(self, body: JSON) -> JSON:
        points = [
            (_id(p["id"]), self._checked(p["vector"]), p.get("payload")) for p in body["points"]
        ]
        for id_, vectors, payload in points:
            self.points[id_] = (vectors, payload or {})
        return _done()

    def _checked(self, vector: Any) -> dict[str, Any]:
        named = vector if isinstance(vector, dict) else {UNNAMED: vector}
        for name, value in named.items():
            self._check(name, value)
        return named

    def _check(self, name: str, value: Any) -> None:
        if name in self.sparse:
            if len(set(value["indices"])) != len(value["values"]):
                raise Refused(422, "Validation error in JSON body: indices must be unique")
        elif name not in self.dense:
            raise Refused(400, f"Wrong input: Not existing vector name error: {name}")
        elif len(value) != (size := self.dense[name]["size"]):
            error = f"Vector dimension error: expected dim: {size}, got {len(value)}"
            raise Refused(400, f"Wrong input: {error}")

    def _delete(self, body: JSON) -> JSON:
        ids = map(_id, body["points"]) if "points" in body else self._matching(body["filter"])
        for id_ in [*ids]:
            self.points.pop(id_, None)
        return _done()

    def _set_payload(self, body: JSON) -> JSON:
        for id_ in map(_id, body["points"]):
            self.points[id_][1].update(body["payload"])
        return _done()

    def _overwrite(self, body: JSON) -> JSON:
        for id_ in map(_id, body["points"]):
            if id_ not in self.points:
                raise Refused(404, f"Not found: No point with id {id_} found")
            self.points[id_] = (self.points[id_][0], dict(body["payload"]))
        return _done()

    def _query(self, body: JSON) -> JSON:
        name, wanted = body.get("using") or UNNAMED, body.get("query")
        if isinstance(wanted, dict) and "nearest" in wanted:
            wanted = wanted["nearest"]
        self._check(name, wanted)
        ids = [id_ for id_ in self._matching(body.get("filter")) if name in self.points[id_][0]]
        score = self._bm25(name, wanted) if name in self.sparse else _cosine(wanted)
        scored = [(score(self.points[id_][0][name]), id_) for id_ in ids]
        found = [pair for pair in scored if name in self.dense or pair[0] > 0]
        found.sort(key=lambda pair: (-pair[0], str(pair[1])))
        return {
            "points": [
                {"id": id_, "version": 1, "score": value, **self._shown(id_, body, False)}
                for value, id_ in found[: body.get("limit") or 10]
            ]
        }

    def _bm25(self, name: str, wanted: JSON) -> Any:
        """Score of a vector; IDF statistics are those of the points that have the vector."""
        stored = [dict(_pairs(v[name])) for v, _ in self.points.values() if name in v]
        weights = dict(_pairs(wanted))
        if self.sparse[name].get("modifier") == "idf":
            for index in weights:
                df = sum(index in vector for vector in stored)
                weights[index] *= math.log(1 + (len(stored) - df + 0.5) / (df + 0.5))
        return lambda vector: sum(
            weights.get(index, 0.0) * value for index, value in _pairs(vector)
        )

    def _scroll(self, body: JSON) -> JSON:
        ids = sorted(self._matching(body.get("filter")), key=str)
        if (offset := body.get("offset")) is not None:
            ids = [id_ for id_ in ids if str(id_) >= str(offset)]
        limit = body.get("limit") or 10
        return {
            "points": [{"id": id_, **self._shown(id_, body, True)} for id_ in ids[:limit]],
            "next_page_offset": ids[limit] if len(ids) > limit else None,
        }

    def _shown(self, id_: str | int, body: JSON, default: bool) -> JSON:
        wanted = body.get("with_payload", default)
        payload = self.points[id_][1]
        if isinstance(wanted, list):
            return {"payload": {key: payload[key] for key in wanted if key in payload}}
        return {"payload": payload} if wanted else {}

    def _matching(self, wanted: JSON | None) -> list[str | int]:
        conditions = (wanted or {}).get("must") or []
        if set(wanted or {}) - {"must"} and any((wanted or {}).values()):
            raise Refused(400, "the double only knows filters with must")
        for condition in conditions:
            if condition["key"] not in self.indexes:
                raise Refused(400, f"Bad request: Index required but not found for {condition}")
        return [
            id_
            for id_, (_, payload) in self.points.items()
            if all(payload.get(c["key"]) == c["match"]["value"] for c in conditions)
        ]


def _cosine(wanted: list[float]) -> Any:
    length = math.hypot(*wanted) or 1.0
    return lambda v: sum(map(mul, v, wanted)) / (length * (math.hypot(*v) or 1.0))


def _pairs(vector: JSON) -> Any:
    return zip(vector["indices"], vector["values"], strict=True)


def _id(value: Any) -> str | int:
    if isinstance(value, int) and value >= 0:
        return value
    try:
        return str(UUID(value))
    except (ValueError, AttributeError, TypeError):
        raise Refused(400, f"value {value} is not a valid point ID") from None


def _done() -> JSON:
    return {"operation_id": 1, "status": "completed"}
