"""The product with its model server behind a proxy, and limits that tests can wait for."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace

from backend.guarded import CHAT_POLICY, EMBED_POLICY
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import product

KEY = "test-key-not-real"
SOON_S = 2.0
"""A deadline that is met by an answer without fault on a busy machine too."""
LATE_S = 0.5
"""What a deadline may be exceeded by."""
CHAT = replace(
    CHAT_POLICY, attempt_timeout_s=SOON_S, first_token_timeout_s=SOON_S, idle_timeout_s=SOON_S,
    base_delay_s=0.01, open_s=0.2,
)  # fmt: skip
PATIENT = replace(CHAT, attempt_timeout_s=30.0, first_token_timeout_s=30.0)
POLICIES = {"openai": CHAT, "embeddings": replace(EMBED_POLICY, base_delay_s=0.01, open_s=0.2)}
PATIENT_POLICIES = POLICIES | {"openai": PATIENT}


def keys(port: int, **more: str) -> dict[str, str]:
    return {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", **more}


@asynccontextmanager
async def behind(line, docs, tmp_path, *, policies=POLICIES, **more):
    """The product whose model server is behind the proxy, embeddings on a line of their own."""
    embeddings = {"EMBEDDING_BASE_URL": f"http://127.0.0.1:{line.target}/v1"}
    async with QdrantDouble() as index:
        variables = keys(
            line.port, EMBEDDING_API_KEY=KEY, QDRANT_URL=index.url, **embeddings, **more
        )
        async with product(docs, tmp_path / "data", policies=policies, **variables) as site:
            yield site
