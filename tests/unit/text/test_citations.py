import pytest

from backend.text.citations import best_quote, cite, clean_marks, make_citation
from backend.text.sparse import query_terms
from tests.unit.builders import make_hit


def test_clean_marks_drops_numbers_without_a_passage():
    text, used = clean_marks("Nodes talk [1]. Topics too [7]. Both [2, 9].", known=2)
    assert text == "Nodes talk [1]. Topics too. Both [2]."
    assert used == [1, 2]


def test_clean_marks_leaves_code_alone():
    code = "Use `a[9]`:\n\n```python\nx = data[12]\n```\nDone [1]."
    assert clean_marks(code, known=1) == (code, [1])


def test_best_quote_is_the_sentence_that_carries_the_statement():
    passage = "Robots are fun. The default rate is 30 Hz. Batteries last two hours."
    assert best_quote(passage, "the rate defaults to 30 Hz", query_terms) == (
        "The default rate is 30 Hz."
    )


def test_cite_takes_each_quote_from_its_own_passage():
    hits = [make_hit("The arm has six joints."), make_hit("The leg has five joints.")]
    found = cite(hits, [2, 1], "Six [1]. Five [2].", link=lambda hit: "x", terms=query_terms)
    assert [(item.n, item.quote) for item in found] == [
        (1, "The arm has six joints."),
        (2, "The leg has five joints."),
    ]


def test_make_citation_refuses_a_quote_that_is_not_in_the_source():
    with pytest.raises(ValueError, match="quote"):
        make_citation(1, make_hit("The arm has six joints."), "The arm has seven joints.", "x")
