import pytest

from backend.text.claims import unsupported

PASSAGES = {1: "The default rate of the joint publisher is 30 Hz.", 2: "Batteries last two hours."}


@pytest.mark.parametrize(
    ("answer", "flagged"),
    [
        ("The joint publisher runs at 30 Hz by default [1].", 0),
        ("The joint publisher runs at 50 Hz by default [1].", 1),
        ("The rate is 30 Hz [2]. Batteries last two hours [2].", 1),
        ("Quantum tunnelling makes superconductors levitate gently [1].", 1),
        ("1. The default rate is 30 Hz [1].", 0),
        ("ڈیفالٹ شرح 30 ہے [1]۔", 0),  # a translation keeps no word
        ("See the book [1].", 0),
        ("```\nx = 99\n```\nThe rate is 30 Hz [1].", 0),
    ],
)
def test_unsupported_names_what_the_passages_do_not_bear_out(answer, flagged):
    assert len(unsupported(answer, PASSAGES)) == flagged
