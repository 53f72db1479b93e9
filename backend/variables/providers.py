"""Hosted model providers with an OpenAI-compatible API, and how long the known models' vectors are.

Addresses and models as the providers document them: platform.openai.com/docs/models,
ai.google.dev/gemini-api/docs/openai, openrouter.ai/docs/api/api-reference/embeddings,
console.groq.com/docs/openai and /docs/deprecations, docs.cohere.com/docs/compatibility-api.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider. ``embedding_model`` is None where it offers no embeddings."""

    name: str
    key_variables: tuple[str, ...]
    url_variables: tuple[str, ...]
    base_url: str
    chat_model: str
    embedding_model: str | None
    key_prefixes: tuple[str, ...]
    key_page: str

    @property
    def host(self) -> str:
        """The host of the API."""
        return urlsplit(self.base_url).hostname or ""


OPENAI = Provider(
    "OpenAI", ("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "OPENAI_API_BASE"), "https://api.openai.com/v1",
    "gpt-4o-mini", "text-embedding-3-small", ("sk-proj-",), "https://platform.openai.com/api-keys",
)  # fmt: skip
PROVIDERS = (
    OPENAI,
    Provider(
        "Gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY"), ("GEMINI_BASE_URL",),
        "https://generativelanguage.googleapis.com/v1beta/openai",
        # The alias follows Google's releases, whose dated models are switched off within a year.
        "gemini-flash-latest", "gemini-embedding-001", ("AIza", "AQ."), "https://aistudio.google.com/apikey",
    ),
    Provider(
        "OpenRouter", ("OPENROUTER_API_KEY",), ("OPENROUTER_BASE_URL",), "https://openrouter.ai/api/v1",
        "openai/gpt-4o-mini", "openai/text-embedding-3-small", ("sk-or-",), "https://openrouter.ai/keys",
    ),
    Provider(
        "Groq", ("GROQ_API_KEY",), (), "https://api.groq.com/openai/v1",
        "openai/gpt-oss-120b", None, ("gsk_",), "https://console.groq.com/keys",
    ),
    Provider(
        "Cohere", ("COHERE_API_KEY",), (), "https://api.cohere.ai/compatibility/v1",
        "command-a-03-2025", "embed-v4.0", (), "https://dashboard.cohere.com/api-keys",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RerankProvider:
    """A provider of a reranking model: docs.cohere.com/v2/reference/rerank, jina.ai/reranker."""

    name: str
    base_url: str
    model: str
    key_prefixes: tuple[str, ...]
    key_page: str

    @property
    def host(self) -> str:
        """The host of the API."""
        return urlsplit(self.base_url).hostname or ""


RERANKERS = (
    RerankProvider(
        "Jina", "https://api.jina.ai/v1", "jina-reranker-v2-base-multilingual", ("jina_",),
        "https://jina.ai/reranker",
    ),
    RerankProvider(
        "Cohere", "https://api.cohere.com/v2", "rerank-v3.5", (),
        "https://dashboard.cohere.com/api-keys",
    ),
)  # fmt: skip
"""The last one is meant where the key does not tell."""


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Lengths that a model's vectors can have: ``native``, or shorter if it can shorten them."""

    native: int
    shorter: range | tuple[int, ...] = ()

    def allows(self, length: int) -> bool:
        """Whether the model can make vectors of this length."""
        return length == self.native or length in self.shorter


_COHERE_4 = Dimensions(1536, (256, 512, 1024))
_KNOWN = {
    "text-embedding-3-small": Dimensions(1536, range(1, 1536)),
    "text-embedding-3-large": Dimensions(3072, range(1, 3072)),
    "text-embedding-ada-002": Dimensions(1536),
    "gemini-embedding-001": Dimensions(3072, range(128, 3072)),
    "gemini-embedding-2": Dimensions(3072, range(128, 3072)),
    "embed-v4.0": _COHERE_4,
    "embed-english-v3.0": Dimensions(1024),
    "embed-multilingual-v3.0": Dimensions(1024),
    "embed-english-light-v3.0": Dimensions(384),
    "embed-multilingual-light-v3.0": Dimensions(384),
    "mistral-embed": Dimensions(1024),
    "nomic-embed-text": Dimensions(768),
    "mxbai-embed-large": Dimensions(1024),
    "bge-m3": Dimensions(1024),
    "all-minilm": Dimensions(384),
    "all-minilm-l6-v2": Dimensions(384),
}


def dimensions_of(model: str) -> Dimensions | None:
    """The lengths of a model's vectors, or None for a model that is not in the table.

    A provider's prefix (``openai/``) and a tag (``:latest``) make no difference.
    """
    return _KNOWN.get(model.lower().rsplit("/", 1)[-1].split(":", 1)[0])


def by_variable(name: str) -> Provider | None:
    """The provider that a key variable or an address variable belongs to."""
    return next((p for p in PROVIDERS if name in p.key_variables + p.url_variables), None)


def by_url(url: str) -> Provider | None:
    """The provider whose API lives at this address."""
    host = urlsplit(url).hostname
    return next((p for p in PROVIDERS if p.host == host), None)


def by_key(key: str) -> Provider | None:
    """The provider that gives out keys with this beginning, where the beginning tells."""
    return next((p for p in PROVIDERS if key.startswith(p.key_prefixes or "\0")), None)
