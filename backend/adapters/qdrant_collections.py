"""Collections and aliases of a Qdrant server, through its own client.

Searches go to an alias, the configured name, that points to the collection of one fingerprint.
Where a collection of an earlier deployment bears the configured name, the alias is
``{name}__current`` and that collection is never changed or deleted.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from backend.adapters.index_plan import UPSTREAM
from backend.adapters.points import DENSE, INDEXED_FIELDS, LEGACY, SPARSE, fingerprint_of
from backend.adapters.qdrant_errors import translated
from backend.errors import UpstreamError, UpstreamRejected
from backend.loading import loading

if TYPE_CHECKING:
    from qdrant_client import AsyncQdrantClient
    from qdrant_client.http.models import CollectionParams


@dataclass(frozen=True, slots=True)
class Live:
    """The collection that is searched: by ``name``, which may be an alias of ``physical``.

    ``using`` names its dense vector, "" where it has no name; ``dimensions`` is that vector's
    length, None without one. ``sparse``: it has the BM25 vector.
    """

    name: str
    physical: str
    fingerprint: str
    dimensions: int | None
    using: str = DENSE
    sparse: bool = True

    @property
    def legacy(self) -> bool:
        """Whether an earlier version of the service made it."""
        return self.fingerprint == LEGACY


class QdrantCollections:
    """Finds, makes, swaps and deletes the collections of one configured name.

    Args:
        url: QDRANT_URL.
        headers: The credential.
        configured: QDRANT_COLLECTION_NAME.
        timeout_s: Seconds that a request may take.
    """

    def __init__(self, url: str, headers: dict[str, str], configured: str, timeout_s: int) -> None:
        self._url = url
        self._headers = headers
        self._configured = configured
        self._timeout_s = timeout_s
        self._opened: AsyncQdrantClient | None = None

    async def find(self) -> Live | None:
        """The live collection; None when nothing was ever indexed."""
        client = await self._client()
        with translated():
            aliases = await self._aliases(client)
            for name in (self._current, self._configured):
                if name in aliases:
                    return await self._describe(client, name, aliases[name])
            if await client.collection_exists(self._configured):
                return await self._describe(client, self._configured, self._configured)
        return None

    async def ensure(self, physical: str, dimensions: int | None) -> None:
        """Make the collection with its payload indexes; what is there already stays."""
        client = await self._client()
        models = _models()
        cosine = models.Distance.COSINE
        vectors = (
            {DENSE: models.VectorParams(size=dimensions, distance=cosine)} if dimensions else {}
        )
        sparse = {SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)}
        with translated():
            if not await client.collection_exists(physical):
                try:
                    await client.create_collection(
                        physical,
                        vectors_config=vectors,
                        sparse_vectors_config=sparse,
                    )
                except _unexpected() as error:
                    if error.status_code != 409:  # else another replica was faster
                        raise
            for field, kind in INDEXED_FIELDS.items():
                await client.create_payload_index(
                    physical, field, field_schema=models.PayloadSchemaType(kind)
                )

    async def go_live(self, physical: str) -> None:
        """Let the alias point to this collection, in one step."""
        client = await self._client()
        models = _models()
        with translated():
            aliases = await self._aliases(client)
            taken = self._configured not in aliases and await client.collection_exists(
                self._configured
            )
            alias = self._current if taken else self._configured
            create = models.CreateAlias(collection_name=physical, alias_name=alias)
            changes: list[Any] = [models.CreateAliasOperation(create_alias=create)]
            if alias in aliases:
                delete = models.DeleteAlias(alias_name=alias)
                changes.insert(0, models.DeleteAliasOperation(delete_alias=delete))
            await client.update_collection_aliases(change_aliases_operations=changes)

    async def drop(self, physical: str) -> None:
        """Delete a collection that was made here; any other is left alone."""
        if fingerprint_of(self._configured, physical) is not None:
            client = await self._client()
            with translated():
                await client.delete_collection(physical)

    async def close(self) -> None:
        """Close the client's connections."""
        if self._opened is not None:
            client, self._opened = self._opened, None
            with suppress(UpstreamError), translated():
                await client.close()

    @property
    def _current(self) -> str:
        return f"{self._configured}__current"

    async def _client(self) -> AsyncQdrantClient:
        if self._opened is None:
            # a second of imports, which must not hold up the loop
            made = await asyncio.to_thread(_client_class)
            if self._opened is None:
                self._opened = self._connect(made)
        return self._opened

    def _connect(self, client: type[AsyncQdrantClient]) -> AsyncQdrantClient:
        try:
            return client(
                url=self._url,
                port=None,  # else a URL without a port gets :6333, which hosts may block
                headers=self._headers,  # api_key= would warn about http on a private network
                timeout=self._timeout_s,
                check_compatibility=False,  # it asks in a thread, and warns instead of failing
                trust_env=False,  # as the shared transport
            )
        except ValueError as error:
            raise UpstreamRejected(
                UPSTREAM, "The address in QDRANT_URL is not an http or https address; correct it."
            ) from error

    async def _aliases(self, client: AsyncQdrantClient) -> dict[str, str]:
        found = await client.get_aliases()
        return {alias.alias_name: alias.collection_name for alias in found.aliases}

    async def _describe(self, client: AsyncQdrantClient, name: str, physical: str) -> Live:
        params = (await client.get_collection(physical)).config.params
        using, dimensions = _dense(params)
        sparse = SPARSE in (params.sparse_vectors or {})
        print_ = fingerprint_of(self._configured, physical) or (physical if sparse else LEGACY)
        return Live(name, physical, print_, dimensions, using, sparse)


def _dense(params: CollectionParams) -> tuple[str, int | None]:
    """Name and length of the dense vector."""
    vectors: Any = params.vectors
    if not vectors:
        return DENSE, None
    if isinstance(vectors, dict):
        return DENSE, vectors[DENSE].size if DENSE in vectors else None
    return "", vectors.size


def _client_class() -> type[AsyncQdrantClient]:
    with loading():
        made: type[AsyncQdrantClient] = import_module("qdrant_client").AsyncQdrantClient
    return made


def _models() -> Any:
    return import_module("qdrant_client.http.models")


def _unexpected() -> Any:
    return import_module("qdrant_client.http.exceptions").UnexpectedResponse
