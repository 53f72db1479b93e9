"""Payloads of the embedded index as JSON, the last ones kept.

Reading a payload costs the engine several times as much as finding the point.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

KEPT = 4096
"""Payloads kept, at about 1.5 kB each."""


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
                # a copy, because orjson's bytes hold a buffer of several times their size
                payload = bytes(memoryview(orjson.dumps(record.payload or {})))
                found[str(record.id)] = payload
        self._kept.update(((name, id_), payload) for id_, payload in found.items())
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return found

    def forget(self) -> None:
        """Drop everything."""
        self._kept.clear()
