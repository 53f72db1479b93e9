"""Somebody sets up a Space: what the real process says with nothing, wrong and right values."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.doubles.openai import OpenAIDouble
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.test_command_line import run

SPACE = {"SPACE_ID": "somebody/book", "SPACE_HOST": "somebody-book.hf.space"}
SECRET = "test-Secret-not-real-0123456789-abcdefghij"
WRONG = {
    "OPENAI_API_KEY": "your-key-here",
    "QDRANT_URL": "canary, no address",
    "NEON_API_KEY": "napi_canary",
    "ADMIN_TOKEN": "canary",
    "BETTER_AUTH_SECRET": "canary-short",
    "CORS_ALLOWED_ORIGINS": "*",
    "REDIS_URL": "canary://x",
}


def rows(report: str, section: str) -> set[str]:
    """The variables that stand in a section of the report."""
    body = report.partition(f"\n{section}\n")[2].partition("\n\n")[0]
    return set(re.findall(r"^  \[..\] ([A-Z][A-Z0-9_]+)\b", body, re.MULTILINE))


async def test_each_key_variable_goes_from_missing_over_wrong_to_set(tmp_path: Path) -> None:
    missing = (await asyncio.to_thread(run, tmp_path, "--check", **SPACE)).stdout
    wrong = await asyncio.to_thread(run, tmp_path, "--check", **SPACE, **WRONG)
    async with OpenAIDouble() as openai, QdrantDouble() as qdrant:
        right = {
            "OPENAI_API_KEY": "test-key-not-real",
            "OPENAI_BASE_URL": openai.base_url,
            "QDRANT_URL": qdrant.url,
            "NEON_API_KEY": "postgresql://reader:password-not-real@127.0.0.1:1/book",
            "ADMIN_TOKEN": SECRET,
            "BETTER_AUTH_SECRET": SECRET[::-1],
            "CORS_ALLOWED_ORIGINS": "https://book.example",
            "REDIS_URL": "redis://:password-not-real@127.0.0.1:1",
        }
        mended = await asyncio.to_thread(run, tmp_path, "--check", **SPACE, **right)

    key_variables = set(WRONG)
    assert key_variables <= rows(missing, "To be mended") | rows(missing, "Not set (optional)")
    assert {"ADMIN_TOKEN", "BETTER_AUTH_SECRET"} <= rows(missing, "To be mended")
    assert key_variables <= rows(wrong.stdout, "To be mended")
    assert wrong.returncode == 78
    assert set(right) <= rows(mended.stdout, "Set")
    assert not key_variables & rows(mended.stdout, "To be mended")
    for secret in ("canary", "your-key-here", "password-not-real", SECRET, "test-key"):
        for said in (wrong.stdout, wrong.stderr, mended.stdout, mended.stderr):
            assert secret not in said
