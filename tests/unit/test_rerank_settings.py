"""What RERANK_API_KEY, RERANK_BASE_URL and RERANK_MODEL make of each other."""

from __future__ import annotations

import pytest

from backend.domain import Status
from backend.settings import load

COHERE, JINA = "https://api.cohere.com/v2", "https://api.jina.ai/v1"
OWN = "http://127.0.0.1:7997"


@pytest.mark.parametrize(
    ("environ", "url", "model"),
    [
        ({}, None, None),
        ({"RERANK_API_KEY": "test-key-not-real"}, COHERE, "rerank-v3.5"),
        ({"RERANK_API_KEY": "jina_test-key-not-real"}, JINA, "jina-reranker-v2-base-multilingual"),
        ({"RERANK_BASE_URL": OWN, "RERANK_MODEL": "bge"}, OWN, "bge"),
        ({"RERANK_API_KEY": "test-key-not-real", "RERANK_MODEL": "other"}, COHERE, "other"),
    ],
)
def test_address_and_model_come_from_the_key_unless_they_are_set(
    environ: dict[str, str], url: str | None, model: str | None
) -> None:
    loaded = load(environ)
    assert (loaded.settings.rerank_base_url, loaded.settings.rerank_model) == (url, model)
    assert loaded.settings.rerank_enabled == (url is not None)
    assert not [f for f in loaded.problems if f.variable.startswith("RERANK")]


@pytest.mark.parametrize(
    ("environ", "missing"),
    [
        ({"RERANK_BASE_URL": OWN}, "RERANK_MODEL"),
        ({"RERANK_BASE_URL": JINA}, "RERANK_API_KEY"),
        ({"RERANK_MODEL": "rerank-v3.5"}, "RERANK_API_KEY"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_reranked(
    environ: dict[str, str], missing: str
) -> None:
    loaded = load(environ)
    assert not loaded.settings.rerank_enabled
    found = [f for f in loaded.problems if f.variable == missing]
    assert [f.status for f in found] == [Status.DOWN]
