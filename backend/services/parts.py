"""What runs, in words: which engine or server each part of the service uses with these settings."""

from __future__ import annotations

from dataclasses import dataclass

from backend.settings import Settings
from backend.variables.addresses import host_of


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the service.

    ``name`` is that of its probe and circuit, ``title`` and ``sentence`` are for people, ``target``
    is ``host:port`` or empty where it is embedded, ``variables`` are the ones to look at first.
    """

    name: str
    title: str
    mode: str
    sentence: str
    target: str = ""
    variables: str = ""


def _chat(settings: Settings) -> Part:
    names = "OPENAI_API_KEY and OPENAI_MODEL"
    if not settings.chat_enabled:
        sentence = "quoted from the book, sentence by sentence; no chat model is configured"
        return Part("openai", "Answers", "extractive", sentence, variables=names)
    sentence = f"written by {settings.openai_model}"
    if settings.fallback_enabled:
        sentence += f"; when that fails, by {settings.fallback_model}"
    target = host_of(settings.openai_base_url)
    return Part("openai", "Answers", "generated", sentence, target, names)


def _embeddings(settings: Settings) -> Part:
    names = "EMBEDDING_API_KEY and EMBEDDING_MODEL"
    if not settings.embeddings_enabled:
        sentence = "off; the search is by words alone (BM25), which works without any service"
        return Part("embeddings", "Embeddings", "off", sentence, variables=names)
    length = settings.embedding_dimensions
    sentence = f"made by {settings.embedding_model}" + (f", {length} numbers each" * bool(length))
    target = host_of(settings.embedding_base_url)
    return Part("embeddings", "Embeddings", "dense", sentence, target, names)


def _reranking(settings: Settings) -> Part:
    names = "RERANK_BASE_URL, RERANK_API_KEY and RERANK_MODEL"
    if not settings.rerank_enabled or settings.rerank_base_url is None:
        sentence = "by this service itself, from the words of question and passage"
        return Part("rerank", "Order of passages", "local", sentence, variables=names)
    sentence = f"by {settings.rerank_model}; when that fails, by this service itself"
    target = host_of(settings.rerank_base_url)
    return Part("rerank", "Order of passages", "model", sentence, target, names)


def _vectors(settings: Settings) -> Part:
    names = "QDRANT_URL and QDRANT_API_KEY"
    if settings.qdrant_url is None:
        sentence = "Qdrant Edge in DATA_DIR (embedded)"
        return Part("qdrant", "Vectors", "embedded", sentence, variables="DATA_DIR")
    sentence = "Qdrant server"
    return Part("qdrant", "Vectors", "server", sentence, host_of(settings.qdrant_url), names)


def _database(settings: Settings) -> Part:
    title = "Accounts, history"
    if settings.neon_api_key is None:
        sentence = "SQLite in DATA_DIR (embedded)"
        return Part("database", title, "embedded", sentence, variables="DATA_DIR")
    target = host_of(settings.neon_api_key.get_secret_value())
    return Part("database", title, "server", "PostgreSQL server", target, "NEON_API_KEY")


def _book(settings: Settings) -> Part:
    if "://" not in settings.docs_path:
        return Part("docs", "Book", "folder", "the folder of DOCS_PATH", variables="DOCS_PATH")
    target = host_of(settings.docs_path)
    return Part("docs", "Book", "download", "the address of DOCS_PATH", target, "DOCS_PATH")


def parts(settings: Settings) -> tuple[Part, ...]:
    """Every part, in the order in which an answer needs them."""
    makers = (_chat, _embeddings, _reranking, _vectors, _database, _book)
    return tuple(make(settings) for make in makers)
