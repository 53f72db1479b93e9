"""Conversations that a reload does not lose."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from ui.conversation import Conversation
from ui.kept import KEPT_S, MAX_KEPT, Kept


def key(number: int) -> str:
    return str(UUID(int=number))


def about(question: str, number: int = 1) -> Conversation:
    return Conversation(key=key(number)).asked(question).updated(text="So.", answered=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_of_gives_what_was_kept_last_under_the_key() -> None:
    kept = Kept()
    kept.keep(about("First?"))
    kept.keep(about("Second?"))
    kept.keep(about("Elsewhere?", 2))

    assert kept.of(key(1)) == about("Second?")
    assert kept.of(key(3)) == Conversation(key=key(3))


def test_keep_forgets_a_conversation_that_was_begun_anew() -> None:
    kept = Kept()
    kept.keep(about("First?"))
    kept.keep(Conversation(key=key(1)))

    assert kept.of(key(1)).exchanges == ()


@pytest.mark.parametrize(
    "odd", ["", "a", "../../etc", "x" * 10_000, key(1).upper().replace("0", "G")]
)
def test_keep_takes_no_key_that_no_page_makes(odd: str) -> None:
    kept = Kept()
    kept.keep(replace(about("First?"), key=odd))

    assert kept.of(odd).exchanges == ()


def test_kept_conversations_are_few_and_not_for_ever() -> None:
    clock = Clock()
    kept = Kept(clock)
    for number in range(MAX_KEPT + 1):
        kept.keep(about("First?", number))
    assert kept.of(key(0)).exchanges == ()
    assert kept.of(key(1)).exchanges
    clock.now = KEPT_S
    assert kept.of(key(1)).exchanges == ()
