"""The :class:`~backend.ports.ChunkIndex` on a Qdrant server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from backend.adapters.http import HttpTransport
from backend.adapters.index_plan import UPSTREAM, gather_results, plan_search, plan_writes
from backend.adapters.points import (
    CHUNK,
    DENSE,
    DOCUMENT,
    DOCUMENT_FIELDS,
    WORD_FIELDS,
    chunk_from,
    document_from,
    fingerprint,
    legacy_document,
    physical_name,
    twin_name,
    vocabulary_from,
)
from backend.adapters.qdrant_collections import Live, QdrantCollections
from backend.adapters.qdrant_errors import missing
from backend.adapters.qdrant_points import QdrantPoints
from backend.adapters.steps import Step
from backend.domain import (
    Chunk,
    DocumentRecord,
    DocumentWrite,
    IndexInfo,
    SearchQuery,
    SearchResult,
    Vocabulary,
)
from backend.errors import DimensionMismatch, IndexMissing, UpstreamError

_LEGACY_PROBLEM = (
    "The collection was made by an earlier version: it is searched by meaning only, not by words; "
    "start an ingest to build the current layout beside it."
)


class QdrantIndex:
    """Searches the alias; writes to the collection of ``begin``.

    Args:
        url: QDRANT_URL, with the port if it is not the scheme's own.
        api_key: QDRANT_API_KEY.
        configured: QDRANT_COLLECTION_NAME.
        transport: The shared HTTP client; not closed here.
        timeout_s: Seconds that a read may take.
        write_timeout_s: Seconds that a write may take.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        configured: str,
        transport: HttpTransport,
        *,
        timeout_s: float = 10.0,
        write_timeout_s: float = 60.0,
    ) -> None:
        url = url.rstrip("/")
        headers = {"api-key": api_key} if api_key else {}
        self._configured = configured
        self._points = QdrantPoints(url, headers, transport, timeout_s, write_timeout_s)
        self._collections = QdrantCollections(url, headers, configured, int(write_timeout_s))
        self._known: Live | None = None
        self._writing: str | None = None
        self._anew = False

    async def open(self) -> IndexInfo:
        """Find the live collection."""
        return await self.info()

    async def info(self) -> IndexInfo:
        """Facts about the live collection, asked anew: another replica may have swapped it."""
        self._known = live = await self._collections.find()
        if live is None:
            return IndexInfo("qdrant", self._configured, "", 0, None)
        return IndexInfo(
            engine="qdrant",
            collection=live.physical,
            fingerprint=live.fingerprint,
            points=await self._points.count(live.name, {} if live.legacy else {"kind": CHUNK}),
            dimensions=live.dimensions,
            legacy=live.legacy,
            problem=_LEGACY_PROBLEM if live.legacy else None,
        )

    async def search(self, queries: Sequence[SearchQuery], limit: int) -> list[SearchResult]:
        """Answer all queries with one request."""
        live = await self._find()
        try:
            return await self._search(live, queries, limit)
        except (IndexMissing, DimensionMismatch):
            self._known = None  # another replica may have swapped or dropped what we knew
            if (now := await self._find()) == live:
                raise
            return await self._search(now, queries, limit)

    async def chunks(self, source: str) -> list[Chunk]:
        """All chunks of one source in the live collection, in order of position."""
        live = await self._find()
        if live is None:
            return []
        must = {} if live.legacy else {"kind": CHUNK, "source": source}
        points = await self._points.scroll(live.name, must, True)
        chunks = (chunk_from(id_, payload) for id_, payload in points)
        own = (chunk for chunk in chunks if chunk and chunk.source == source)
        return sorted(own, key=lambda chunk: (chunk.section, chunk.position))

    async def begin(self, model: str | None, dimensions: int | None, *, anew: bool = False) -> bool:
        """Make the collection of this embedding model ready; an unfinished one is continued."""
        print_ = fingerprint(model, dimensions)
        physical = physical_name(self._configured, print_)
        live = await self._collections.find()
        same = live is not None and live.fingerprint == print_
        if live is not None and same:
            physical = twin_name(live.physical) if anew else live.physical
        if anew and live is not None:
            await self._collections.drop(physical)  # what an earlier attempt has left
        await self._collections.ensure(physical, dimensions if model else None)
        if live is None:
            await self._collections.go_live(physical)
            live = await self._collections.find()
        self._known, self._writing = live, physical
        self._anew = anew and live is not None and live.physical != physical
        return live is None or live.physical != physical

    async def documents(self) -> list[DocumentRecord]:
        """Every document of the collection that is written, else of the live one."""
        live = await self._find()
        name = self._writing or (live.name if live else None)
        if name is None:
            return []
        if live is not None and live.legacy and name == live.name:
            points = await self._points.scroll(name, {}, ["file_path"])
            counts = Counter(str(payload.get("file_path") or "") for _, payload in points)
            records = [legacy_document(path, count) for path, count in counts.items()]
        else:
            points = await self._points.scroll(name, {"kind": DOCUMENT}, DOCUMENT_FIELDS)
            records = [r for _, payload in points if (r := document_from(payload))]
        return sorted(records, key=lambda record: record.source)

    async def vocabulary(self) -> Vocabulary:
        """The words of the live collection; none of one that an earlier version made."""
        live = await self._find()
        if live is None or live.legacy:
            return Vocabulary()
        points = await self._points.scroll(live.name, {"kind": DOCUMENT}, WORD_FIELDS)
        return await asyncio.to_thread(vocabulary_from, [payload for _, payload in points])

    async def chunk_hashes(self, source: str) -> dict[str, str]:
        """Chunk id -> content hash of one source."""
        live = await self._find()
        name = self._writing or (live.name if live else None)
        if name is None:
            return {}
        must = {"kind": CHUNK, "source": source}
        points = await self._points.scroll(name, must, ["content_hash"])
        return {id_: payload.get("content_hash", "") for id_, payload in points}

    async def write(self, documents: Sequence[DocumentWrite]) -> None:
        """Write several documents, each step acknowledged by the server before the next."""
        if self._writing is None:
            raise IndexMissing(UPSTREAM, "There is no collection to write to; start an ingest.")
        steps = plan_writes(documents)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            await self._points.write(self._writing, step)

    async def forget(self, source: str) -> int:
        """Delete a document from the collection that is written and from the live one."""
        live = await self._find()
        searched = live.name if live and not live.legacy else None
        gone = 0
        for name in filter(None, (self._writing, searched)):
            must = {"kind": CHUNK, "source": source}
            gone = max(gone, await self._points.count(name, must))
            await self._points.write(name, Step(delete_where={"source": source}))
        return gone

    async def abandon(self) -> None:
        """Go on with the live collection; what was written is continued by the next ``begin``.

        What was begun anew is deleted.
        """
        written, self._writing = self._writing, None
        if written is not None and self._anew:
            with suppress(UpstreamError):  # the next rebuild deletes it
                await self._collections.drop(written)

    async def publish(self) -> None:
        """Swap the alias to what was written; the collection it replaces is deleted."""
        written, self._writing = self._writing, None
        if written is None:
            return
        live = await self._collections.find()
        if live is None or live.physical != written:
            await self._collections.go_live(written)
            self._known = await self._collections.find()
            if live is not None:
                await self._collections.drop(live.physical)

    async def close(self) -> None:
        """Close the client's connections; the transport belongs to the container."""
        await self._collections.close()

    async def _find(self) -> Live | None:
        if self._known is None:
            self._known = await self._collections.find()
        return self._known

    async def _search(
        self, live: Live | None, queries: Sequence[SearchQuery], limit: int
    ) -> list[SearchResult]:
        if live is None:
            raise missing()
        asked = plan_search(queries, dimensions=live.dimensions, sparse=live.sparse)
        if not asked:
            return [SearchResult() for _ in queries]
        vectors = [(live.using if a.using == DENSE else a.using, a.vector) for a in asked]
        found = await self._points.search(live.name, vectors, limit)
        return gather_results(len(queries), asked, found)
