from backend.text.evidence import asked
from backend.text.reranking import LOOKED_AT, rerank
from tests.unit.builders import make_hit


def order(question, *hits):
    return [hit.chunk.text for hit in rerank(hits, asked(question), question)]


def test_rerank_lifts_the_passage_that_has_all_words_together():
    scattered = make_hit("rate rate rate of a sensor", score=1.0)
    whole = make_hit("The default publishing rate is 30 Hz.", score=0.8)
    assert order("default publishing rate", scattered, whole)[0] == whole.chunk.text


def test_rerank_puts_review_questions_behind_what_answers_them():
    asking = make_hit("1. What is a node?\n2. What is a topic?", heading_path=("Review Questions",))
    telling = make_hit("A node is a process.", score=0.9, heading_path=("Nodes",))
    assert order("What is a node?", asking, telling)[0] == telling.chunk.text
    assert order("Which review questions are there?", asking, telling)[0] == asking.chunk.text


def test_rerank_takes_references_of_a_language_for_no_list_of_sources():
    sources = make_hit("Mutable references in a nutshell.", heading_path=("References",))
    telling = make_hit("Mutable references are exclusive.", heading_path=("Mutable References",))
    assert order("mutable references", sources, telling)[0] == telling.chunk.text


def test_rerank_keeps_scores_in_bounds_and_order():
    hits = [make_hit(f"node {n}", score=1.0 - n / 40) for n in range(LOOKED_AT + 5)]
    scores = [hit.score for hit in rerank(hits, asked("node"), "node")]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
