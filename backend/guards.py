"""One guard for each server that these settings use, and where limits are counted."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from backend.guarded import CHAT_POLICY, DATABASE_POLICY, EMBED_POLICY, INDEX_POLICY, RERANK_POLICY
from backend.metrics import CIRCUIT_CHANGES
from backend.resilience import Guard, Policy
from backend.services.limits import Counters, FallbackCounters, MemoryCounters
from backend.settings import Settings

log = logging.getLogger(__name__)


def make_guards(settings: Settings, policies: Mapping[str, Policy]) -> dict[str, Guard]:
    """The guards; ``policies`` replace the usual limits, by circuit's name."""
    limits = {"openai": CHAT_POLICY, "qdrant": INDEX_POLICY, "database": DATABASE_POLICY}
    if settings.embeddings_enabled:
        limits["embeddings"] = EMBED_POLICY
    if settings.rerank_enabled:
        limits["rerank"] = RERANK_POLICY
    if settings.fallback_enabled:
        limits["fallback"] = CHAT_POLICY
    limits |= policies
    return {name: Guard(name, policy, on_change=_changed) for name, policy in limits.items()}


def _changed(name: str, old: str, new: str) -> None:
    CIRCUIT_CHANGES.add(name, new)
    level = logging.WARNING if new == "open" else logging.INFO
    log.log(level, "circuit changed", extra={"upstream": name, "was": old, "is": new})


def make_counters(settings: Settings) -> tuple[Counters, Callable[[], Awaitable[None]] | None]:
    """Where limits are counted: here, or in Redis while it answers; and how to close that."""
    if settings.redis_url is None:
        return MemoryCounters(), None
    from backend.adapters.redis_counters import RedisCounters

    redis = RedisCounters(settings.redis_url.get_secret_value())
    return FallbackCounters(redis, MemoryCounters()), redis.aclose
