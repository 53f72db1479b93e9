from __future__ import annotations

import pytest

from backend.text.comparisons import about, both_sides, compared
from tests.unit.builders import make_hit


@pytest.mark.parametrize(
    ("question", "sides"),
    [
        ("What is the difference between Rc and Arc?", ("Rc", "Arc")),
        ("What are the main differences between the topics, services, and actions?",
         ("topics", "services", "actions")),
        ("lifecycle nodes vs. composable nodes", ("lifecycle nodes", "composable nodes")),
        ("Compare message passing with shared state", ("message passing", "shared state")),
        ("How does Gazebo differ from Isaac Sim?", ("Gazebo", "Isaac Sim")),
        ("How do digital and physical AI differ?", ("digital", "physical AI")),
        ("Vec or HashMap: what is the difference?", ("Vec", "HashMap")),
        ("Is Rust compiled or interpreted?", ()),
        ("What is the difference?", ()),
        ("Compare the results", ()),
        ("What is a node and a topic?", ()),
        ("difference between the and a", ()),
        ("A long story of very many words here vs another one", ()),
        ("a vs b " * 60, ()),
        ("", ()),
    ],
)  # fmt: skip
def test_compared_names_the_sides_of_comparisons_only(
    question: str, sides: tuple[str, ...]
) -> None:
    assert compared(question) == sides


def hits(*texts: str):
    return [make_hit(text, 1 - n / 10, id=text) for n, text in enumerate(texts)]


def order(found):
    return [hit.chunk.id for hit in found]


SIDES = ("cats", "dogs")


def test_best_hit_of_a_side_that_is_missing_comes_second() -> None:
    found = both_sides(hits("cats 1", "cats 2", "cats 3", "cats 4", "cats 5", "x"), SIDES,
                       hits("cats 1", "dogs"))  # fmt: skip
    assert order(found) == ["cats 1", "dogs", "cats 2", "cats 3", "cats 4", "cats 5", "x"]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_hits_stay_where_both_sides_are_among_the_first() -> None:
    ranked = hits("cats", "x", "dogs", "y")
    assert both_sides(ranked, SIDES, hits("cats", "dogs")) == ranked
    assert both_sides([], SIDES, hits("cats")) == []


def test_what_has_both_sides_keeps_its_place_and_a_list_of_questions_does_not() -> None:
    quiz = "Why cats?\nWhy dogs?\nWhy?"
    ranked = hits("cats", quiz, "cats 2", "cats 3", "cats and dogs", "dogs in depth")
    found = both_sides(ranked, SIDES, hits("dogs in depth"))
    assert order(found) == ["cats", "dogs in depth", "cats 2", "cats 3", "cats and dogs", quiz]


def test_about_prefers_the_section_that_is_named_after_the_side() -> None:
    text, named = hits("dogs dogs", "They bark.")
    named = make_hit("They bark.", 0.9, heading_path=("Animals", "Dogs"))
    assert about("dogs", [text, named]) == [named]
    assert about("dogs", []) == []
