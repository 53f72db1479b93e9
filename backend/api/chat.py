"""Questions and what is found for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api import examples
from backend.api.body import QuestionRoute
from backend.api.deps import Asker, container_of, drain_of, limits_of
from backend.api.docs import answer, errors, event_stream
from backend.api.errors import json_response
from backend.api.schemas import ChatRequest, SearchRequest
from backend.api.sse import EventStream, event, token_event
from backend.api.views import answer_view, search_view
from backend.domain import Answer, DoneEvent, Principal, Question, SourcesEvent, TokenEvent
from backend.errors import AppError

router = APIRouter(tags=["Chat"], route_class=QuestionRoute, default_response_class=Response)

_ERRORS = errors(400, 408, 413, 415, 422, 429, 500, 503)
_STREAM = event_stream("The answer as it is made.", examples.CHAT_STREAM)
_ANSWER = answer(
    "ChatAnswer",
    examples.CHAT_ANSWER,
    "The answer: JSON, or a stream of events with `Accept: text/event-stream`.",
)
_ANSWER["content"] |= _STREAM["content"]


@router.post(
    "/chat",
    summary="Ask the book",
    responses={
        **_ERRORS,
        200: _ANSWER,
    },
    openapi_extra=examples.body(examples.CHAT_REQUEST),
)
async def chat(body: ChatRequest, asker: Asker, request: Request) -> Response:
    """Answer a question from the book's own text, with citations.

    What the text cites as `[n]` is `sources[n-1]`. Where the book does not treat the question,
    `mode` is `refused` and `sources` are the closest sections. A `session_id` that is unknown is
    replaced by a fresh one. With `Accept: text/event-stream` the answer comes as
    `POST /chat/stream` sends it.
    """
    if "text/event-stream" in request.headers.get("accept", ""):
        return _stream(request, body.question(), asker)
    answer = await _answer(request, body.question(), asker)
    return json_response(answer_view(answer))


@router.post(
    "/chat/stream",
    summary="Ask the book, streamed",
    responses={
        **_ERRORS,
        200: _STREAM,
    },
    openapi_extra=examples.body(examples.CHAT_REQUEST),
)
async def chat_stream(body: ChatRequest, asker: Asker, request: Request) -> Response:
    """Answer a question as server-sent events.

    `sources` (a list of citations) comes first, then `token` (`{"text"}`) for each piece of the
    text, then exactly one of `done` (the object that `POST /chat` answers) or `error`
    (`{"code", "detail", "retryable"}`). Comment lines keep the connection alive meanwhile.
    """
    return _stream(request, body.question(), asker)


@router.post(
    "/api/search",
    summary="Search the book",
    responses={
        **_ERRORS,
        200: answer("SearchAnswer", examples.SEARCH_ANSWER, "Hits, best first."),
    },
    openapi_extra=examples.body(examples.SEARCH_REQUEST),
)
async def search(body: SearchRequest, asker: Asker, request: Request) -> Response:
    """Find the passages that an answer to the question would be grounded on."""
    retrieval = container_of(request).retrieval
    found = await retrieval.search(body.question(), limit=body.limit)
    return json_response(search_view(found, retrieval.link))


async def _answer(request: Request, question: Question, asker: Principal) -> Answer:
    """The finished answer, its tokens booked."""
    answering = container_of(request).answering
    with drain_of(request).running():
        async with aclosing(answering.answer(question, asker)) as events:
            async for item in events:
                if isinstance(item, DoneEvent):
                    await limits_of(request).spend(item.answer.usage.total_tokens)
                    return item.answer
    raise AppError()


def _stream(request: Request, question: Question, asker: Principal) -> EventStream:
    return EventStream(_frames(request, question, asker))


async def _frames(
    request: Request, question: Question, asker: Principal
) -> AsyncGenerator[bytes, None]:
    answering = container_of(request).answering
    with drain_of(request).running():
        async with aclosing(answering.answer(question, asker)) as events:
            async for item in events:
                if isinstance(item, TokenEvent):
                    yield token_event(item.text)
                elif isinstance(item, SourcesEvent):
                    yield event("sources", item.citations)
                else:
                    await limits_of(request).spend(item.answer.usage.total_tokens)
                    yield event("done", answer_view(item.answer))
                    return
    raise AppError()
