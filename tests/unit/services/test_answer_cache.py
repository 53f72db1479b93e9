from dataclasses import replace

import pytest

from backend.domain import Answer, Mode, Question, Trace, Turn, Usage
from backend.services.answer_cache import AnswerCache
from tests.unit.builders import make_hit

ASKED = Question("What is a node?", page_url="/guide/nodes")
ANSWER = Answer(
    "A process [1].", Mode.GENERATED, (), "s", "m", usage=Usage(9, 3),
    trace=Trace(candidates=(make_hit(),), confidence=0.8, threshold=0.5),
)  # fmt: skip


def filled(question: Question = ASKED, answer: Answer = ANSWER, **how: object) -> AnswerCache:
    cache = AnswerCache(**how)  # type: ignore[arg-type]
    keep(cache, question, answer)
    return cache


def keep(cache: AnswerCache, question: Question, answer: Answer = ANSWER) -> None:
    slot = cache.slot(question)
    assert slot is not None
    cache.keep(slot, answer)


def found(cache: AnswerCache, question: Question = ASKED) -> Answer | None:
    slot = cache.slot(question)
    assert slot is not None
    return cache.find(slot)


def test_answer_is_found_under_ids_of_its_own_without_the_passages_of_its_trace():
    answer = found(filled())
    assert answer is not None
    assert (answer.text, answer.usage.total_tokens) == (ANSWER.text, 0)
    assert {answer.message_id, answer.session_id}.isdisjoint({"m", "s"})
    assert answer.trace == Trace(confidence=0.8, threshold=0.5)


@pytest.mark.parametrize(
    "change",
    [{"text": "What is a Node?"}, {"selected_text": "x"}, {"page_url": ""}, {"level": "pro"},
     {"language": "ur"}],
)  # fmt: skip
def test_question_that_differs_anywhere_is_another_one(change: dict[str, str]):
    assert found(filled(), replace(ASKED, **change)) is None


@pytest.mark.parametrize("change", [{"session_id": "s"}, {"history": (Turn("user", "Hello?"),)}])
def test_conversation_has_no_slot(change: dict[str, object]):
    assert AnswerCache().slot(replace(ASKED, **change)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"mode": Mode.REFUSED}, {"mode": Mode.EXTRACTIVE}, {"degraded": "Cut."}]
)
def test_answer_that_could_be_better_is_not_kept(change: dict[str, object]):
    assert found(filled(answer=replace(ANSWER, **change))) is None  # type: ignore[arg-type]


def test_answer_is_gone_after_its_time_or_when_others_take_its_place():
    now = [0.0]
    cache = filled(kept_s=60, entries=2, clock=lambda: now[0])
    now[0] = 60
    assert found(cache) is not None
    now[0] = 61
    assert found(cache) is None
    for text in ("a", "b", "c"):
        keep(cache, Question(text))
    assert [found(cache, Question(text)) is None for text in ("a", "b", "c")] == [
        True,
        False,
        False,
    ]


def test_answer_from_before_a_change_of_the_index_is_never_given():
    cache = filled()
    slot = cache.slot(ASKED)
    assert slot is not None
    cache.clear()
    cache.keep(slot, ANSWER)
    assert found(cache) is None
