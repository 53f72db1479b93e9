"""The likely mistakes in a configuration: each is named, with its problem and its fix."""

from __future__ import annotations

import pytest

from backend.settings import Kind, load
from tests.unit.test_settings import SECRET, SPACE, found

CLOUD = "https://abc.eu-central-1-0.aws.cloud.qdrant.io:6333"
# (environment, variable and kind of the finding, a word of its problem, a word of its fix)
MISCONFIGURED = [
    ({"OPENAI_API_KEY": "  "}, "OPENAI_API_KEY blank", "empty", "value"),
    ({"REDIS_URL": "None"}, "REDIS_URL blank", "empty", "value"),
    ({"OPENAI_MODEL": "'gpt-x'"}, "OPENAI_MODEL hidden", "quotation", "again"),
    ({"ADMIN_TOKEN": SECRET + "\n"}, "ADMIN_TOKEN hidden", "line", "again"),
    ({"PORT": "\u200b8080\ufeff"}, "PORT hidden", "invisible", "again"),
    ({"PORT": "PORT=9000"}, "PORT hidden", "own name", "again"),
    ({"OPENAI_API_KEY": "ab cd"}, "OPENAI_API_KEY wrong", "space", "piece"),
    ({"OPENAI_API_KEY": "https://x.y"}, "OPENAI_API_KEY wrong", "address", "key"),
    ({"QDRANT_URL": "eyJhbGciOiJIUzI1.eyJhY2N.x"}, "QDRANT_URL wrong", "address", "https"),
    ({"OPENAI_MODEL": "sk-" + "a" * 30}, "OPENAI_MODEL wrong", "key", "model"),
    ({"OPENAI_API_KEY": "Bearer k-test"}, "OPENAI_API_KEY changed", "Bearer", "alone"),
    ({"OPENAI_API_KEY": "your-key-here"}, "OPENAI_API_KEY placeholder", "placeholder", "key"),
    ({"OPENAI_API_KEY": "sk-..."}, "OPENAI_API_KEY placeholder", "placeholder", "key"),
    (
        {"QDRANT_URL": "https://your-cluster.qdrant.io"},
        "QDRANT_URL placeholder",
        "placeholder",
        "cluster",
    ),
    ({"ADMIN_TOKEN": "changeme"}, "ADMIN_TOKEN placeholder", "placeholder", "Make"),
    ({"NEON_API_KEY": "<url>"}, "NEON_API_KEY placeholder", "placeholder", "Connect"),
    ({"BETTER_AUTH_SECRET": "xxxx"}, "BETTER_AUTH_SECRET placeholder", "placeholder", "Make"),
    (
        {"NEON_API_KEY": "postgres://u:p@h.example/d"},
        "NEON_API_KEY changed",
        "postgres://",
        "postgresql://",
    ),
    ({"NEON_API_KEY": "napi_abc"}, "NEON_API_KEY wrong", "console", "Connect"),
    ({"NEON_API_KEY": "postgresql://u:p@h.example"}, "NEON_API_KEY wrong", "database", "slash"),
    ({"NEON_API_KEY": "postgresql:///d"}, "NEON_API_KEY wrong", "host", "Connect"),
    ({"DATABASE_URL": "sqlite:///x.db"}, "NEON_API_KEY wrong", "SQLite", "empty"),
    ({"DATABASE_URL": "mysql://u:p@h/d"}, "NEON_API_KEY wrong", "another", "postgresql"),
    ({"QDRANT_URL": "https://q.example"}, "QDRANT_URL changed", "port", ":6333"),
    ({"QDRANT_HOST": "q.example:6333"}, "QDRANT_URL changed", "scheme", "https://"),
    ({"QDRANT_URL": CLOUD}, "QDRANT_API_KEY missing", "refuses", "Create"),
    ({"QDRANT_API_KEY": "k-test"}, "QDRANT_API_KEY changed", "QDRANT_URL", "Set"),
    (
        {"EMBEDDING_DIMENSIONS": "3072", "OPENAI_API_KEY": "k-test"},
        "EMBEDDING_DIMENSIONS wrong",
        "1536",
        "Remove",
    ),
    ({"CORS_ORIGINS": "https://a.example/"}, "CORS_ALLOWED_ORIGINS changed", "slash", "Remove"),
    ({"CORS_ORIGINS": "https://a.example/x"}, "CORS_ALLOWED_ORIGINS changed", "path", "Remove"),
    ({"CORS_ORIGINS": "a.example"}, "CORS_ALLOWED_ORIGINS changed", "scheme", "https"),
    ({"CORS_ORIGINS": "*"}, "CORS_ALLOWED_ORIGINS wrong", "refused", "List"),
    ({"BETTER_AUTH_SECRET": "short-one"}, "BETTER_AUTH_SECRET wrong", "32", "token_urlsafe"),
    (
        {"BETTER_AUTH_SECRET": "better-auth-secret-12345678901234567890"},
        "BETTER_AUTH_SECRET wrong",
        "example",
        "token_urlsafe",
    ),
    (SPACE, "BETTER_AUTH_SECRET missing", "503", "token_urlsafe"),
    ({"PORT": "eighty"}, "PORT wrong", "number", "65535"),
    ({"PORT": "99999"}, "PORT wrong", "range", "65535"),
    ({"DOCS_PATH": "no/such/folder"}, "DOCS_PATH wrong", "no such folder", "path"),
    ({"DOCS_PATH": ".ci"}, "DOCS_PATH wrong", "no .md", "chapters"),
    ({"DOCS_PATH": "http://book.example/a.zip"}, "DOCS_PATH wrong", "https", "archive"),
    ({"DATA_DIR": "pyproject.toml"}, "DATA_DIR wrong", "written", "folder"),
    ({"RATE_LIMIT_CHAT": "often"}, "RATE_LIMIT_CHAT wrong", "rate", "30/minute"),
    ({"RELEVANCE_THRESHOLD": "35"}, "SCORE_THRESHOLD wrong", "range", "0 to 1"),
    ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL wrong", "none of", "DEBUG"),
    (
        {"DATA_ENCRYPTION_KEY": SECRET, "DATA_ENCRYPTION_KEY_PREVIOUS": SECRET},
        "DATA_ENCRYPTION_KEY_PREVIOUS changed",
        "same",
        "new key",
    ),
    (SPACE, "ADMIN_TOKEN missing", "nobody", "token_urlsafe"),
    ({**SPACE, "ADMIN_PASSWORD": "hunter"}, "ADMIN_TOKEN wrong", "12", "token_urlsafe"),
    ({"SITE_URL": "http://book.example"}, "SITE_URL weak", "http://", "https://"),
    (
        {"AUTH_SECRET": SECRET, "JWT_SECRET": SECRET[::-1]},
        "BETTER_AUTH_SECRET duplicate",
        "JWT_SECRET",
        "Keep one",
    ),
    ({"OPENAI_API_KEY": "gsk_" + "t" * 20}, "OPENAI_API_KEY changed", "Groq", "GROQ_API_KEY"),
    (
        {"OPENAI_BASE_URL": "https://openrouter.ai/api/v1"},
        "OPENAI_API_KEY missing",
        "OpenRouter",
        "Create",
    ),
    ({"FALLBACK_BASE_URL": "https://llm.example/v1"}, "FALLBACK_MODEL missing", "second", "name"),
    ({"REDIS_URL": "https://r.example"}, "REDIS_URL wrong", "Redis", "rediss://"),
    ({**SPACE, "HOST": "localhost"}, "HOST wrong", "proxy", "Remove"),
    ({"STRICT_CONFIG": "maybe"}, "STRICT_CONFIG wrong", "neither", "true"),
]


@pytest.mark.parametrize(("environ", "what", "problem", "fix"), MISCONFIGURED)
def test_load_explains_misconfiguration(
    environ: dict[str, str], what: str, problem: str, fix: str
) -> None:
    variable, kind = what.split()
    finding = found(load(environ), variable, Kind(kind))
    assert problem in finding.problem
    assert fix in finding.fix
