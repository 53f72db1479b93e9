"""Payloads of the embedded index as JSON, the last ones kept.

Reading a payload costs the engine several times as much as finding the point, and each of its
fields 5 us both ways: a chunk's is written as one text of JSON beside the fields that are filtered
by. Those of earlier versions have a field for each value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from backend.adapters.points import CHUNK

FILTERED_FIELDS = {"source": "keyword", "kind": "keyword"}
"""With the kinds of their payload indexes."""
PACKED = "json"
"""The field that holds all of a chunk's payload."""
KEPT = 4096
"""Payloads kept, at about 1.5 kB each."""


def pack(payload: dict[str, Any]) -> dict[str, Any]:
    """What the engine is given for a payload."""
    if payload.get("kind") != CHUNK:
        return payload
    return {
        **{name: payload[name] for name in FILTERED_FIELDS},
        PACKED: orjson.dumps(payload).decode(),
    }


def unpack(payload: Mapping[str, Any], fields: Iterable[str] | None = None) -> dict[str, Any]:
    """What was packed, all of it or these ``fields``."""
    whole = orjson.loads(payload[PACKED]) if PACKED in payload else payload
    return {name: whole[name] for name in fields or whole if name in whole}


class Payloads:
    """Reads payloads by id; whoever changes a collection has to call :meth:`forget`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def read(self, shard: Any, name: str, ids: Iterable[str]) -> dict[str, bytes]:
        """Id -> JSON of the payload, of every point that is in the collection ``name``."""
        found: dict[str, bytes] = {}
        missing = []
        for id_ in dict.fromkeys(ids):
            payload = self._kept.pop((name, id_), None)  # put back as the latest
            if payload is None:
                missing.append(id_)
            else:
                found[id_] = payload
        if missing:
            for record in shard.retrieve(missing, with_payload=True, with_vector=False):
                found[str(record.id)] = _json(record.payload or {})
        self._kept.update(((name, id_), payload) for id_, payload in found.items())
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    def forget(self) -> None:
        """Drop everything."""
        self._kept.clear()


def _json(payload: Mapping[str, Any]) -> bytes:
    if isinstance(packed := payload.get(PACKED), str):
        return packed.encode()
    # a copy, because orjson's bytes hold a buffer of several times their size
    return bytes(memoryview(orjson.dumps(payload)))
