"""The drawings of the insights tab."""

from __future__ import annotations

import re

import pytest

from ui.markup import duration, money
from ui.plots import HEIGHT, WIDTH, Series, bars, lines

DAYS = [f"03-{day:02}" for day in range(1, 31)]


def axis(html: str) -> list[str]:
    return re.findall(r'text-anchor="end">([^<]+)<', html)


def test_bars_count_in_whole_numbers() -> None:
    assert axis(bars("Questions", ["03-01"], [Series("a", [1])])) == ["0", "1", "2", "3", "4"]
    assert axis(bars("Q", ["03-01"], [Series("a", [9_000_000])]))[-1] == "10M"


def test_cost_has_small_steps() -> None:
    numbers = axis(bars("Cost", ["03-01"], [Series("cost", [0.0021])], show=money))
    assert numbers == ["$0.00", "$0.0010", "$0.0020", "$0.0030", "$0.0040"]


def test_lines_stop_where_nothing_was_measured() -> None:
    series = Series("p50", [10.0, 20.0, None, None, 40.0])
    html = lines("Time", DAYS[:5], [series], show=duration)

    assert html.count("<polyline") == 1
    assert html.count("<circle") == 1
    assert "p50 at most 40 ms" in html


def test_nothing_leaves_the_drawing() -> None:
    many = [Series("a", [value * 7.0 for value in range(30)]), Series("b", [3.0] * 30)]
    for html in (bars("B", DAYS, many), lines("L", DAYS, many, show=duration)):
        points = re.findall(r"([\d.]+),([\d.]+)", " ".join(re.findall('points="([^"]+)"', html)))
        xs = [float(x) for x in re.findall(r' x="([\d.]+)"', html)] + [float(x) for x, _ in points]
        ys = [float(y) for y in re.findall(r' y="([\d.]+)"', html)] + [float(y) for _, y in points]
        assert 0 <= min(xs) <= max(xs) <= WIDTH
        assert 0 <= min(ys) <= max(ys) <= HEIGHT


def test_the_last_day_is_named_and_a_phone_shows_every_other() -> None:
    html = bars("Q", DAYS, [Series("a", [1] * 30)])
    labels = re.findall(r'<text class="([^"]*)"[^>]*>(\d\d-\d\d)<', html)

    assert labels[-1] == ("", "03-30")
    assert len(labels) == 6
    assert [kind for kind, _ in labels].count("ba-wide") == 3


@pytest.mark.parametrize(
    ("usd", "text"),
    [(0, "$0.00"), (1234.5, "$1,234.50"), (0.25, "$0.25"), (0.0031, "$0.0031"),
     (0.000002, "under $0.0001")],
)  # fmt: skip
def test_money_has_as_many_digits_as_tell_something(usd: float, text: str) -> None:
    assert money(usd) == text
