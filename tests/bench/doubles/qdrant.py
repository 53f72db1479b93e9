"""Qdrant's REST protocol at a fixed speed: ``python -m tests.bench.doubles.qdrant --port 16333``.

Keeps what is written to it. A search gives points that follow one another from somewhere in the
collection, with scores that fall: which points an engine finds is not what is measured against this
double, so the request's vectors are not even read; but another vector finds other points.
"""

from __future__ import annotations

import re
import zlib
from typing import Any
from urllib.parse import unquote

import orjson

from tests.bench.doubles.wire import Schedule, arguments, json_reply, reply, serve

STARTS = 64
_LIMIT = re.compile(rb'"limit":\s*(\d+)')
_DONE = {"operation_id": 1, "status": "completed"}
_PATH = re.compile(r"/collections/(?P<name>[^/]+)(?P<rest>/.*)?")


class Qdrant:
    """Searches take ``search_ms``, set anew by ``POST /speed``; all else is answered at once."""

    def __init__(self, search_ms: float) -> None:
        self._search_s = search_ms / 1000
        self._config: dict[str, dict[str, Any]] = {}
        self._points: dict[str, dict[str, dict[str, Any]]] = {}
        self._aliases: dict[str, str] = {}
        self._found: dict[tuple[str, int, int], bytes] = {}

    def handle(self, method: str, path: str, body: bytes) -> Schedule:
        match = _PATH.fullmatch(path)
        if path == "/collections/aliases" and method == "POST":
            return self._change_aliases(orjson.loads(body))
        if path in ("/aliases", "/collections"):
            return [(0.0, _result(self._listed(path)))]
        if path == "/speed":
            self._search_s = orjson.loads(body)["search_ms"] / 1000
        if match is None:
            return [(0.0, _result(True))]
        name, rest = unquote(match["name"]), match["rest"] or ""
        name = self._aliases.get(name, name)
        if rest in ("/points/query", "/points/query/batch"):
            return [(self._search_s, self._search(name, rest, body))]
        return [(0.0, self._other(method, name, rest, body))]

    def _other(self, method: str, name: str, rest: str, body: bytes) -> bytes:
        if rest == "/exists":
            return _result({"exists": name in self._config})
        if rest == "" and method == "PUT":
            self._config[name], self._points[name] = orjson.loads(body), {}
            return _result(True)
        if name not in self._config:
            return json_reply({"status": {"error": "Not found"}}, 404)
        if rest == "" and method == "GET":
            return _result(self._described(name))
        if rest == "/points/count":
            return _result({"count": len(self._matching(name, orjson.loads(body)))})
        if rest == "/points/scroll":
            points = self._matching(name, orjson.loads(body))
            return _result({"points": points, "next_page_offset": None})
        if rest == "/points/batch":
            operations = orjson.loads(body)["operations"]
            self._write(name, operations)
            return _result([_DONE] * len(operations))
        return _result(_DONE if rest else True)

    def _listed(self, path: str) -> dict[str, Any]:
        if path == "/aliases":
            pairs = self._aliases.items()
            return {"aliases": [{"alias_name": a, "collection_name": c} for a, c in pairs]}
        return {"collections": [{"name": name} for name in self._config]}

    def _change_aliases(self, asked: dict[str, Any]) -> Schedule:
        for action in asked["actions"]:
            if made := action.get("create_alias"):
                self._aliases[made["alias_name"]] = made["collection_name"]
        return [(0.0, _result(True))]

    def _described(self, name: str) -> dict[str, Any]:
        given = self._config[name]
        return {
            "status": "green", "optimizer_status": "ok", "segments_count": 1,
            "points_count": len(self._points[name]), "payload_schema": {},
            "config": {
                "params": {k: given.get(k) for k in ("vectors", "sparse_vectors")},
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000},
                "optimizer_config": {
                    "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000,
                    "default_segment_number": 0, "flush_interval_sec": 5,
                },
            },
        }  # fmt: skip

    def _matching(self, name: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = {
            rule["key"]: rule["match"]["value"]
            for rule in (asked.get("filter") or {}).get("must", ())
        }
        return [
            {"id": id_, "payload": payload}
            for id_, payload in self._points[name].items()
            if all(payload.get(key) == value for key, value in wanted.items())
        ]

    def _write(self, name: str, operations: list[dict[str, Any]]) -> None:
        points = self._points[name]
        for operation in operations:
            for point in (operation.get("upsert") or {}).get("points", ()):
                points[point["id"]] = point["payload"]
            for id_ in (operation.get("delete") or {}).get("points", ()):
                points.pop(id_, None)
        self._found.clear()

    def _search(self, name: str, rest: str, body: bytes) -> bytes:
        limits = [int(limit) for limit in _LIMIT.findall(body)]
        start = zlib.crc32(body[:400])
        found = [self._some(name, limit, (start + n) % STARTS) for n, limit in enumerate(limits)]
        if rest == "/points/query":
            return reply(b'{"result":%b,"status":"ok","time":0.001}' % found[0])
        return reply(b'{"result":[%b],"status":"ok","time":0.001}' % b",".join(found))

    def _some(self, name: str, limit: int, start: int) -> bytes:
        """``limit`` chunks from one of ``STARTS`` places on."""
        if (name, limit, start) not in self._found:
            chunks = self._matching(
                name, {"filter": {"must": [{"key": "kind", "match": {"value": "chunk"}}]}}
            )
            first = start * len(chunks) // STARTS
            points = [
                {**point, "version": 1, "score": 0.9 - 0.01 * n}
                for n, point in enumerate((chunks[first:] + chunks[:first])[:limit])
            ]
            self._found[name, limit, start] = orjson.dumps({"points": points})
        return self._found[name, limit, start]


def _result(value: object) -> bytes:
    return json_reply({"result": value, "status": "ok", "time": 0.001})


if __name__ == "__main__":
    options = arguments(search_ms=5)
    serve(Qdrant(options.search_ms).handle, options.port)
