from __future__ import annotations

from dataclasses import replace

import pytest

from backend.api.views import answer_view, search_view
from backend.domain import Answer, Citation, Hit, Mode, Retrieved, Trace, Usage
from tests.ui.fakes import chunk_of
from tests.unit.ui.test_answers import EVIL, Tags
from ui.answers import foot_of, rated
from ui.passages import passage_html
from ui.plots import Series, bars
from ui.why import excerpt, steps_of, why_of

HITS = tuple(Hit(chunk_of(name), score, 0.8125, 7.5) for name, score in (("A", 0.9), ("B", 0.3)))
TRACE = Trace(HITS[:1], HITS[1:], 0.5, 0.8, ({"role": "system", "content": f"Rules {EVIL}"},))
TIMINGS = {"embed": 40.0, "search": 10.0, "first_token": 200.0, "generate": 700.0, "total": 800.0}
ANSWER = Answer(
    "text", Mode.GENERATED, (), "s", "m", usage=Usage(900, 104), timings_ms=TIMINGS, trace=TRACE
)


def test_why_of_shows_the_numbers_that_the_api_returns() -> None:
    html = why_of(ANSWER)
    told = answer_view(ANSWER)
    hit = search_view(Retrieved(HITS[:1], ()), lambda chunk: "")["results"][0]

    assert f"<b>{told['usage']['total_tokens']:,}</b> tokens" in html
    assert f"{told['usage']['prompt_tokens']:,} in the prompt" in html
    for key in ("score", "dense_score", "sparse_score"):
        assert f"<td>{hit[key]:.3f}</td>" in html
    assert "1 did not" in html
    assert 'class="ba-out"' in html


def test_steps_of_add_up_to_the_total() -> None:
    steps = dict(steps_of(TIMINGS))
    assert steps == {"embed": 40, "search": 10, "first_token": 200, "generate": 500, "rest": 50}
    assert sum(steps.values()) == TIMINGS["total"]


def test_why_of_escapes_the_prompt_and_is_one_block() -> None:
    html = why_of(ANSWER)
    tags = Tags(html)
    assert tags.open == []
    assert not tags.seen & {"script", "img"}
    assert "\n" not in html


def test_foot_of_explains_to_maintainers_only() -> None:
    assert "Why this answer" in foot_of(ANSWER, explained=True)
    assert "Why this answer" not in foot_of(ANSWER)


def test_rated_marks_the_thumb() -> None:
    assert rated(foot_of(ANSWER), 3, "up").count("ba-on") == 1
    assert 'value="rate 3 down"' in rated(foot_of(ANSWER), 3, "")


def test_passage_html_marks_the_quote_where_it_stands() -> None:
    quote = "Any number <b> may listen."
    citation = Citation(1, "A", ("A",), "", "A.md", quote, 0.9)

    assert passage_html(citation, TRACE) == (
        "A publisher sends messages.&#10;&#10;<mark>Any number &lt;b&gt; may listen.</mark>"
    )
    assert passage_html(citation, None).startswith("<mark>Any")


def test_bars_say_their_sums_and_have_whole_lines() -> None:
    html = bars(
        "Questions", ["03-01", "03-02"], [Series("answered", [7, 0]), Series("not", [2, 0])]
    )
    assert "answered 7; not 2" in html
    assert [f">{value}</text>" in html for value in (0, 3, 6, 9, 12)] == [True] * 5
    assert html.count("<rect") == 2


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("## Nodes\n\nA node.", "A node."),
        ("Call `init()`, see [Nodes](a.md) and **stop**.", "Call init(), see Nodes and stop."),
        ("Send:\n\n```python\nx = `y`\n```\n", "Send: x = y"),
        ("odd ` [stays", "odd ` [stays"),
        ("x" * 200, "x" * 150 + "…"),
        ("word " * 40, ("word " * 30).rstrip() + "…"),
    ],
)
def test_an_excerpt_is_read_without_its_marks_and_cut_between_words(
    markdown: str, words: str
) -> None:
    assert excerpt(Hit(replace(chunk_of("A"), text=markdown), 0.9)) == words
