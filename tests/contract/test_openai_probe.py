"""The model probe by the SDK, and the SDK's errors."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from backend.adapters.openai_errors import sdk_table
from backend.adapters.openai_probe import model_exists
from backend.errors import UpstreamRefused, UpstreamRejected
from tests.doubles.openai import OpenAIDouble

KEY = "test-key-not-real"


@pytest.fixture
async def double() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        double.api_key = KEY
        yield double


async def _exists(double: OpenAIDouble, model: str, key: str = KEY) -> bool | None:
    return await model_exists(base_url=double.base_url, api_key=key, model=model, timeout_s=20)


async def test_model_exists_or_not(double: OpenAIDouble) -> None:
    assert await _exists(double, "gpt-4o-mini") is True
    assert await _exists(double, "gpt-typo") is False


async def test_wrong_key_is_named(double: OpenAIDouble) -> None:
    with pytest.raises(UpstreamRejected, match="OPENAI_API_KEY"):
        await _exists(double, "gpt-4o-mini", "test-other-key-not-real")


async def test_dead_server_is_refused(double: OpenAIDouble) -> None:
    await double.stop()
    with pytest.raises(UpstreamRefused):
        await _exists(double, "gpt-4o-mini")


def test_every_error_class_of_the_sdk_is_mapped() -> None:
    import openai

    exported = [getattr(openai, name) for name in openai.__all__]
    public = {
        value
        for value in exported
        if isinstance(value, type) and issubclass(value, openai.OpenAIError)
    }
    assert len(public) > 15
    mapped = {kind for kind, _, _ in sdk_table()}
    by_status = {kind for kind in public if issubclass(kind, openai.APIStatusError)}
    assert public - mapped - by_status == set()
