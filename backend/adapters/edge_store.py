"""The collections of the embedded index on disk, as Qdrant Edge shards. Blocking; one owner.

A folder holds one shard per collection, and ``live``, which names the collection that is searched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from backend.adapters.edge_folder import StoreError, linked, take_lock
from backend.adapters.edge_payloads import PACKED, Payloads, pack, unpack
from backend.adapters.steps import Step

_NO_GRAPH_KB = 10**9
"""Size below which vectors are scanned instead of linked into a graph. Scanning is exact and takes
2.5 ms for 10,000 vectors of 1,536 dimensions, 25 ms for 100,000; building the graph for 10,000
would block this process for 25 s and save nothing. ``optimize`` only clears out deleted points."""
_PAGE = 10_000
_LIVE = "live"
_READS = {"live", "lend", "load", "search", "scroll", "count"}


class EdgeStore:
    """The operations. Names of collections are names of folders below ``root``."""

    def __init__(self, root: Path) -> None:
        import qdrant_edge

        self._edge = qdrant_edge
        self._root = root
        self._lock: BinaryIO | None = None
        self._lent = False
        self._shards: dict[str, Any] = {}
        self._payloads = Payloads()
        self._written: dict[str, bool] = {}
        """Of collections written since they were loaded: whether points were replaced or deleted,
        after which the engine goes on counting their words until it loads them again."""

    def answer(self, operation: str, arguments: Sequence[Any]) -> Any:
        """Carry out one operation of the table at the end of this class.

        Raises:
            StoreError: Another process owns the folder, or the collection is missing or corrupt.
            OSError: The folder cannot be written.
            Exception: Everything else that the engine finds fault with: its only class.
        """
        if self._lock is None and not self._lent:
            self._lock = take_lock(self._root)
        if operation not in _READS:
            self._payloads.forget()
        return self._operations[operation](self, *arguments)

    def live(self) -> tuple[str | None, bool]:
        """Name of the live collection, and whether ``live`` says something that is not there."""
        pointer = self._root / _LIVE
        try:
            name = pointer.read_text("utf-8").strip()
        except FileNotFoundError:
            return None, False
        except (UnicodeDecodeError, IsADirectoryError):
            name = ""
        if not name or "/" in name or not (self._root / name).is_dir():
            return None, True
        return name, False

    def go_live(self, name: str) -> None:
        """Let ``live`` name this collection: before or after a power cut, never in between."""
        draft = self._root / f"{_LIVE}.new"
        with draft.open("w", encoding="utf-8") as file:
            file.write(name)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._root / _LIVE)
        folder = os.open(self._root, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def lend(self, lent: bool) -> None:
        """Let another process have the folder, or have it again; what is open stays open."""
        self._lent = lent
        if lent and self._lock is not None:
            self._lock.close()
            self._lock = None

    def load(self, name: str) -> None:
        """Open a collection that exists."""
        self._shard(name)

    def create(self, name: str, dimensions: int | None, fields: dict[str, str]) -> None:
        """Open a collection, made first if there is none; ``fields`` are its payload indexes."""
        if (self._root / name).is_dir():
            self._shard(name)
            return
        edge = self._edge
        # made aside and renamed, so that a crash leaves no half-made collection under its name
        draft = self._root / f"{name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        dense = edge.EdgeVectorParams(size=dimensions or 1, distance=edge.Distance.Cosine)
        config = edge.EdgeConfig(
            vectors={"dense": dense} if dimensions else None,
            sparse_vectors={"bm25": edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)},
            optimizers=edge.EdgeOptimizersConfig(indexing_threshold=_NO_GRAPH_KB),
            max_search_threads=1,  # waking others takes longer than the search itself
        )
        shard = edge.EdgeShard.create(str(draft), config)
        for field, kind in fields.items():
            schema = getattr(edge.PayloadSchemaType, kind.capitalize())
            shard.update(edge.UpdateOperation.create_field_index(field, schema))
        shard.flush()
        shard.close()
        draft.rename(self._root / name)
        self._shard(name)

    def set_aside(self, name: str) -> None:
        """Move a collection that cannot be opened out of the way, keeping one such copy."""
        self._shards.pop(name, None)
        broken = self._root / f"{name}.broken"
        shutil.rmtree(broken, ignore_errors=True)
        (self._root / name).rename(broken)

    def drop(self, name: str) -> None:
        """Delete a collection; nothing happens where there is none."""
        if shard := self._shards.pop(name, None):
            shard.close()
        self._written.pop(name, None)
        shutil.rmtree(self._root / name, ignore_errors=True)

    def drop_others(self, keep: str) -> None:
        """Delete every other collection; what was set aside stays."""
        for path in self._root.iterdir():
            if path.is_dir() and path.name != keep and path.suffix != ".broken":
                self.drop(path.name)

    def search(
        self, name: str, queries: Sequence[tuple[str, Any]], limit: int
    ) -> tuple[list[list[tuple[str, float]]], dict[str, bytes]]:
        """Ids with scores per query, and the payload of each id as JSON.

        A query is a vector's name and the vector as in ``PointData``.
        """
        edge = self._edge
        requests = [
            edge.QueryRequest(
                limit=limit,
                query=edge.Query.Nearest(self._vector(vector), using=using),
            )
            for using, vector in queries
        ]
        shard = self._shard(name)
        found = shard.query_batch(edge.QueryBatchRequest(requests))
        lists = [[(str(point.id), point.score) for point in points] for points in found]
        ids = (id_ for points in lists for id_, _ in points)
        return lists, self._payloads.read(shard, name, ids)

    def scroll(
        self, name: str, must: dict[str, Any], fields: list[str] | None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Id and payload (its ``fields``, None: all) of every point that matches."""
        found: list[tuple[str, dict[str, Any]]] = []
        offset = None
        while True:
            records, offset = self._shard(name).scroll(
                self._edge.ScrollRequest(
                    offset=offset,
                    limit=_PAGE,
                    filter=self._filter(must),
                    with_payload=True if fields is None else [*fields, PACKED],
                )
            )
            found.extend(
                (str(record.id), unpack(record.payload or {}, fields)) for record in records
            )
            if offset is None:
                return found

    def count(self, name: str, must: dict[str, Any]) -> int:
        """How many points match."""
        request = self._edge.CountRequest(exact=True, filter=self._filter(must))
        return int(self._shard(name).count(request))

    def write(self, name: str, steps: Sequence[Step], durable: bool) -> None:
        """Apply the steps in order; ``durable``: on disk on return."""
        shard = self._shard(name)
        stale = self._written.get(name, False)
        for step in steps:
            stale = stale or self._replaces(shard, step)
            self._written[name] = stale
            for operation in self._updates(step):
                shard.update(operation)
        if durable:
            shard.flush()

    def refresh(self, name: str) -> None:
        """After writes, have them on disk; clear out deleted points, which renews the IDF."""
        if name in self._written:
            shard = self._shard(name)
            stale = self._written[name]
            if stale and not linked(self._root / name):  # a graph is made elsewhere
                shard.optimize()
            shard.flush()
            if stale:
                self._shards.pop(name).close()
                self._shard(name)
            del self._written[name]

    def close(self) -> None:
        """Close every collection."""
        while self._shards:
            self._shards.popitem()[1].close()

    def _shard(self, name: str) -> Any:
        shard = self._shards.get(name)
        if shard is None:
            path = self._root / name
            if not path.is_dir():
                raise StoreError("missing")
            try:
                shard = self._edge.EdgeShard.load(str(path))
            except Exception as error:  # the engine raises plain exceptions, told apart by text
                raise StoreError(_load_failure(str(error))) from error
            self._shards[name] = shard
        return shard

    def _replaces(self, shard: Any, step: Step) -> bool:
        """Whether the step takes away vectors that are there."""
        if step.delete or step.delete_where:
            return True
        new = [id_ for id_, vectors, _ in step.upsert if vectors]
        return bool(new and shard.retrieve(new, with_payload=False, with_vector=False))

    def _updates(self, step: Step) -> list[Any]:
        update = self._edge.UpdateOperation
        points = [
            self._edge.Point(
                id=id_,
                vector={using: self._vector(vector) for using, vector in vectors.items()},
                payload=pack(payload),
            )
            for id_, vectors, payload in step.upsert
        ]
        updates = [update.upsert_points(points)] if points else []
        updates += [
            update.overwrite_payload([id_], pack(payload)) for id_, payload in step.overwrite
        ]
        if step.delete:
            updates.append(update.delete_points(list(step.delete)))
        if step.delete_where:
            updates.append(update.delete_points_by_filter(self._filter(step.delete_where)))
        return updates

    def _vector(self, vector: Any) -> Any:
        if isinstance(vector[0], tuple):
            return self._edge.SparseVector(indices=list(vector[0]), values=list(vector[1]))
        return list(vector)

    def _filter(self, must: dict[str, Any]) -> Any:
        edge = self._edge
        return edge.Filter(
            must=[
                edge.FieldCondition(key=key, match=edge.MatchValue(value))
                for key, value in must.items()
            ]
        )

    _operations = {
        method.__name__: method
        for method in (
            live, go_live, lend, load, create, set_aside, drop, drop_others,
            search, scroll, count, write, refresh,
        )
    }  # fmt: skip


def _load_failure(text: str) -> str:
    if "WouldBlock" in text:
        return "locked"
    if "ermission denied" in text or "Read-only" in text:
        return "unwritable"
    return "corrupt"
