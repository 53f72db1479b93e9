"""An index that holds nothing is said; one that finds nothing is not taken for it."""

from __future__ import annotations

from backend.services.answering import Answering
from backend.services.retrieval import EMPTY, Retrieval, RetrievalOptions
from tests.unit.builders import make_chunk
from tests.unit.services.fakes import FakeIndex
from tests.unit.services.test_answering import collect


def over(index: FakeIndex) -> Answering:
    retrieval = Retrieval(index, None, RetrievalOptions(top_k=2, threshold=0.3))
    return Answering(retrieval, [], book_title="Robots")


async def test_an_empty_index_is_the_reason_of_the_refusal() -> None:
    _, _, answer = await collect(over(FakeIndex()))

    assert answer.mode == "refused"
    assert answer.degraded == EMPTY


async def test_finding_nothing_in_a_book_that_is_there_is_no_such_reason() -> None:
    index = FakeIndex()
    index.points = {"1": make_chunk("A node is a process.")}
    _, _, answer = await collect(over(index))

    assert (answer.mode, answer.degraded) == ("refused", None)
