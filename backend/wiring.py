"""Settings -> adapters, each behind its guard.

Imported by the container in a thread, when the port is open: the libraries that the adapters need
are slow to load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pybreaker  # noqa: F401 - with the redis client, which it brings: here, not in the loop

from backend.adapters.combined_source import WithUploads
from backend.adapters.edge_index import EdgeIndex
from backend.adapters.glossary import read_glossary
from backend.adapters.http import HttpTransport
from backend.adapters.jwks import HttpKeySource
from backend.adapters.openai_models import OpenAIChat, OpenAIEmbedder
from backend.adapters.preparing import PreparingProcess
from backend.adapters.qdrant_index import QdrantIndex
from backend.adapters.rerank_model import RerankModel
from backend.adapters.secret_file import kept_secret
from backend.adapters.sources import make_source
from backend.adapters.sql.account_store import AccountStoreChooser
from backend.adapters.sql.conversations import SqlConversations
from backend.adapters.sql.engine import Database, sqlite_url
from backend.adapters.sql.feedback import SqlFeedback
from backend.adapters.sql.idempotency import SqlReplays
from backend.adapters.sql.migrate import upgrade
from backend.adapters.sql.rewrites import SqlRewrites
from backend.content_ports import Feedback, RewriteCache
from backend.conversation_ports import ConversationStore, ReplayStore
from backend.crypto import KeyRing, make_ring
from backend.errors import NotConfigured
from backend.guarded import GuardedChatModel, GuardedEmbedder, GuardedIndex, GuardedReranker
from backend.ports import ChatModel, ChunkIndex, DocumentSource, Embedder, Preparation, Reranker
from backend.probes import EMBEDDING_NAMES, FALLBACK_NAMES
from backend.resilience import Guard
from backend.services.account_setup import AccountParts
from backend.settings import Settings
from backend.text.pricing import price_of

if TYPE_CHECKING:
    from pydantic import SecretStr

Guards = Mapping[str, Guard]


@dataclass(frozen=True, slots=True)
class Adapters:
    """What the services are made of. ``models`` are in the order in which they are asked."""

    transport: HttpTransport
    index: ChunkIndex
    embedder: Embedder | None
    reranker: Reranker | None
    models: tuple[ChatModel, ...]
    source: DocumentSource
    preparation: Preparation
    database: Database
    rewrites: RewriteCache
    feedback: Feedback
    glossary: tuple[str, ...]
    conversations: ConversationStore
    replays: ReplayStore
    accounts: AccountParts | NotConfigured

    async def aclose(self) -> None:
        """Release connections, files and processes."""
        await self.index.close()
        await self.database.aclose()
        await self.transport.aclose()


def make_adapters(settings: Settings, guards: Guards, uploads: Path) -> Adapters:
    """The adapters that the settings ask for; opens nothing yet. ``uploads``: see Uploads."""
    transport = HttpTransport()
    database = Database(
        database_url(settings),
        on_first_use=upgrade,
        guard=guards["database"].call,
    )
    return Adapters(
        transport=transport,
        index=GuardedIndex(_index(settings, transport), guards["qdrant"]),
        embedder=_embedder(settings, transport, guards),
        reranker=_reranker(settings, transport, guards),
        models=tuple(_models(settings, transport, guards)),
        source=WithUploads(make_source(settings.docs_path), uploads),
        preparation=PreparingProcess(),
        database=database,
        rewrites=SqlRewrites(database),
        feedback=SqlFeedback(database),
        glossary=read_glossary(settings.docs_path),
        conversations=SqlConversations(database),
        replays=SqlReplays(database),
        accounts=_accounts(settings, transport, database),
    )


def plain(secret: SecretStr | None) -> str | None:
    """The secret's text."""
    return secret.get_secret_value() if secret is not None else None


def auth_secret(settings: Settings) -> str:
    """What signs sessions: configured, or off a Space kept in a file. Raises NotConfigured."""
    secret = plain(settings.better_auth_secret)
    if secret is None and settings.on_space:
        raise NotConfigured("Accounts and history are off: set BETTER_AUTH_SECRET.")
    return secret or kept_secret(settings.data_dir)


def data_ring(settings: Settings) -> KeyRing:
    """The keys of personal data: one that writes, and those that may be needed for reading.

    Raises:
        NotConfigured: There is none.
    """
    previous = plain(settings.data_encryption_key_previous)
    older = [previous] if previous is not None else []
    return make_ring(plain(settings.data_encryption_key), auth_secret(settings), older)


def database_url(settings: Settings) -> str:
    """The database's address: PostgreSQL where one is configured, else the embedded file."""
    return plain(settings.neon_api_key) or sqlite_url(settings.data_dir)


def _accounts(
    settings: Settings, transport: HttpTransport, database: Database
) -> AccountParts | NotConfigured:
    """Where accounts are, or why there can be none: a Space keeps no file between its lives."""
    try:
        secret = auth_secret(settings)
        ring = data_ring(settings)
    except NotConfigured as error:
        return error
    issuer = settings.better_auth_url
    return AccountParts(
        AccountStoreChooser(database, ring, shared=issuer is not None),
        secret,
        HttpKeySource(transport, issuer) if issuer else None,
        issuer,
    )


def _index(settings: Settings, transport: HttpTransport) -> ChunkIndex:
    name = settings.qdrant_collection_name
    if settings.qdrant_url is None:
        return EdgeIndex(settings.data_dir, name)
    return QdrantIndex(settings.qdrant_url, plain(settings.qdrant_api_key), name, transport)


def _embedder(settings: Settings, transport: HttpTransport, guards: Guards) -> Embedder | None:
    if not settings.embeddings_enabled or settings.embedding_model is None:
        return None
    inner = OpenAIEmbedder(
        transport,
        base_url=settings.embedding_base_url,
        api_key=plain(settings.embedding_api_key),
        model=settings.embedding_model,
        dimensions=settings.embedding_dimensions,
        names=EMBEDDING_NAMES,
    )
    return GuardedEmbedder(inner, guards["embeddings"])


def _reranker(settings: Settings, transport: HttpTransport, guards: Guards) -> Reranker | None:
    if settings.rerank_base_url is None or settings.rerank_model is None:
        return None
    inner = RerankModel(
        transport,
        base_url=settings.rerank_base_url,
        api_key=plain(settings.rerank_api_key),
        model=settings.rerank_model,
    )
    return GuardedReranker(inner, guards["rerank"])


def _models(settings: Settings, transport: HttpTransport, guards: Guards) -> list[ChatModel]:
    prices = settings.model_prices
    models: list[ChatModel] = []
    if settings.chat_enabled:
        first = OpenAIChat(
            transport,
            base_url=settings.openai_base_url,
            api_key=plain(settings.openai_api_key),
            model=settings.openai_model,
            price=price_of(settings.openai_model, settings.openai_base_url, prices),
        )
        models.append(GuardedChatModel(first, guards["openai"]))
    if settings.fallback_enabled and settings.fallback_base_url and settings.fallback_model:
        second = OpenAIChat(
            transport,
            base_url=settings.fallback_base_url,
            api_key=plain(settings.fallback_api_key),
            model=settings.fallback_model,
            names=FALLBACK_NAMES,
            price=price_of(settings.fallback_model, settings.fallback_base_url, prices),
        )
        models.append(GuardedChatModel(second, guards["fallback"]))
    return models
