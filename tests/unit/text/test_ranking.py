import random

import pytest

from backend.domain import Question, ScoredChunk
from backend.text.evidence import asked
from backend.text.fusion import Candidate
from backend.text.ranking import MOST_READ, LateHits, one_per_section, rank, worth_reading
from tests.unit.builders import make_chunk, make_hit

WORDS = "arm leg node topic motor sensor".split()


def candidates(number: int, seed: int = 0) -> list[Candidate]:
    """Candidates, best first, with texts of a few words on a few pages."""
    source = random.Random(seed)
    found = []
    for n in range(number):
        text = f"{' '.join(source.choices(WORDS, k=5))} {n}."
        page = f"guide/p{source.randrange(4)}"
        chunk = make_chunk(text, id=str(n), page=page, source=f"{page}.md", section=n % 5)
        score = 1 - n / number + source.random() / 50
        found.append(Candidate(score, None, 9.0, ScoredChunk(chunk, 9.0)))
    return sorted(found, key=lambda candidate: -candidate.score)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "question",
    [
        Question("motor of the arm"),
        Question("motor of the arm", page_url="https://book.test/guide/p1"),
        Question("motor of the arm", selected_text="node topic"),
        Question("and of the"),
        Question("and of the", page_url="https://book.test/guide/p1"),
    ],
)
def test_rank_that_ends_early_begins_like_the_whole(question, seed):
    found, words = candidates(40, seed), asked(question.text)
    whole = rank(found, words, question)
    for enough in (3, 12, 20):
        begun = rank(found, words, question, enough=enough)
        assert begun == whole[: len(begun)]


def test_rank_reads_only_the_chunks_that_it_needs():
    read = []

    def make(candidate):
        read.append(candidate.found.id)
        return candidate.chunk

    late = [
        c._replace(found=ScoredChunk.late(c.found.id, 9.0, lambda c=c: make(c)))
        for c in candidates(30)
    ]
    question = Question("motor of the arm")
    assert len(rank(late, asked(question.text), question, enough=5)) == 12
    assert len(read) == 12


def test_rank_leaves_out_a_text_that_a_better_window_shows():
    big = make_chunk("A node.", id="1", window="A node. It is a process.")
    small = make_chunk("It is a process.", id="2")
    found = [Candidate(1.0, None, 2.0, ScoredChunk(chunk, 2.0)) for chunk in (big, small)]
    question = Question("node")
    assert [hit.chunk for hit in rank(found, asked("node"), question)] == [big]


def test_rank_puts_equal_passages_into_the_order_of_the_book():
    later, first = (make_chunk("A node.", id=str(n), position=n) for n in (7, 2))
    found = [Candidate(0.5, None, 2.0, ScoredChunk(chunk, 2.0)) for chunk in (later, first)]
    for candidates in (found, found[::-1]):
        assert [hit.chunk for hit in rank(candidates, asked("node"), Question("node"))] == [first]


def test_one_per_section_stops_at_the_number_asked_for():
    hits = [make_hit(text, section=n) for text, n in (("a", 1), ("b", 1), ("c", 2), ("d", 3))]
    assert [hit.chunk.text for hit in one_per_section(hits, 2)] == ["a", "c"]


def test_late_hits_are_made_once_and_only_when_looked_at():
    made = []

    def make():
        made.append(1)
        return [make_hit("a"), make_hit("b")]

    hits = LateHits(make)
    assert made == []
    assert [hit.chunk.text for hit in hits] == ["a", "b"]
    assert (len(hits), hits[1].chunk.text, len(hits[:1])) == (2, "b", 1)
    assert made == [1]


def test_worth_reading_leaves_out_what_is_far_behind_the_best():
    good, fair, poor = (make_hit(f"node {n}", score=n) for n in (0.8, 0.5, 0.2))
    assert worth_reading([good, fair, poor], 5) == [good, fair]
    assert worth_reading([poor], 5) == [poor]
    assert worth_reading([], 5) == []


def test_worth_reading_leaves_a_long_list_whole():
    hits = [make_hit(f"node {n}", score=1 / (1 + n)) for n in range(MOST_READ + 1)]
    assert worth_reading(hits, MOST_READ + 1) == hits
    assert worth_reading(hits[:3], MOST_READ + 1) == hits[:3]
    assert len(worth_reading(hits[:-1], MOST_READ)) < MOST_READ
