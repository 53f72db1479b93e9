"""What a model's tokens cost, by the providers' price lists.

List prices as of 2025, standard service, no discounts for cached or batched input:
openai.com/api/pricing, cohere.com/pricing. OpenRouter passes on the price of the provider.
Models behind an alias that moves, and prices that depend on a plan, are left out on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping

from backend.domain import Usage
from backend.variables.prices import Price
from backend.variables.providers import by_url

_OPENAI = {
    "gpt-4o-mini": Price(0.15, 0.60),
    "gpt-4o": Price(2.50, 10.00),
    "gpt-4.1": Price(2.00, 8.00),
    "gpt-4.1-mini": Price(0.40, 1.60),
    "gpt-4.1-nano": Price(0.10, 0.40),
}
LIST = {
    "OpenAI": _OPENAI,
    "OpenRouter": {f"openai/{model}": price for model, price in _OPENAI.items()},
    "Cohere": {"command-a-03-2025": Price(2.50, 10.00)},
}
_MILLION = 1_000_000
_DIGITS = 9


def price_of(model: str, base_url: str, own: Mapping[str, Price]) -> Price | None:
    """The price of a model at this address; ``own`` prices go before the list.

    None where nobody knows: a name says nothing about what another server asks for it.
    """
    if model in own:
        return own[model]
    provider = by_url(base_url)
    return LIST.get(provider.name, {}).get(model) if provider else None


def priced(usage: Usage | None, price: Price | None) -> Usage | None:
    """The usage with its cost in US dollars."""
    if usage is None or price is None:
        return usage
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    cost = (prompt * price.prompt + completion * price.completion) / _MILLION
    return Usage(prompt, completion, round(cost, _DIGITS))
