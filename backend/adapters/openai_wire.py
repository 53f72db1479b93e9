"""The parts of the OpenAI protocol's answers that are used, read from their JSON.

Wire format: platform.openai.com/docs/api-reference/chat and /embeddings.
"""

from __future__ import annotations

import binascii
import math
import sys
from array import array

import orjson

from backend.adapters.openai_errors import Names
from backend.domain import Usage, Vector


def said_in(payload: bytes, part: str, names: Names) -> tuple[str, str | None, Usage | None]:
    """Text, finish reason and usage of an event or answer; each may be missing.

    ``part`` is what a choice holds: ``delta`` in a stream, ``message`` else.
    """
    try:
        event = orjson.loads(payload)
        if error := event.get("error"):
            raise names.in_stream(error)
        usage = event.get("usage")
        counted = (
            Usage(int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0))
            if usage
            else None
        )
        choices = event.get("choices")
        if not choices:
            return "", None, counted
        choice = choices[0]
        said = choice.get(part) or {}
        return (
            _text(said.get("content") or said.get("refusal") or ""),
            choice.get("finish_reason"),
            counted,
        )
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise names.unreadable() from error


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("content is not text")


def vectors_in(answer: bytes, count: int, names: Names) -> list[Vector]:
    """The vectors in order of their index, as base64 of little-endian float32 or as numbers."""
    try:
        data = orjson.loads(answer)["data"]
        if len(data) != count:
            raise ValueError("another number of vectors than texts")
        by_index = {item.get("index", n): _vector(item["embedding"]) for n, item in enumerate(data)}
        return [by_index[n] for n in range(count)]
    except (ValueError, TypeError, AttributeError, KeyError, OverflowError) as error:
        raise names.unreadable() from error


def _vector(embedding: str | list[float]) -> array[float]:
    if isinstance(embedding, str):
        vector = array("f", binascii.a2b_base64(embedding))
        if sys.byteorder == "big":
            vector.byteswap()
    else:
        vector = array("f", embedding)
    if not vector or not math.isfinite(sum(vector)):
        raise ValueError("an embedding is empty or not finite")
    return vector
