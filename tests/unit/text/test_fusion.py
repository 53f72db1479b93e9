import pytest

from backend.domain import ScoredChunk, SearchResult
from backend.text.fusion import DEPTH, fuse, fuse_queries
from tests.unit.builders import make_chunk


def ranked(**scores: float) -> tuple[ScoredChunk, ...]:
    """Hits with these scores, best first; the name is the chunk's id."""
    return tuple(ScoredChunk(make_chunk(name, id=name), score) for name, score in scores.items())


def test_fuse_is_the_weighted_mean_of_both_scales() -> None:
    result = SearchResult(dense=ranked(a=0.9, b=0.3), sparse=ranked(b=12.0, c=3.0))
    hits = {hit.chunk.id: hit for hit in fuse(result, weight_sparse=0.4)}
    floor_dense, floor_sparse = 0.3 * 2 / 20, 3.0 * 2 / 20
    assert hits["a"].score == pytest.approx(0.6)
    assert hits["b"].score == pytest.approx(0.4 + 0.6 * (0.3 - floor_dense) / (0.9 - floor_dense))
    assert hits["c"].score == pytest.approx(0.4 * (3 - floor_sparse) / (12 - floor_sparse))
    assert (hits["a"].dense_score, hits["a"].sparse_score) == (0.9, None)
    assert (hits["b"].dense_score, hits["b"].sparse_score) == (0.3, 12.0)


def test_fuse_takes_the_lowest_of_a_full_list_as_zero() -> None:
    full = ranked(**{f"c{n}": 1.0 - n / 100 for n in range(30)})
    scores = [hit.score for hit in fuse(SearchResult(dense=full))]
    assert (scores[0], scores[-1]) == (1.0, 0.0)


def test_fuse_of_long_lists_begins_like_that_of_short_ones() -> None:
    names = [f"c{n}" for n in range(100)]
    dense = ranked(**{name: 0.8 - n / 300 for n, name in enumerate(names)})
    sparse = ranked(**{name: 20.0 - n / 9 for n, name in enumerate(names[5:] + names[:5])})
    long = fuse(SearchResult(dense=dense, sparse=sparse))
    short = fuse(SearchResult(dense=dense[:DEPTH], sparse=sparse[:DEPTH]))
    assert [hit.chunk.id for hit in long[:20]] == [hit.chunk.id for hit in short[:20]]
    assert all(0 <= hit.score <= 1 for hit in long)
    alone = fuse(SearchResult(sparse=sparse))
    assert [hit.chunk.id for hit in alone] == [hit.id for hit in sparse]
    assert len({hit.score for hit in alone}) == 100


def test_fuse_of_one_list_keeps_its_order_and_its_scale() -> None:
    for result in (
        SearchResult(dense=ranked(a=3, b=2, c=1)),
        SearchResult(sparse=ranked(a=3, b=2, c=1)),
    ):
        hits = fuse(result)
        assert [hit.chunk.id for hit in hits] == ["a", "b", "c"]
        assert hits[0].score == 1
        assert 0 < hits[2].score < hits[1].score < 1


def test_fuse_stays_in_range_with_negative_equal_and_no_scores() -> None:
    assert fuse(SearchResult()) == []
    negative = fuse(SearchResult(dense=ranked(a=-0.1, b=-0.4)))
    assert [hit.score for hit in negative] == [1, 0]
    equal = fuse(SearchResult(dense=ranked(a=0.5, b=0.5), sparse=ranked(b=0.0, a=0.0)))
    assert all(0 <= hit.score <= 1 for hit in equal)


def test_fuse_breaks_ties_by_the_engines_order() -> None:
    tied = ranked(b=1.0, a=1.0, c=1.0)
    assert [hit.chunk.id for hit in fuse(SearchResult(sparse=tied))] == ["b", "a", "c"]


def test_fuse_queries_never_lets_the_second_replace_the_first() -> None:
    question = SearchResult(sparse=ranked(a=10, b=9))
    selected = SearchResult(sparse=ranked(b=30, c=29))
    hits = fuse_queries([question, selected], [1.0, 0.5])
    assert [hit.chunk.id for hit in hits] == ["b", "a", "c"]
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert hits[0].sparse_score == 9


def test_fuse_queries_ignores_a_query_without_results() -> None:
    question = SearchResult(sparse=ranked(a=10, b=9))
    assert fuse_queries([question, SearchResult()], [1.0, 0.5]) == fuse(question)
    assert fuse_queries([SearchResult(), question], [1.0, 0.5]) == fuse(question)
    assert fuse_queries([], []) == []


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0]])
def test_fuse_queries_refuses_weights_that_do_not_fit(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="one weight"):
        fuse_queries([SearchResult(), SearchResult()], weights)
