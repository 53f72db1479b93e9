import pytest

from backend.domain import Turn
from backend.text.follow_ups import is_follow_up, with_context
from backend.text.languages import is_foreign
from backend.text.lexicon import Lexicon

ENGLISH = Lexicon({"publisher": 3, "subscriber": 2, "node": 9}, 20)
URDU = Lexicon({"روبوٹ": 3, "مشین": 2}, 20)


@pytest.mark.parametrize(
    ("question", "book", "foreign"),
    [
        ("ڈومین رینڈمائزیشن کیا ہے؟", ENGLISH, True),
        ("publisher aur subscriber kaise banate hain", ENGLISH, True),
        ("How do I make a publisher?", ENGLISH, False),
        ("What is the capital of France?", ENGLISH, False),
        ("روبوٹ کیا ہے؟", URDU, False),
        ("What is a robot?", URDU, True),
        ("ڈومین", Lexicon({}, 0), False),
    ],
)
def test_is_foreign(question, book, foreign):
    assert is_foreign(question, book) is foreign


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("and in Python?", True),
        ("Why?", True),
        ("How do I stop it?", True),
        ("How do I publish a message on a topic?", False),
    ],
)
def test_is_follow_up(question, leans):
    assert is_follow_up(question) is leans


def test_with_context_takes_the_readers_last_question_along():
    history = (Turn("user", "How do I create a node?"), Turn("assistant", "So."))
    assert with_context("and in C++?", history) == "and in C++?\nHow do I create a node?"
    assert with_context("and in C++?", ()) == "and in C++?"
