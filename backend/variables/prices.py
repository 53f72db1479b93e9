"""The variable that names what models cost."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backend.variables.findings import Note, Wrong

_ENTRY = re.compile(r"(\S+)=(\d{1,6}(?:\.\d{1,6})?)/(\d{1,6}(?:\.\d{1,6})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens of the prompt, and of the completion."""

    prompt: float
    completion: float


def model_prices(text: str, notes: list[Note]) -> dict[str, Price]:
    """``gpt-4o-mini=0.15/0.60, other=1/2``: prices by the model's name."""
    prices = {}
    for entry in filter(None, re.split(r"[,;\s]+", text)):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise Wrong(
                "It is not a list of prices.",
                "Write model=prompt/completion in dollars for a million tokens, such as "
                "gpt-4o-mini=0.15/0.60, and commas between models.",
            )
        prices[match[1]] = Price(float(match[2]), float(match[3]))
    return prices
