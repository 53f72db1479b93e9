"""What tokens cost."""

from __future__ import annotations

import pytest

from backend.domain import Usage
from backend.text.pricing import price_of, priced
from backend.variables.findings import Wrong
from backend.variables.prices import Price, model_prices
from backend.variables.providers import OPENAI, PROVIDERS


def test_list_price_holds_at_the_provider_and_nowhere_else() -> None:
    assert price_of("gpt-4o-mini", OPENAI.base_url, {}) == Price(0.15, 0.60)
    openrouter = next(p for p in PROVIDERS if p.name == "OpenRouter")
    assert price_of(openrouter.chat_model, openrouter.base_url, {}) == Price(0.15, 0.60)
    assert price_of("gpt-4o-mini", "http://127.0.0.1:11434/v1", {}) is None
    assert price_of("unheard-of", OPENAI.base_url, {}) is None


def test_own_price_goes_before_the_list() -> None:
    own = {"gpt-4o-mini": Price(1.0, 2.0)}
    assert price_of("gpt-4o-mini", OPENAI.base_url, own) == Price(1.0, 2.0)
    assert price_of("gpt-4o-mini", "http://127.0.0.1:11434/v1", own) == Price(1.0, 2.0)


def test_usage_has_a_cost_where_the_price_is_known() -> None:
    assert priced(Usage(1_000, 200), Price(0.15, 0.60)) == Usage(1_000, 200, 0.00027)
    assert priced(Usage(1_000, 200), None) == Usage(1_000, 200)
    assert priced(None, Price(1.0, 1.0)) is None


@pytest.mark.parametrize(
    ("one", "other", "cost"),
    [
        (Usage(10, 1, 0.5), Usage(10, 1, 0.25), 0.75),
        (Usage(10, 1, 0.5), Usage(), 0.5),
        (Usage(10, 1, 0.5), Usage(10, 1), None),
        (Usage(), Usage(), 0.0),
    ],
)
def test_sum_is_known_only_where_all_that_was_used_has_a_price(
    one: Usage, other: Usage, cost: float | None
) -> None:
    assert (one + other).cost_usd == cost
    assert (other + one).cost_usd == cost


def test_variable_names_prices_by_model() -> None:
    found = model_prices("gpt-4o-mini=0.15/0.60, openai/gpt-oss:120b=1/2.5", [])
    assert found == {"gpt-4o-mini": Price(0.15, 0.6), "openai/gpt-oss:120b": Price(1.0, 2.5)}


@pytest.mark.parametrize("text", ["gpt-4o-mini", "gpt-4o-mini=0.15", "m=a/b", "m=-1/2"])
def test_variable_that_is_no_list_of_prices_says_what_to_write(text: str) -> None:
    with pytest.raises(Wrong):
        model_prices(text, [])
