"""Which provider chat, embeddings and the fallback go to, and with what model."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.domain import Status
from backend.variables.findings import Kind
from backend.variables.providers import (
    OPENAI,
    RERANKERS,
    Provider,
    by_key,
    by_url,
    by_variable,
    dimensions_of,
)
from backend.variables.reading import Draft

_CHAT_NAMES = ("gpt-", "chatgpt", "claude", "command-", "llama")


def _clear(key: SecretStr | None) -> str:
    return key.get_secret_value() if key else ""


def _chat_provider(draft: Draft) -> Provider:
    """Where the chat key belongs: by its variable, else by its beginning, else OpenAI."""
    source = draft.sources.get("OPENAI_API_KEY", "")
    named = by_variable(source) or OPENAI
    guess = by_key(_clear(draft.values.get("OPENAI_API_KEY")))
    if named is OPENAI and guess and guess is not OPENAI and "OPENAI_BASE_URL" not in draft.values:
        variable = guess.key_variables[0]
        problem = f"It looks like a key of {guess.name}, whose address and models are used."
        draft.add("OPENAI_API_KEY", Kind.CHANGED, problem, f"Set it as {variable} instead.")
        return guess
    return named


def _drop_foreign_address(draft: Draft) -> None:
    """An address variable of one provider must not receive the key of another that is set too."""
    owner = by_variable(draft.sources.get("OPENAI_BASE_URL", ""))
    key_owner = by_variable(draft.sources.get("OPENAI_API_KEY", ""))
    if owner and key_owner and owner not in (key_owner, OPENAI):
        name = draft.sources["OPENAI_BASE_URL"]
        if key_owner is OPENAI and by_url(draft.values["OPENAI_BASE_URL"]) not in (owner, None):
            return
        key = draft.sources["OPENAI_API_KEY"]
        problem = f"{name} belongs to {owner.name}, but the key comes from {key}; it is not used."
        draft.add("OPENAI_BASE_URL", Kind.CHANGED, problem, f"Remove {name}, or {key}.")
        del draft.values["OPENAI_BASE_URL"], draft.sources["OPENAI_BASE_URL"]


def chat(draft: Draft) -> None:
    """Fill in the address and the model of chat."""
    _drop_foreign_address(draft)
    provider = _chat_provider(draft)
    url = draft.values.setdefault("OPENAI_BASE_URL", provider.base_url)
    hosted = by_url(url)
    if hosted and urlsplit(url).path in ("", "/"):
        draft.values["OPENAI_BASE_URL"] = hosted.base_url
    if hosted and "OPENAI_BASE_URL" in draft.sources:
        draft.need(
            "OPENAI_API_KEY",
            f"Not set, and {hosted.name} answers nobody without a key.",
            f"Create a key at {hosted.key_page} and set it.",
        )
    if "embed" in draft.values.get("OPENAI_MODEL", "").lower():
        fix = "Set a chat model here and the other as EMBEDDING_MODEL."
        draft.reject("OPENAI_MODEL", "It names a model for embeddings.", fix)
    draft.values.setdefault("OPENAI_MODEL", (hosted or provider).chat_model)


def _embedding_place(draft: Draft) -> tuple[str, SecretStr | None]:
    """Address and key of the embeddings; the key is None where none may be sent."""
    chat_url, chat_key = draft.values["OPENAI_BASE_URL"], draft.values.get("OPENAI_API_KEY")
    key, url = draft.values.get("EMBEDDING_API_KEY"), draft.values.get("EMBEDDING_BASE_URL")
    if url is None and key is not None:
        chat_host = by_url(chat_url)
        lacking = chat_host is not None and chat_host.embedding_model is None
        guess = by_key(_clear(key)) or (OPENAI if lacking else None)
        return (guess.base_url if guess else chat_url), key
    url = url or chat_url
    foreign = urlsplit(url).hostname != urlsplit(chat_url).hostname
    if key is None and not (foreign and by_url(url)):
        key = chat_key
    return url, key


def embeddings(draft: Draft) -> None:
    """Fill in where embeddings come from, or switch them off and say why."""
    explicit = {"EMBEDDING_API_KEY", "EMBEDDING_BASE_URL", "EMBEDDING_MODEL"} & set(draft.sources)
    url, key = _embedding_place(draft)
    provider = by_url(url)
    model = draft.values.get("EMBEDDING_MODEL")
    if model and model.lower().startswith(_CHAT_NAMES):
        draft.reject("EMBEDDING_MODEL", "It names a model for chat.", "Set an embedding model.")
        model = None
    if provider is None:
        model = model or (OPENAI.embedding_model if key or explicit else None)
    else:
        model = (model or provider.embedding_model) if provider.embedding_model else None
    if provider and provider.embedding_model is None and (key or explicit):
        problem = f"{provider.name} has no embeddings, so the search is by words alone."
        fix = "Set EMBEDDING_API_KEY to a key of OpenAI, Gemini, OpenRouter or Cohere."
        draft.add(
            "EMBEDDING_API_KEY",
            Kind.MISSING,
            problem,
            fix,
            Status.DEGRADED if explicit else Status.OFF,
        )
    elif provider and key is None and explicit - {"EMBEDDING_MODEL"}:
        problem = f"Not set, and {provider.name} makes no embeddings without a key."
        draft.need("EMBEDDING_API_KEY", problem, f"Create a key at {provider.key_page} and set it.")
    draft.values |= {"EMBEDDING_BASE_URL": url, "EMBEDDING_API_KEY": key, "EMBEDDING_MODEL": model}
    _dimensions(draft, model)


def _dimensions(draft: Draft, model: str | None) -> None:
    known = dimensions_of(model) if model else None
    wanted: Any = draft.values.get("EMBEDDING_DIMENSIONS")
    if known and wanted and not known.allows(wanted):
        can = "at most" if isinstance(known.shorter, range) else "always"
        problem = f"The embedding model's vectors are {can} {known.native} numbers long."
        draft.reject("EMBEDDING_DIMENSIONS", problem, f"Remove it, or set {known.native}.")
    if known:
        draft.values.setdefault("EMBEDDING_DIMENSIONS", known.native)


def reranking(draft: Draft) -> None:
    """Fill in where passages are reranked from the key, or ask for what is missing."""
    chosen = {"RERANK_API_KEY", "RERANK_BASE_URL", "RERANK_MODEL"} & set(draft.sources)
    if not chosen:
        return
    key = _clear(draft.values.get("RERANK_API_KEY"))
    guess = next((r for r in RERANKERS if key.startswith(r.key_prefixes)), RERANKERS[-1])
    url = draft.values.setdefault("RERANK_BASE_URL", guess.base_url)
    hosted = next((r for r in RERANKERS if r.host == urlsplit(url).hostname), None)
    if hosted:
        draft.need(
            "RERANK_API_KEY",
            f"Not set, and {hosted.name} answers nobody without a key.",
            f"Create a key at {hosted.key_page} and set it.",
        )
        draft.values.setdefault("RERANK_MODEL", hosted.model)
        if not key:
            del draft.values["RERANK_BASE_URL"]
    draft.need(
        "RERANK_MODEL",
        "Not set, and the models of the server in RERANK_BASE_URL are not known here.",
        "Set the name of a reranking model as that server lists it.",
    )


def fallback(draft: Draft) -> None:
    """Fill in the second chat provider from its key, or ask for what is missing."""
    chosen = {"FALLBACK_API_KEY", "FALLBACK_BASE_URL", "FALLBACK_MODEL"} & set(draft.sources)
    if not chosen:
        return
    provider = by_key(_clear(draft.values.get("FALLBACK_API_KEY"))) or OPENAI
    url = draft.values.setdefault("FALLBACK_BASE_URL", provider.base_url)
    hosted = by_url(url)
    if hosted:
        draft.need(
            "FALLBACK_API_KEY",
            f"Not set, and {hosted.name} answers nobody without a key.",
            f"Create a key at {hosted.key_page} and set it.",
        )
        draft.values.setdefault("FALLBACK_MODEL", hosted.chat_model)
    draft.need(
        "FALLBACK_MODEL",
        "Not set, and the second provider's models are not known here.",
        "Set the name of a chat model as that provider lists it.",
    )
