"""The embedded :class:`~backend.ports.ChunkIndex`: Qdrant Edge in a child process, in DATA_DIR."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path

import orjson

from backend.adapters.edge_linking import SCANNED_BYTES, Linking
from backend.adapters.edge_payloads import FILTERED_FIELDS
from backend.adapters.edge_process import CorruptIndex, EdgeProcess
from backend.adapters.index_plan import UPSTREAM, gather_results, plan_search, plan_writes
from backend.adapters.points import (
    CHUNK,
    DOCUMENT,
    DOCUMENT_FIELDS,
    WORD_FIELDS,
    chunk_from,
    dimensions_of,
    document_from,
    fingerprint,
    fingerprint_of,
    physical_name,
    twin_name,
    vocabulary_from,
)
from backend.adapters.steps import Step
from backend.domain import (
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexInfo,
    ScoredChunk,
    SearchQuery,
    SearchResult,
    Vocabulary,
)
from backend.errors import IndexMissing, UpstreamError, UpstreamMalformed
from backend.turns import TURNS

FLUSH_POINTS = 8_192
"""Points between two flushes, each of which holds up searches for a tenth of a second: a power cut
costs what was written since, and the next ingest writes that again."""

KEPT_CHUNKS = 512
"""Chunks kept, at 4 kB each: a question looks at some twelve, the next at many of the same."""

_CHUNKS = {"kind": CHUNK}
_ASTRAY = "The index in DATA_DIR is damaged; the next ingest takes over what is left of it."
_SET_ASIDE = (
    "The index in DATA_DIR could not be read and was set aside; the next ingest rebuilds it."
)


class EdgeIndex:
    """One folder per collection below ``data_dir/index``.

    Args:
        data_dir: DATA_DIR.
        configured: QDRANT_COLLECTION_NAME: the first part of the collections' names.
        process: Keeps the engine; for tests.
        scanned_bytes: Size of dense vectors from which on they are linked into a graph.
    """

    def __init__(
        self,
        data_dir: Path,
        configured: str,
        *,
        process: EdgeProcess | None = None,
        scanned_bytes: int = SCANNED_BYTES,
    ) -> None:
        self._process = process or EdgeProcess(data_dir / "index")
        self._configured = re.sub(r"[^\w.-]", "-", configured)
        self.linking = Linking(self._process.root, self._succeed, beyond=scanned_bytes)
        self._live: str | None = None
        self._writing: str | None = None
        self._anew = False
        self._unflushed = 0
        self._problem: str | None = None
        self._opened = False

    async def open(self) -> IndexInfo:
        """Find the live collection. One that cannot be read is set aside and reported."""
        self._live, astray = await self._process.call("live")
        self._problem = _ASTRAY if astray else None
        if self._live is not None:
            try:
                await self._process.call("load", self._live)
            except CorruptIndex:
                await self._process.call("set_aside", self._live)
                self._live, self._problem = None, _SET_ASIDE
        self._opened = True
        return await self.info()

    async def info(self) -> IndexInfo:
        """Facts about the live collection."""
        live = await self._searched()
        print_ = self._fingerprint_of(live) if live else ""
        return IndexInfo(
            engine="qdrant-edge",
            collection=live or self._configured,
            fingerprint=print_,
            points=await self._process.call("count", live, _CHUNKS) if live else 0,
            dimensions=dimensions_of(print_),
            problem=self._problem,
        )

    async def search(self, queries: Sequence[SearchQuery], limit: int) -> list[SearchResult]:
        """Answer all queries in one message to the process."""
        live = await self._searched()
        if live is None:
            raise IndexMissing(
                UPSTREAM, "Nothing is indexed yet; start an ingest, or wait for the running one."
            )
        asked = plan_search(queries, dimensions=dimensions_of(self._fingerprint_of(live)))
        if not asked:
            return [SearchResult() for _ in queries]
        vectors = [(a.using, a.vector) for a in asked]
        lists, payloads = await self._process.call("search", live, vectors, limit)
        await TURNS.take()
        late = ScoredChunk.late
        found = (
            [late(id_, score, partial(_chunk, id_, payloads[id_])) for id_, score in hits]
            for hits in lists
        )
        return gather_results(len(queries), asked, found)

    async def chunks(self, source: str) -> list[Chunk]:
        """All chunks of one source in the live collection, in order of position."""
        if (name := await self._searched()) is None:
            return []
        points = await self._process.call("scroll", name, _CHUNKS | {"source": source}, None)
        chunks = (chunk_from(id_, payload) for id_, payload in points)
        return sorted((c for c in chunks if c), key=lambda c: (c.section, c.position))

    async def begin(self, model: str | None, dimensions: int | None, *, anew: bool = False) -> bool:
        """Make the collection of this embedding model ready; an unfinished one is continued."""
        await self.linking.stop()
        print_ = fingerprint(model, dimensions)
        name = physical_name(self._configured, print_)
        live = await self._searched()
        if live is not None and self._fingerprint_of(live) == print_:
            name = twin_name(live) if anew else live
        if live is not None and anew:
            await self._process.call("drop", name)  # what an earlier attempt has left
        create = ("create", name, dimensions if model else None, FILTERED_FIELDS)
        try:
            await self._process.call(*create)
        except CorruptIndex:
            await self._process.call("set_aside", name)
            await self._process.call(*create)
        if await self._searched() is None:
            await self._process.call("go_live", name)
            self._live, self._problem = name, None
        self._writing = name
        self._anew = anew and name != self._live
        return name != self._live

    async def documents(self) -> list[DocumentRecord]:
        """Every document of the collection that is written, else of the live one."""
        if (name := await self._target()) is None:
            return []
        points = await self._process.call("scroll", name, {"kind": DOCUMENT}, DOCUMENT_FIELDS)
        records = (document_from(payload) for _, payload in points)
        return sorted((r for r in records if r), key=lambda record: record.source)

    async def vocabulary(self) -> Vocabulary:
        """The words of the live collection."""
        if self._live is None:
            return Vocabulary()
        points = await self._process.call("scroll", self._live, {"kind": DOCUMENT}, WORD_FIELDS)
        return await asyncio.to_thread(vocabulary_from, [payload for _, payload in points])

    async def chunk_hashes(self, source: str) -> dict[str, str]:
        """Chunk id -> content hash of one source."""
        if (name := await self._target()) is None:
            return {}
        must = _CHUNKS | {"source": source}
        points = await self._process.call("scroll", name, must, ["content_hash"])
        return {id_: payload.get("content_hash", "") for id_, payload in points}

    async def write(self, documents: Sequence[DocumentWrite]) -> None:
        """Write several documents; on disk at the latest when FLUSH_POINTS have been written."""
        name = await self._target()
        if name is None:
            raise IndexMissing(UPSTREAM, "There is no collection to write to; start an ingest.")
        steps = plan_writes(documents)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            await self._process.call("write", name, [step], False)
        self._unflushed += sum(len(document.points) for document in documents)
        if self._unflushed >= FLUSH_POINTS:
            self._unflushed = 0
            await self._process.call("write", name, [], True)

    async def forget(self, source: str) -> int:
        """Delete a document from the collection that is written and from the live one."""
        await self.linking.stop()
        gone = 0
        for name in {await self._searched(), await self._target()} - {None}:
            must = _CHUNKS | {"source": source}
            gone = max(gone, await self._process.call("count", name, must))
            step = Step(delete_where={"source": source})
            await self._process.call("write", name, [step], True)
        return gone

    async def abandon(self) -> None:
        """Go on with the live collection; what was written is continued by the next ``begin``.

        What was begun anew is deleted.
        """
        written, self._writing = self._writing, None
        if written is not None:
            with suppress(UpstreamError):  # the next ingestion continues, or deletes it
                if self._anew:
                    await self._process.call("drop", written)
                else:
                    await self._process.call("write", written, [], True)

    async def publish(self) -> None:
        """Swap in what was written, after its statistics are renewed; the old one is deleted."""
        name = await self._target()
        if name is None:
            return
        self._unflushed = 0
        await self._process.call("refresh", name)
        if name != self._live:
            await self._process.call("go_live", name)
            self._live = name
        if self._writing is not None:  # else another one may be waiting to be continued
            self._problem = self._writing = None
            await self._process.call("drop_others", name)
        info = await self.info()
        copy = twin_name(name)
        self.linking.start(name, copy, points=info.points, dimensions=info.dimensions)

    async def close(self) -> None:
        """End the process; what was written is on disk."""
        await self.linking.stop()
        await self._process.close()

    async def _succeed(self, copy: str) -> None:
        """Let another process open the copy, then search there: nobody waits for its loading."""
        before, after = self._process, self._process.successor()
        try:
            await before.call("lend", True)
            await after.call("load", copy)
            await after.call("go_live", copy)
        except UpstreamError:
            await after.close()
            await before.call("lend", False)
            return
        self._process, self._live = after, copy
        await before.close()
        await after.call("drop_others", copy)

    async def _searched(self) -> str | None:
        """The live collection, looked for again when ``open`` failed, on a lock for example."""
        if not self._opened:
            await self.open()
        return self._live

    async def _target(self) -> str | None:
        return self._writing or await self._searched()

    def _fingerprint_of(self, name: str) -> str:
        return fingerprint_of(self._configured, name) or name.rpartition("__")[2]


@lru_cache(maxsize=KEPT_CHUNKS)
def _chunk(id_: str, payload: bytes) -> Chunk:
    chunk = chunk_from(id_, orjson.loads(payload))
    if chunk is None:
        raise UpstreamMalformed(
            UPSTREAM, "A passage in DATA_DIR cannot be read; start an ingest, which rebuilds it."
        )
    return chunk
