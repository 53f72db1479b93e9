import pytest

from backend.domain import Question, ScoredChunk, SearchResult, Vocabulary
from backend.errors import UpstreamTimeout
from backend.services.retrieval import Retrieval, RetrievalOptions
from backend.services.rewording import FOREIGN, Rewording
from backend.text.sparse import encode_query
from tests.unit.builders import make_chunk
from tests.unit.services.fakes import FakeEmbedder, FakeIndex, FakeModel

URDU = Question("نوڈ کیا ہے؟")

NODES = make_chunk("A node is a process.")
TOPICS = make_chunk("A topic is a bus.", page="guide/topics", source="guide/topics.md")


def make(*chunks, embedder=None, threshold=0.3, site_url=None):
    index = FakeIndex(*[ScoredChunk(chunk, 9.0 - n) for n, chunk in enumerate(chunks)])
    options = RetrievalOptions(top_k=2, threshold=threshold, site_url=site_url)
    return Retrieval(index, embedder, options), index


async def test_search_asks_question_and_selection_in_one_round_trip():
    retrieval, index = make(NODES, embedder=FakeEmbedder())
    await retrieval.search(Question("What is it?", selected_text="A node"))
    assert [len(queries) for queries in index.queries] == [2]
    assert all(query.dense is not None for query in index.queries[0])


async def test_search_without_embeddings_goes_on_by_words_and_says_so():
    away = FakeEmbedder(UpstreamTimeout("openai", "No answer in time."))
    retrieval, index = make(NODES, embedder=away)
    found = await retrieval.search(Question("node process"))
    assert found.hits[0].chunk is NODES
    assert found.degraded == "Searched by words only: No answer in time."
    assert index.queries[0][0].dense is None


async def test_search_below_the_threshold_finds_nothing_but_names_the_closest():
    retrieval, _ = make(NODES, TOPICS)
    found = await retrieval.search(Question("capital of France"))
    assert found.hits == ()
    assert [hit.chunk for hit in found.closest] == [NODES, TOPICS]


async def test_search_prefers_the_page_that_the_reader_is_on():
    retrieval, _ = make(
        make_chunk("A node and a topic.", id="1"),
        make_chunk("A node or a topic.", id="2", page="guide/topics", source="t.md"),
        make_chunk("Something else.", id="3", source="e.md", page="e"),
    )
    question = Question("node topic", page_url="https://book.test/docs/guide/topics/?q=1#x")
    assert (await retrieval.search(question)).hits[0].chunk.page in {"guide/nodes", "guide/topics"}


async def test_search_leaves_out_a_hit_that_a_better_window_already_shows():
    big = make_chunk("A node.", id="1", window="A node. It is a process.")
    small = make_chunk("It is a process.", id="2")
    retrieval, _ = make(big, small)
    assert [hit.chunk.id for hit in (await retrieval.search(Question("node"))).hits] == ["1"]


@pytest.mark.parametrize(
    ("site_url", "anchor", "expected"),
    [
        ("https://book.test/docs/", "start", "https://book.test/docs/guide/nodes#start"),
        ("https://book.test", "", "https://book.test/guide/nodes"),
        (None, "start", "/read/guide/nodes#start"),
    ],
)
def test_link_leads_to_the_heading(site_url, anchor, expected):
    retrieval, _ = make(site_url=site_url)
    assert retrieval.link(make_chunk(anchor=anchor)) == expected


async def test_search_lifts_the_passage_that_the_marked_text_stands_in():
    other = make_chunk("What is a bus? A bus is a bus.", source="guide/other.md")
    retrieval, _ = make(other, TOPICS)
    found = await retrieval.search(Question("bus", selected_text="A topic is\n a bus."))
    assert found.hits[0].chunk == TOPICS


async def test_search_repairs_what_the_book_spells_otherwise():
    retrieval, index = make(NODES)
    index.words = Vocabulary({"process": 4, "node": 5}, 9)
    found = await retrieval.search(Question("what proccess is a node"))
    assert index.queries[0][0].sparse == encode_query("process node")
    assert found.hits


class TwoQueries(FakeIndex):
    """Finds all of its chunks for the question, and only the last one for the selected text."""

    async def search(self, queries, limit):
        assert len(queries) == 2
        return [SearchResult(sparse=self.found), SearchResult(sparse=self.found[-1:])]


@pytest.mark.parametrize(
    ("question", "first"),
    [("What does this do?", "marked"), ("What does a node process do?", "own")],
)
async def test_search_goes_by_the_selection_where_the_question_says_little(question, first):
    own, marked = make_chunk("Stories.", source="own.md"), make_chunk("Doors.", source="marked.md")
    index = TwoQueries(ScoredChunk(own, 9.0), ScoredChunk(marked, 4.0))
    search = Retrieval(index, None, RetrievalOptions(2, 0.0)).search
    found = await search(Question(question, selected_text="Doors of a house"))
    assert found.hits[0].chunk.source == f"{first}.md"


async def test_search_shows_no_hit_that_is_far_behind_the_best():
    best, far = ScoredChunk(NODES, 9.0), ScoredChunk(make_chunk("Buses.", source="b.md"), 0.5)
    index = FakeIndex(best, far)
    found = await Retrieval(index, None, RetrievalOptions(2, 0.0)).search(Question("node process"))
    assert [hit.chunk for hit in found.hits] == [NODES]
    assert [hit.chunk for hit in found.dropped] == [far.chunk]


async def test_search_translates_a_foreign_question_or_says_that_it_did_not():
    _, index = make(NODES)
    index.words = Vocabulary({"node": 9, "process": 4}, 20)
    model = FakeModel("What is a node?")
    options = RetrievalOptions(2, 0.0)
    found = await Retrieval(index, None, options, None, Rewording([model])).search(URDU)
    assert index.queries[-1][0].sparse == encode_query("What is a node?")
    assert (found.hits[0].chunk, found.degraded) == (NODES, None)
    assert found.spent is not None
    assert found.spent.total_tokens > 0
    assert (await Retrieval(index, None, options).search(URDU)).degraded == FOREIGN
