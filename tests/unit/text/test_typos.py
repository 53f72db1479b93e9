import pytest

from backend.text.tokens import stem
from backend.text.typos import Dictionary, distance, repair

BOOK = Dictionary(
    {
        "default": 9,
        "value": 9,
        "iterator": 5,
        "break": 3,
        "networks": 2,
        "node": 8,
        "criteria": 1,
        "heard": 2,
    },
    stem,
)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("defalt vaule", "default value"),
        ("netwroks", "networks"),
        ("intereator", "iterator"),
        ("nodes of the network", "nodes of the network"),  # other forms of known words
        ("what does this do", "what does this do"),
        ("sourdough bread", "sourdough bread"),
        ("a hard node", "a hard node"),  # an everyday word of its own
        ("Defalt", "Defalt"),  # a name may be anything
        ("my_defalt and x2vaule", "my_default and x2vaule"),
    ],
)
def test_repair_replaces_what_looks_like_a_slip(typed, meant):
    assert repair(typed, BOOK)[0] == meant


def test_repair_says_what_it_replaced():
    assert repair("a defalt node", BOOK) == ("a default node", {"defalt": "default"})


@pytest.mark.parametrize(
    ("left", "right", "edits"),
    [("same", "same", 0), ("vaule", "value", 1), ("ab", "abc", 1), ("kitten", "sitting", 3)],
)
def test_distance_counts_swaps_as_one_edit_and_stops_at_the_limit(left, right, edits):
    assert distance(left, right, 2) == edits
    assert distance("abcdef", "uvwxyz", 2) == 3
