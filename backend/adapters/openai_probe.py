"""Asks a model server whether a key and a model are good; for diagnostics, by the SDK."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from backend.adapters.openai_errors import Names
from backend.loading import loading

if TYPE_CHECKING:
    import openai


async def model_exists(
    *,
    base_url: str,
    api_key: str | None,
    model: str,
    timeout_s: float,
    names: Names | None = None,
) -> bool | None:
    """Whether the server knows the model and takes the key; None where it cannot tell.

    A server that has no route for one model (OpenRouter) is asked for its list.

    Raises:
        UpstreamError: The key is refused, the server cannot be reached, ...
    """
    await asyncio.to_thread(_load)
    import openai

    names = names or Names()
    client = openai.AsyncOpenAI(
        base_url=base_url, api_key=api_key or "none", max_retries=0, timeout=timeout_s
    )
    try:
        async with asyncio.timeout(timeout_s), client:
            try:
                await client.models.retrieve(model)
            except openai.NotFoundError:
                return await _listed(client, model)
            return True
    except openai.OpenAIError as error:
        raise names.from_sdk(error) from error
    except TimeoutError as error:
        raise names.timed_out() from error


def _load() -> None:
    """Import the SDK: half a second, in which answers go on."""
    with loading():
        import_module("openai")


async def _listed(client: openai.AsyncOpenAI, model: str) -> bool | None:
    import openai

    try:
        page = await client.models.list()
    except openai.NotFoundError:
        return None
    return any(known.id in (model, f"models/{model}") for known in page.data)
