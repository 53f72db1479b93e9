"""The configuration: read once, from an environment that is an argument, into a frozen object.

Loading never raises. What is missing or wrong becomes a :class:`Finding`, and the default (or None)
stands in. This is the only module that reads ``os.environ``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from backend.domain import Status
from backend.variables import BY_NAME, VARIABLES, model_rules, rules
from backend.variables.addresses import ascii_host
from backend.variables.cleaning import clean
from backend.variables.findings import Finding, Kind
from backend.variables.prices import Price
from backend.variables.providers import by_url
from backend.variables.reading import Draft, read
from backend.variables.values import Rate

__all__ = ["Finding", "Kind", "Loaded", "Rate", "Settings", "load"]

_NAMES = {name for variable in VARIABLES for name in variable.names} | {
    "SPACE_ID",
    "SPACE_HOST",
    "QDRANT_PORT",
}


def _default(name: str) -> Any:
    variable = BY_NAME[name]
    return variable.parse(variable.default, [])


class Settings(BaseSettings):
    """Every setting under its variable's name in lower case; secrets print masked.

    ``openai_base_url``, ``openai_model`` and the ``embedding_*`` values are resolved: a provider's
    key has brought its address and models. ``embedding_model`` is None where there are no
    embeddings. ``score_threshold`` None means the tuned one, a rate None means no limit.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    openai_api_key: SecretStr | None = None
    openai_base_url: str = "https://api.openai.com/v1"
    openai_model: str = "gpt-4o-mini"
    embedding_model: str | None = None
    embedding_dimensions: int | None = None
    embedding_api_key: SecretStr | None = None
    embedding_base_url: str = "https://api.openai.com/v1"
    rerank_api_key: SecretStr | None = None
    rerank_base_url: str | None = None
    rerank_model: str | None = None
    fallback_api_key: SecretStr | None = None
    fallback_base_url: str | None = None
    fallback_model: str | None = None
    model_prices: dict[str, Price] = {}
    qdrant_url: str | None = None
    qdrant_api_key: SecretStr | None = None
    qdrant_collection_name: str = _default("QDRANT_COLLECTION_NAME")
    neon_api_key: SecretStr | None = None
    redis_url: SecretStr | None = None
    data_dir: Path = Path(_default("DATA_DIR"))
    better_auth_secret: SecretStr | None = None
    better_auth_url: str | None = None
    data_encryption_key: SecretStr | None = None
    data_encryption_key_previous: SecretStr | None = None
    cors_allowed_origins: tuple[str, ...] = _default("CORS_ALLOWED_ORIGINS")
    admin_token: SecretStr | None = None
    docs_path: str = _default("DOCS_PATH")
    site_url: str | None = None
    book_title: str = _default("BOOK_TITLE")
    retrieval_top_k: int = _default("RETRIEVAL_TOP_K")
    score_threshold: float | None = None
    port: int = _default("PORT")
    host: str = _default("HOST")
    rate_limit_chat: Rate | None = _default("RATE_LIMIT_CHAT")
    rate_limit_content: Rate | None = _default("RATE_LIMIT_CONTENT")
    daily_token_budget: int | None = None
    insights_retention_days: int = _default("INSIGHTS_RETENTION_DAYS")
    log_level: str = _default("LOG_LEVEL")
    log_format: str = "console"
    otel_exporter_otlp_endpoint: str | None = None
    strict_config: bool = _default("STRICT_CONFIG")
    on_space: bool = False
    space_host: str | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments only: ``load`` reads the environment, with aliases and findings."""
        return (init_settings,)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Names only: a secret may have been pasted into any variable."""
        for name, value in super().__repr_args__():
            plain = value is None or isinstance(value, bool | int | float)
            yield name, value if plain else "***"

    @property
    def own_docs(self) -> bool:
        """Whether the book is still the documentation of this service itself."""
        return self.docs_path == str(_default("DOCS_PATH"))

    @property
    def source_title(self) -> str:
        """What answers come from, by name; BOOK_TITLE is not that as long as no book is set."""
        return "the documentation of this service" if self.own_docs else self.book_title

    @property
    def chat_enabled(self) -> bool:
        """Whether there is a chat model: a key, or a server of one's own that needs none."""
        return self.openai_api_key is not None or by_url(self.openai_base_url) is None

    @property
    def embeddings_enabled(self) -> bool:
        """Whether texts are embedded; without, the search is by words alone."""
        keyless = by_url(self.embedding_base_url) is None
        return self.embedding_model is not None and (keyless or self.embedding_api_key is not None)

    @property
    def rerank_enabled(self) -> bool:
        """Whether a model puts the passages into its own order."""
        return self.rerank_base_url is not None and self.rerank_model is not None

    @property
    def fallback_enabled(self) -> bool:
        """Whether a second chat provider is asked when the first fails."""
        if self.fallback_base_url is None or self.fallback_model is None:
            return False
        return self.fallback_api_key is not None or by_url(self.fallback_base_url) is None


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, what was found on the way, and what the log must mask.

    ``sources``: variable -> the name it was read under, for those that were set. ``required`` are
    the variables that this mode needs. ``secrets`` are all texts that stood in secret variables,
    also the unusable ones.
    """

    settings: Settings
    findings: tuple[Finding, ...]
    sources: Mapping[str, str]
    required: frozenset[str]
    secrets: tuple[SecretStr, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that somebody should act on, the worst first."""
        bad = [f for f in self.findings if f.status in (Status.DEGRADED, Status.DOWN)]
        return tuple(sorted(bad, key=lambda f: f.status is not Status.DOWN))


def load(
    environ: Mapping[str, str] | None = None, *, writable: rules.Writable = rules.is_writable
) -> Loaded:
    """Read the configuration. Never raises, whatever the environment holds.

    ``environ`` None is the process's own. ``writable`` says whether a folder can be written to.
    """
    source = os.environ if environ is None else environ
    known = {name: source[name] for name in _NAMES if name in source}
    draft = Draft(on_space=bool(known.get("SPACE_ID", "").strip()))
    draft.space_host = ascii_host(clean(known.get("SPACE_HOST", ""))[0]) or None
    _join_port(known)
    for variable in VARIABLES:
        read(variable, known, draft)
    model_rules.chat(draft)
    model_rules.embeddings(draft)
    model_rules.reranking(draft)
    model_rules.fallback(draft)
    rules.stores(draft)
    rules.access(draft)
    rules.content(draft)
    rules.server(draft, writable)
    values = {BY_NAME[name].attribute: value for name, value in draft.values.items()}
    settings = Settings(**values, on_space=draft.on_space, space_host=draft.space_host)
    return Loaded(
        settings,
        (*draft.findings, *_missing(draft)),
        dict(draft.sources),
        frozenset(draft.required),
        _secrets(known),
    )


def _join_port(known: dict[str, str]) -> None:
    """QDRANT_HOST and QDRANT_PORT are one address in two variables."""
    host, port = (clean(known.get(name, ""))[0] for name in ("QDRANT_HOST", "QDRANT_PORT"))
    if host and port and ":" not in host.split("://")[-1]:
        known["QDRANT_HOST"] = f"{host.rstrip('/')}:{port}"


def _missing(draft: Draft) -> list[Finding]:
    """One finding for each variable that is not set and was not spoken of yet."""
    spoken = {finding.variable for finding in draft.findings}
    return [
        Finding(
            v.name, Kind.MISSING, Status.OFF, f"Not set. {v.without}", f"Set it. {v.where}", v.name
        )
        for v in VARIABLES
        if v.without and v.name not in draft.sources and v.name not in spoken
    ]


def _secrets(known: Mapping[str, str]) -> tuple[SecretStr, ...]:
    texts = (
        text
        for variable in VARIABLES
        if variable.secret
        for name in variable.names
        if name in known
        for text in (known[name], clean(known[name], variable.names)[0])
    )
    return tuple(SecretStr(text) for text in dict.fromkeys(texts) if text.strip())
