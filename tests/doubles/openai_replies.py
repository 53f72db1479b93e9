"""What the OpenAI double says: pure functions of what it was asked."""

from __future__ import annotations

import math
import re
import zlib
from array import array
from typing import Any

JSON = dict[str, Any]

_PASSAGE = re.compile(r'<passage n="(\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_BRACKETED = re.compile(r"^\[(\d+)\]\s*(.+)", re.MULTILINE)
_SENTENCE = re.compile(r"[A-Za-z0-9`*][^\n]*?[.!?](?=\s|$)|\S[^\n]*")
_PER_WORD = 16


def embedding(text: str, length: int) -> array[float]:
    """The double's vector of a text: float32, of length 1 as to Euclid."""
    vector = [0.0] * length
    for word in re.findall(r"\w+", text.casefold()) or ["-"]:
        for salt in range(_PER_WORD):
            code = zlib.crc32(f"{salt}:{word}".encode())
            vector[code % length] += 1.0 if code & 0x8000_0000 else -1.0
    norm = math.sqrt(sum(x * x for x in vector)) or 1.0
    return array("f", (x / norm for x in vector))


def grounded_reply(messages: list[JSON]) -> str:
    """The first sentence of the first numbered passage, cited; else an echo of the last message."""
    prompt = messages[-1]["content"]
    found = _PASSAGE.search(prompt) or _BRACKETED.search(prompt)
    if found is None:
        return f"You said: {prompt}"
    sentence = _SENTENCE.search(found[2])
    return f"{sentence[0] if sentence else found[2]} [{found[1]}]"
