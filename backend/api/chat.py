"""Questions and what is found for them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api import examples
from backend.api.body import QuestionRoute
from backend.api.deps import (
    Asker,
    container_of,
    drain_of,
    idempotency_key,
    identified,
    limits_of,
)
from backend.api.docs import ASKER, IDEMPOTENCY_KEY, answer, errors, event_stream
from backend.api.errors import json_response
from backend.api.schemas import ChatRequest, SearchRequest
from backend.api.sse import EventStream, event, token_event
from backend.api.views import answer_view, search_view
from backend.domain import Answer, DoneEvent, Principal, Question, SourcesEvent, TokenEvent
from backend.errors import AppError
from backend.services.dialogues import Dialogue

UNCOUNTED_PROMPT_TOKENS = 1_500
"""About what a prompt has. An answer that ends before the provider has counted it is booked by
estimate: else a caller who always leaves early would spend nothing of the day's budget."""
CHARS_PER_TOKEN = 4

router = APIRouter(tags=["Chat"], route_class=QuestionRoute, default_response_class=Response)

_ERRORS = errors(400, 408, 413, 415, 422, 429, 500, 503)
_CHAT = {
    **examples.body(examples.CHAT_REQUEST),
    "security": ASKER,
    "parameters": [IDEMPOTENCY_KEY],
}
_STREAM = event_stream(
    "The answer as it is made.", ("sources", "token", "done", "error"), examples.CHAT_STREAM
)
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
        **errors(409),
        200: _ANSWER,
    },
    openapi_extra=_CHAT,
)
async def chat(body: ChatRequest, asker: Asker, request: Request) -> Response:
    """Answer a question from the book's own text, with citations.

    What the text cites as `[n]` is `sources[n-1]`. Where the book does not treat the question,
    `mode` is `refused` and `sources` are the closest sections. For a signed-in reader question and
    answer go into the conversation `session_id`, whose last turns are read with the question; one
    that is not the reader's own is replaced by a fresh one. With `Accept: text/event-stream` the
    answer comes as `POST /chat/stream` sends it.
    """
    streamed = "text/event-stream" in request.headers.get("accept", "")
    dialogue = await _dialogue(request, body.question(), asker, whole=not streamed)
    if streamed:
        return EventStream(_frames(request, dialogue), unbegun=dialogue.abandon)
    return json_response(answer_view(await _answer(request, dialogue)))


@router.post(
    "/chat/stream",
    summary="Ask the book, streamed",
    responses={
        **_ERRORS,
        **errors(409),
        200: _STREAM,
    },
    openapi_extra=_CHAT,
)
async def chat_stream(body: ChatRequest, asker: Asker, request: Request) -> Response:
    """Answer a question as server-sent events.

    `sources` (a list of citations) comes first, then `token` (`{"text"}`) for each piece of the
    text, then exactly one of `done` (the object that `POST /chat` answers) or `error`
    (`{"code", "detail", "retryable"}`; also `truncated`: true where tokens came before, with
    `session_id` and `message_id` where these were kept in the reader's history). Where the
    model fails before its first word and the answer is quoted instead, `sources` comes once more:
    the last one counts. Comment lines open the stream and keep the connection alive.
    """
    dialogue = await _dialogue(request, body.question(), asker)
    return EventStream(_frames(request, dialogue), unbegun=dialogue.abandon)


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
    if found.spent is not None:
        await limits_of(request).spend(found.spent.total_tokens)
    return json_response(search_view(found, retrieval.link))


async def _dialogue(
    request: Request, question: Question, asker: Principal, *, whole: bool = False
) -> Dialogue:
    """The answer that may begin; what refuses it is raised before the first byte."""
    asker = await identified(request, asker)
    dialogues = container_of(request).dialogues
    return await dialogues.open(question, asker, key=idempotency_key(request), whole=whole)


async def _answer(request: Request, dialogue: Dialogue) -> Answer:
    """The finished answer, its tokens booked unless they were when it was given before."""
    with drain_of(request).running():
        async with aclosing(dialogue.events) as events:
            async for item in events:
                if isinstance(item, DoneEvent):
                    if not dialogue.replayed:
                        await limits_of(request).spend(item.answer.usage.total_tokens)
                    return item.answer
    raise AppError()


async def _frames(request: Request, dialogue: Dialogue) -> AsyncGenerator[bytes, None]:
    said, counted = 0, dialogue.replayed
    with drain_of(request).running():
        try:
            async with aclosing(dialogue.events) as events:
                async for item in events:
                    if isinstance(item, TokenEvent):
                        said += len(item.text)
                        yield token_event(item.text)
                    elif isinstance(item, SourcesEvent):
                        yield event("sources", item.citations)
                    else:
                        if not counted:
                            counted = True
                            await limits_of(request).spend(item.answer.usage.total_tokens)
                        yield event("done", answer_view(item.answer))
                        return
        finally:
            if said and not counted:
                await _book_estimate(request, said)
    raise AppError()


async def _book_estimate(request: Request, characters: int) -> None:
    if container_of(request).settings.chat_enabled:
        tokens = UNCOUNTED_PROMPT_TOKENS + characters // CHARS_PER_TOKEN
        await limits_of(request).spend(tokens)
