import pytest

from backend.domain import (
    Answer,
    DoneEvent,
    Mode,
    Principal,
    Question,
    ScoredChunk,
    SourcesEvent,
    TokenEvent,
)
from backend.errors import UpstreamQuota, UpstreamUnavailable
from backend.services.answer_cache import AnswerCache
from backend.services.answering import Answering
from backend.services.retrieval import Retrieval, RetrievalOptions
from tests.unit.builders import make_chunk
from tests.unit.services.fakes import FakeIndex, FakeModel

NODES = make_chunk("A node is a process that computes.")
TOPICS = make_chunk("A topic is a named bus.", anchor="topics", section=2)


def make(
    model: FakeModel | None,
    *chunks,
    fallback: FakeModel | None = None,
    cache: AnswerCache | None = None,
) -> Answering:
    found = [ScoredChunk(chunk, 9.0 - n) for n, chunk in enumerate(chunks or (NODES, TOPICS))]
    retrieval = Retrieval(FakeIndex(*found), None, RetrievalOptions(top_k=5, threshold=0.5))
    models = [candidate for candidate in (model, fallback) if candidate is not None]
    return Answering(retrieval, models, book_title="Robots", cache=cache)


async def collect(answering: Answering, text: str = "What is a node process?"):
    events = [event async for event in answering.answer(Question(text), Principal())]
    assert isinstance(events[0], SourcesEvent)
    assert isinstance(events[-1], DoneEvent)
    tokens = "".join(event.text for event in events if isinstance(event, TokenEvent))
    return events[0], tokens, events[-1].answer


def assert_cited(answer: Answer) -> None:
    for citation in answer.citations:
        assert f"[{citation.n}]" in answer.text
        assert citation.quote in NODES.text + TOPICS.text


async def test_answer_without_a_model_quotes_the_book():
    sources, tokens, answer = await collect(make(None))
    assert answer.mode is Mode.EXTRACTIVE
    assert tokens == answer.text
    assert sources.citations == answer.citations
    assert answer.citations[0].url == "/read/guide/nodes#what-is-a-node"
    assert_cited(answer)


async def test_answer_with_a_model_keeps_only_citations_that_are_used_and_exist():
    model = FakeModel("A node ", "computes [1]", ". More [9].")
    _, tokens, answer = await collect(make(model))
    assert tokens == "A node computes [1]. More [9]."
    assert answer.text == "A node computes [1]. More."
    assert [citation.n for citation in answer.citations] == [1]
    assert (answer.mode, answer.degraded) == (Mode.GENERATED, None)
    assert answer.usage.total_tokens == 13
    assert_cited(answer)


async def test_answer_without_any_citation_is_marked():
    _, _, answer = await collect(make(FakeModel("Trust me.")))
    assert "no source" in (answer.degraded or "")


async def test_answer_of_a_model_that_is_down_is_quoted_and_says_why():
    down = FakeModel(UpstreamQuota("openai", "The account has no quota left."))
    _, _, answer = await collect(make(down))
    assert answer.mode is Mode.EXTRACTIVE
    assert "no quota left" in (answer.degraded or "")
    assert_cited(answer)


async def test_answer_of_the_fallback_model_says_why_it_was_asked():
    down = FakeModel(UpstreamUnavailable("openai", "The model server is away."))
    _, tokens, answer = await collect(make(down, fallback=FakeModel("A node computes [1].")))
    assert tokens == "A node computes [1]."
    assert (answer.mode, answer.degraded) == (Mode.GENERATED, "The model server is away.")


async def test_answer_that_breaks_after_its_first_token_is_never_started_again():
    model = FakeModel("A node ", UpstreamUnavailable("openai", "The connection broke."))
    seen = []
    answering = make(model)

    async def listen():
        async for event in answering.answer(Question("What is a node process?"), Principal()):
            seen.append(event)

    with pytest.raises(UpstreamUnavailable):
        await listen()
    assert [type(event) for event in seen] == [SourcesEvent, TokenEvent]
    assert len(model.asked) == 1


async def test_answer_is_a_refusal_where_the_model_finds_nothing_in_the_passages():
    _, tokens, answer = await collect(make(FakeModel("NOT_IN", "_BOOK")))
    assert answer.mode is Mode.REFUSED
    assert "NOT_IN" not in tokens
    assert answer.text.startswith("I could not find")
    assert_cited(answer)


async def test_answer_refuses_what_the_book_does_not_treat_without_asking_the_model():
    model = FakeModel("Paris [1].")
    _, _, answer = await collect(make(model), "capital of France")
    assert answer.mode is Mode.REFUSED
    assert [citation.n for citation in answer.citations] == [1, 2]
    assert model.asked == []


async def test_answer_with_an_empty_reply_is_quoted_instead():
    _, _, answer = await collect(make(FakeModel("  ")))
    assert answer.mode is Mode.EXTRACTIVE
    assert "empty" in (answer.degraded or "")


async def test_answer_cut_by_the_model_says_so():
    _, _, answer = await collect(make(FakeModel("A node computes [1]", finish="length")))
    assert "length limit" in (answer.degraded or "")


async def test_answer_that_the_caller_leaves_closes_the_model():
    model = FakeModel("A ", "node ", "computes [1].")
    events = make(model).answer(Question("What is a node process?"), Principal())
    async for event in events:
        if isinstance(event, TokenEvent):
            break
    await events.aclose()
    assert model.closed


async def whole(answering: Answering, **how: bool) -> Answer:
    asked = Question("What is a node process?")
    events = [event async for event in answering.answer(asked, Principal(), whole=True, **how)]
    assert [type(event) for event in events] == [DoneEvent]
    return events[0].answer


async def test_whole_answer_says_the_same_in_one_piece():
    answer = await whole(make(FakeModel("A node ", "computes [1]", ". More [9].")))
    assert (answer.text, answer.mode) == ("A node computes [1]. More.", Mode.GENERATED)
    assert (answer.degraded, answer.usage.total_tokens) == (None, 13)
    assert_cited(answer)
    cut = await whole(make(FakeModel("A node computes [1].", finish="length")))
    assert "length limit" in (cut.degraded or "")
    assert (await whole(make(FakeModel("NOT_IN_BOOK")))).mode is Mode.REFUSED


@pytest.mark.parametrize(
    "script", [("A node ", UpstreamUnavailable("openai", "It broke.")), ("  ",)]
)
async def test_whole_answer_that_fails_anywhere_goes_a_step_down(script):
    answer = await whole(make(FakeModel(*script), fallback=FakeModel("A node computes [1].")))
    assert (answer.text, answer.mode) == ("A node computes [1].", Mode.GENERATED)
    assert answer.degraded
    answer = await whole(make(FakeModel(*script)))
    assert answer.mode is Mode.EXTRACTIVE
    assert "Quoted from the book" in (answer.degraded or "")
    assert_cited(answer)


async def test_answer_that_was_given_a_moment_ago_is_given_again():
    model, cache = FakeModel("A node computes [1]."), AnswerCache()
    answering = make(model, cache=cache)
    _, _, first = await collect(answering)
    again = await whole(answering)
    sources, tokens, streamed = await collect(answering)
    assert len(model.asked) == 1
    assert tokens == streamed.text == again.text == first.text
    assert sources.citations == again.citations == first.citations
    assert len({first.message_id, again.message_id, streamed.message_id}) == 3
    assert (again.usage.total_tokens, set(again.timings_ms)) == (0, {"cache", "total"})
    await whole(answering, anew=True)
    cache.clear()
    await whole(answering)
    assert len(model.asked) == 3
