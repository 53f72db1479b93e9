"""The whole way from an environment to settings and findings."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from backend.domain import Status
from backend.settings import Finding, Kind, Loaded, Rate, Settings, load
from backend.variables import VARIABLES

SECRET = "test-secret-not-real-0123456789-abcdefgh"
SPACE = {"SPACE_ID": "someone/book", "SPACE_HOST": "someone-book.hf.space"}


def found(loaded: Loaded, variable: str, kind: Kind) -> Finding:
    matching = [f for f in loaded.findings if f.variable == variable and f.kind is kind]
    assert matching, f"no {kind} finding on {variable}: {loaded.findings}"
    return matching[0]


def clear(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


def test_load_with_nothing_set_has_defaults_and_no_problem() -> None:
    loaded = load({})
    settings = loaded.settings
    assert not loaded.problems
    assert (settings.port, settings.host) == (8080, "0.0.0.0")
    assert settings.cors_allowed_origins == ("http://localhost:3000", "http://localhost:3001")
    assert settings.rate_limit_chat == Rate(30, 60)
    assert settings.data_dir == Path("data")
    assert not settings.chat_enabled
    assert not settings.embeddings_enabled
    assert not settings.fallback_enabled
    assert settings.log_format == "console"


def test_load_says_of_every_missing_part_what_happens_without() -> None:
    by_name = {f.variable: f for f in load({}).findings}
    for name in ("OPENAI_API_KEY", "QDRANT_URL", "NEON_API_KEY", "ADMIN_TOKEN", "SITE_URL"):
        assert by_name[name].kind is Kind.MISSING
        assert by_name[name].status is Status.OFF
        assert by_name[name].fix


DATABASE = "postgresql://u:p@db.example:5432/book"


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: v.name)
def test_load_never_shows_a_value(variable: object) -> None:
    canary = "CANARYc0ffee"
    shapes = (
        *(
            canary,
            f"{canary} {canary}",
            f"sk-{canary}",
            f"napi_{canary}",
            f"<{canary}>",
            f"*.{canary}",
        ),
        *(f"https://{canary}", f"https://u:{canary}@h.example/{canary}", f'"{canary}\n'),
        *(f"postgres://{canary}:{canary}@{canary}.example/{canary}", f"postgres://{canary}@/"),
        *(f"http://h.example/?key={canary}#{canary}", f'["https://{canary}/x", "*"]'),
    )
    for environ in ({}, SPACE):
        for name in variable.names:  # type: ignore[attr-defined]
            for shape in shapes:
                loaded = load({**environ, name: shape})
                shown = f"{loaded!r} {loaded.settings} {loaded.findings!r}"
                assert canary not in shown
                assert canary.lower() not in shown


def test_load_never_raises() -> None:
    rng = random.Random(20)
    alphabet = "aZ0 :/@.,*[]{}<>'\"%$#?&=-_+\n\t\0\ud800\u200b\u0661\U0001f600"
    parts = [
        "https://",
        "postgres://u:p@",
        "redis://[",
        "napi_",
        "..",
        "a.b",
        ":65536",
        "[::1",
        "1" * 5000,
        "*.",
    ]
    names = [n for v in VARIABLES for n in v.names] + ["SPACE_ID", "SPACE_HOST", "QDRANT_PORT"]
    for _ in range(400):
        environ = {}
        for name in rng.sample(names, 12):
            noise = "".join(rng.choice(alphabet) for _ in range(rng.randrange(12)))
            environ[name] = rng.choice(["", rng.choice(parts)]) + noise + rng.choice(["", *parts])
        settings = load(environ).settings
        assert 1 <= settings.port <= 65535
        assert settings.data_dir
        assert settings.docs_path


def test_load_does_not_use_wrong_values() -> None:
    loaded = load(
        {"PORT": "0", "QDRANT_URL": "nonsense", "LOG_LEVEL": "x", "NEON_API_KEY": "napi_x"}
    )
    settings = loaded.settings
    assert (settings.port, settings.qdrant_url, settings.log_level) == (8080, None, "INFO")
    assert settings.neon_api_key is None
    assert {f.status for f in loaded.problems} == {Status.DOWN}


def test_load_prefers_the_alias_that_can_be_used() -> None:
    loaded = load({"NEON_API_KEY": "napi_x", "DATABASE_URL": DATABASE})
    assert clear(loaded.settings.neon_api_key).startswith("postgresql+psycopg2://u:p@db.example")
    assert loaded.sources["NEON_API_KEY"] == "DATABASE_URL"
    assert found(loaded, "NEON_API_KEY", Kind.WRONG).status is Status.DEGRADED


def test_load_takes_equal_aliases_without_a_word() -> None:
    loaded = load({"DATABASE_URL": DATABASE, "POSTGRES_URL": f" {DATABASE} "})
    assert not [f for f in loaded.findings if f.kind is Kind.DUPLICATE]


OPENAI_URL, GROQ_URL = "https://api.openai.com/v1", "https://api.groq.com/openai/v1"
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta/openai"
OPENAI_MODELS = ("gpt-4o-mini", "text-embedding-3-small", 1536)
GROQ_MODELS = ("openai/gpt-oss-120b", None, None)
KEY = {"OPENAI_API_KEY": "k-test"}
PROVIDED = [
    (KEY, OPENAI_URL, OPENAI_MODELS),
    ({"GOOGLE_API_KEY": "k"}, GEMINI_URL, ("gemini-flash-latest", "gemini-embedding-001", 3072)),
    (
        {"OPENROUTER_API_KEY": "k"},
        "https://openrouter.ai/api/v1",
        ("openai/gpt-4o-mini", "openai/text-embedding-3-small", 1536),
    ),
    (
        {"COHERE_API_KEY": "k"},
        "https://api.cohere.ai/compatibility/v1",
        ("command-a-03-2025", "embed-v4.0", 1536),
    ),
    ({"GROQ_API_KEY": "k"}, GROQ_URL, GROQ_MODELS),
    ({**KEY, "OPENAI_BASE_URL": "https://api.groq.com"}, GROQ_URL, GROQ_MODELS),
    ({**KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1/"}, "http://127.0.0.1:9/v1", OPENAI_MODELS),
    ({**KEY, "EMBEDDING_MODEL": "own-model"}, OPENAI_URL, ("gpt-4o-mini", "own-model", None)),
]


@pytest.mark.parametrize(("environ", "url", "models"), PROVIDED)
def test_load_brings_a_provider_with_its_key(
    environ: dict[str, str], url: str, models: tuple[str, str | None, int | None]
) -> None:
    settings = load(environ).settings
    used = (settings.openai_model, settings.embedding_model, settings.embedding_dimensions)
    assert (settings.openai_base_url, used) == (url, models)
    assert settings.chat_enabled
    assert settings.embeddings_enabled is (models[1] is not None)


def test_load_says_that_groq_has_no_embeddings() -> None:
    finding = found(load({"GROQ_API_KEY": "k-test"}), "EMBEDDING_API_KEY", Kind.MISSING)
    assert "Groq has no embeddings" in finding.problem
    settings = load({"GROQ_API_KEY": "k-test", "EMBEDDING_API_KEY": "k-two"}).settings
    assert settings.embedding_base_url == "https://api.openai.com/v1"
    assert clear(settings.embedding_api_key) == "k-two"


def test_load_sends_no_key_to_a_provider_it_is_not_from() -> None:
    elsewhere = {"EMBEDDING_BASE_URL": "https://openrouter.ai/api/v1"}
    loaded = load({"OPENAI_API_KEY": "k-test", **elsewhere})
    assert loaded.settings.embedding_api_key is None
    assert not loaded.settings.embeddings_enabled
    assert found(loaded, "EMBEDDING_API_KEY", Kind.MISSING).status is Status.DOWN
    gemini = {"GEMINI_API_KEY": "k-two", "GEMINI_BASE_URL": "https://proxy.example/v1"}
    settings = load({"OPENAI_API_KEY": "k-test", **gemini}).settings
    assert settings.openai_base_url == "https://api.openai.com/v1"


def test_load_takes_a_local_model_server_without_key() -> None:
    settings = load(
        {"OPENAI_BASE_URL": "http://localhost:11434/v1", "OPENAI_MODEL": "llama3"}
    ).settings
    assert settings.chat_enabled
    assert not settings.embeddings_enabled


def test_load_fills_in_the_fallback_from_its_key() -> None:
    settings = load({"FALLBACK_API_KEY": "sk-or-" + "t" * 20}).settings
    assert settings.fallback_base_url == "https://openrouter.ai/api/v1"
    assert settings.fallback_model == "openai/gpt-4o-mini"
    assert settings.fallback_enabled


def test_load_joins_qdrant_host_and_port() -> None:
    settings = load({"QDRANT_HOST": "qdrant", "QDRANT_PORT": "7000"}).settings
    assert settings.qdrant_url == "http://qdrant:7000"


def test_load_on_a_space_adds_its_own_origin_and_works_without_secrets() -> None:
    loaded = load({**SPACE, "FRONTEND_URL": "https://book.example"})
    settings = loaded.settings
    assert settings.on_space
    assert settings.cors_allowed_origins == (
        "https://book.example",
        "https://someone-book.hf.space",
    )
    assert settings.log_format == "json"
    assert {f.status for f in loaded.problems} == {Status.DEGRADED}
    assert {"BETTER_AUTH_SECRET", "ADMIN_TOKEN"} <= loaded.required


@pytest.mark.parametrize(
    ("writable", "expected"), [({"/data", "data"}, "/data"), ({"data"}, "data"), (set(), None)]
)
def test_load_on_a_space_takes_the_first_writable_folder(
    writable: set[str], expected: str | None
) -> None:
    loaded = load(SPACE, writable=lambda folder: str(folder) in writable)
    if expected:
        assert loaded.settings.data_dir == Path(expected)
    else:
        assert found(loaded, "DATA_DIR", Kind.MISSING).status is Status.DEGRADED


def test_load_keeps_every_secret_text_for_masking() -> None:
    raw = ' "k-test-of-openai"\n'
    loaded = load({"OPENAI_API_KEY": raw, "NEON_API_KEY": "napi_unusable"})
    texts = {s.get_secret_value() for s in loaded.secrets}
    assert {raw, "k-test-of-openai", "napi_unusable"} <= texts


def test_settings_ignore_the_environment_and_are_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "1234")
    settings = Settings()
    assert settings.port == 8080
    assert load().settings.port == 1234
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


def test_settings_have_an_attribute_for_every_variable() -> None:
    assert {v.attribute for v in VARIABLES} == set(Settings.model_fields) - {
        "on_space",
        "space_host",
    }
