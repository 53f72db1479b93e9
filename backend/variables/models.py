"""Variables of the model providers."""

from __future__ import annotations

from backend.variables.addresses import web_address
from backend.variables.base import Variable
from backend.variables.prices import model_prices
from backend.variables.values import api_key, model_name, whole

_OPENAI_MODELS = "https://platform.openai.com/docs/models"
_PROVIDER = "Names as the provider lists them."

MODELS = (
    Variable(
        "OPENAI_API_KEY",
        kind="key",
        parse=api_key,
        used_for="chat and embeddings",
        aliases=(
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "OPENROUTER_API_KEY",
            "GROQ_API_KEY",
            "COHERE_API_KEY",
        ),
        shown="none: extractive answers",
        without="Answers are sentences quoted from the book, and the search is by words alone.",
        where=(
            "Create a key on the provider's page. A provider's own variable brings its address "
            "and models; Groq has no embeddings."
        ),
        link="https://platform.openai.com/api-keys",
        example="<your key>",
        secret=True,
    ),
    Variable(
        "OPENAI_BASE_URL",
        kind="address",
        parse=web_address(carries_key=True),
        used_for="any OpenAI-compatible server",
        aliases=("OPENAI_API_BASE", "GEMINI_BASE_URL", "OPENROUTER_BASE_URL"),
        shown="the provider's",
        where="The documentation of the server shows it; it mostly ends in /v1.",
        link="https://github.com/openai/openai-python#configuring-the-http-client",
        example="http://localhost:11434/v1",
    ),
    Variable(
        "OPENAI_MODEL",
        kind="name",
        parse=model_name,
        used_for="chat",
        aliases=("CHAT_MODEL",),
        shown="gpt-4o-mini, or the provider's",
        where=_PROVIDER,
        link=_OPENAI_MODELS,
        example="gpt-4o-mini",
    ),
    Variable(
        "EMBEDDING_MODEL",
        kind="name",
        parse=model_name,
        used_for="embeddings",
        aliases=("OPENAI_EMBEDDING_MODEL",),
        shown="text-embedding-3-small, or the provider's",
        where=_PROVIDER,
        link="https://platform.openai.com/docs/guides/embeddings",
        example="text-embedding-3-small",
    ),
    Variable(
        "EMBEDDING_DIMENSIONS",
        kind="number",
        parse=whole(1, 65536),
        used_for="embeddings",
        aliases=("EMBEDDING_DIM", "QDRANT_VECTOR_SIZE"),
        shown="the model's",
        where="Only for a model that can shorten its vectors, or one that is not well known.",
        link="https://platform.openai.com/docs/guides/embeddings",
        example="1536",
    ),
    Variable(
        "EMBEDDING_API_KEY",
        kind="key",
        parse=api_key,
        used_for="embeddings from another provider",
        shown="as chat",
        where="From the provider of the embeddings.",
        link="https://platform.openai.com/api-keys",
        example="<your key>",
        secret=True,
    ),
    Variable(
        "EMBEDDING_BASE_URL",
        kind="address",
        parse=web_address(carries_key=True),
        used_for="embeddings from another provider",
        shown="as chat",
        where="The documentation of the server shows it.",
        link="https://platform.openai.com/docs/api-reference/embeddings",
        example="http://localhost:11434/v1",
    ),
    Variable(
        "RERANK_API_KEY",
        kind="key",
        parse=api_key,
        used_for="a model that puts the passages into order",
        shown="none: ordered by this service itself",
        where="From Cohere or Jina, or a server of your own that has /rerank.",
        link="https://dashboard.cohere.com/api-keys",
        example="<your key>",
        secret=True,
    ),
    Variable(
        "RERANK_BASE_URL",
        kind="address",
        parse=web_address(carries_key=True),
        used_for="the reranking model",
        shown="the provider's, if a key is set",
        where="What stands before /rerank in the documentation of the server.",
        link="https://docs.cohere.com/v2/reference/rerank",
        example="https://api.jina.ai/v1",
    ),
    Variable(
        "RERANK_MODEL",
        kind="name",
        parse=model_name,
        used_for="the reranking model",
        shown="the provider's",
        where=_PROVIDER,
        link="https://docs.cohere.com/docs/rerank",
        example="rerank-v3.5",
    ),
    Variable(
        "FALLBACK_API_KEY",
        kind="key",
        parse=api_key,
        used_for="a second chat provider, asked when the first fails",
        shown="none",
        without="When the chat model fails, answers are quoted from the book.",
        where="A key of any provider that OPENAI_API_KEY takes.",
        link="https://openrouter.ai/keys",
        example="<your key>",
        secret=True,
    ),
    Variable(
        "FALLBACK_BASE_URL",
        kind="address",
        parse=web_address(carries_key=True),
        used_for="the second chat provider",
        shown="the provider's, if its key tells",
        where="The documentation of the provider shows it.",
        link="https://openrouter.ai/docs",
        example="https://openrouter.ai/api/v1",
    ),
    Variable(
        "FALLBACK_MODEL",
        kind="name",
        parse=model_name,
        used_for="the second chat provider",
        shown="the provider's",
        where=_PROVIDER,
        link="https://openrouter.ai/models",
        example="openai/gpt-4o-mini",
    ),
    Variable(
        "MODEL_PRICES",
        kind="prices",
        parse=model_prices,
        used_for="the cost of answers",
        shown="the list prices that are known",
        where=(
            "US dollars for a million tokens of prompt and completion, by the model's name; "
            "for a model that is not in the list, or a price of your own."
        ),
        link="https://openai.com/api/pricing",
        example="gpt-4o-mini=0.15/0.60",
    ),
)
