from __future__ import annotations

import pytest

from backend.api.schemas import MAX_QUERY, ChatRequest
from backend.domain import Question, SourcesEvent
from backend.errors import CircuitOpen, Starting, UpstreamTimeout
from tests.api.fakes import ANSWER, CITATION, EVENTS, FakeContainer
from tests.api.serving import Site, serving

CITATION_JSON = {
    "n": 1,
    "title": "Nodes",
    "heading_path": ["Nodes", "What is a node?"],
    "url": "/read/guide/nodes#what-is-a-node",
    "source": "guide/nodes.md",
    "quote": "A node is a process.",
    "score": 0.9,
}
ANSWER_JSON = {
    "response": ANSWER.text,
    "answer": ANSWER.text,
    "session_id": "session-1",
    "message_id": "message-1",
    "mode": "generated",
    "sources": [CITATION_JSON],
    "citations": [CITATION_JSON],
    "degraded": None,
    "saved": False,
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "cost_usd": None,
    },  # fmt: skip
    "timings_ms": {"search": 4.0, "total": 9.5},
}


async def test_chat_answers_as_json(site: Site) -> None:
    reply = await site.ask("POST", "/chat", json={"query": " What is a node? "})
    assert (reply.status, reply.json) == (200, ANSWER_JSON)
    assert reply.headers["content-type"] == "application/json"
    question, principal = site.container.answering.asked[0]
    assert question == Question("What is a node?")
    assert (principal.user_id, principal.address) == (None, "127.0.0.1")
    assert site.container.answering.closed.is_set()


async def test_chat_takes_what_the_existing_frontend_sends(site: Site) -> None:
    body = {"query": "Why?", "selected_text": "", "session_id": None}
    headers = {"authorization": "Bearer "}
    assert (await site.ask("POST", "/chat", json=body, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"message": "Why?"}, Question("Why?")),
        ({"question": "Why?", "unknown": [1, {"a": None}]}, Question("Why?")),
        ({"query": "Why?", "selection": "x"}, Question("Why?", selected_text="x")),
        ({"query": "Why?", "highlighted_context": "x"}, Question("Why?", selected_text="x")),
        ({"query": "Why?", "session_id": "", "selected_text": None}, Question("Why?")),
        (
            {"query": "Why?", "page_url": "/docs/a", "language": "Urdu", "level": "pro"},
            Question("Why?", page_url="/docs/a", language="Urdu", level="pro"),
        ),
        ({"query": "q" * MAX_QUERY}, Question("q" * MAX_QUERY)),
        ({"query": "\U0001f916" * MAX_QUERY}, Question("\U0001f916" * MAX_QUERY)),
    ],
)
async def test_chat_takes_fields_under_all_their_names(
    site: Site, body: dict[str, object], expected: Question
) -> None:
    assert (await site.ask("POST", "/chat", json=body)).status == 200
    assert site.container.answering.asked[0][0] == expected


@pytest.mark.parametrize("name", ["session_id", "conversation_id"])
async def test_chat_gives_an_anonymous_caller_no_conversation(site: Site, name: str) -> None:
    assert ChatRequest.model_validate({"query": "Why?", name: "s"}).session_id == "s"
    assert (await site.ask("POST", "/chat", json={"query": "Why?", name: "s"})).status == 200
    assert site.container.answering.asked[0][0].session_id is None


@pytest.mark.parametrize(
    ("path", "accept"), [("/chat", "text/event-stream"), ("/chat/stream", "*/*")]
)
async def test_stream_sends_sources_tokens_and_done(site: Site, path: str, accept: str) -> None:
    reply = await site.ask("POST", path, json={"query": "Why?"}, headers={"accept": accept})
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-accel-buffering"] == "no"
    assert reply.events == [
        ("sources", [CITATION_JSON]),
        ("token", {"text": "A node is "}),
        ("token", {"text": "a process [1]."}),
        ("done", ANSWER_JSON),
    ]


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (UpstreamTimeout("openai", "The model did not answer."), 503, "upstream_timeout", "10"),
        (CircuitOpen("qdrant", "Not asked.", retry_after_s=12.2), 503, "circuit_open", "13"),
    ],
)
async def test_chat_turns_errors_into_statuses(
    site: Site, error: Exception, status: int, code: str, retry_after: str
) -> None:
    site.container.answering.events = [error]
    reply = await site.ask("POST", "/chat", json={"query": "Why?"})
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.headers["retry-after"] == retry_after


async def test_stream_turns_errors_into_one_last_event(site: Site) -> None:
    error = UpstreamTimeout("openai", "The model fell silent.")
    site.container.answering.events = [*EVENTS[:2], error]
    reply = await site.ask("POST", "/chat/stream", json={"query": "Why?"})
    assert reply.status == 200
    assert reply.events[-1] == (
        "error",
        {"code": "upstream_timeout", "detail": "The model fell silent.", "retryable": True},
    )
    assert [name for name, _ in reply.events] == ["sources", "token", "error"]


@pytest.mark.parametrize("events", [[RuntimeError("dsn=secret")], [SourcesEvent((CITATION,))]])
async def test_stream_ends_with_an_error_event_whatever_happens(
    site: Site, events: list[object]
) -> None:
    site.container.answering.events = events
    reply = await site.ask("POST", "/chat/stream", json={"query": "Why?"})
    name, data = reply.events[-1]
    assert (name, data["code"]) == ("error", "internal_error")
    assert b"dsn" not in reply.body


async def test_chat_is_refused_before_the_first_byte_while_starting() -> None:
    container = FakeContainer()
    container.not_ready = Starting("The service is starting; ask again in a moment.")
    async with serving(container) as site:
        for path in ("/chat", "/chat/stream", "/api/search"):
            reply = await site.ask("POST", path, json={"query": "Why?"})
            assert (reply.status, reply.json["code"]) == (503, "starting")
            assert reply.headers["retry-after"] == "2"


async def test_search_lists_hits(site: Site) -> None:
    body = {"query": "node", "selected_text": "ROS", "limit": 7}
    reply = await site.ask("POST", "/api/search", json=body)
    assert reply.status == 200
    hit = reply.json["results"][0]
    assert hit["url"] == "/read/guide/nodes#what-is-a-node"
    assert hit["heading_path"] == ["Nodes", "What is a node?"]
    assert (hit["score"], hit["dense_score"], hit["sparse_score"]) == (0.5, None, 3.5)
    assert (reply.json["confidence"], reply.json["degraded"]) == (0.75, None)
    await site.ask("POST", "/api/search", json={"query": "node", "limit": 5.0})
    first, second = site.container.retrieval.asked
    assert first == (Question("node", selected_text="ROS"), 7)
    assert second == (Question("node"), 5)
