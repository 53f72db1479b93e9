"""A reader's conversations: list, open, begin, rename, delete, take along. For their owner only."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from backend.api import history_examples as examples
from backend.api.auth_http import require_principal
from backend.api.body import read_model
from backend.api.deps import container_of, drain_of, idempotency_key
from backend.api.docs import IDEMPOTENCY_KEY, OWNER, answer, errors
from backend.api.errors import json_response
from backend.api.examples import REQUEST_ID
from backend.api.history_schemas import MAX_OFFSET, StartBody, TitleBody, takes_title
from backend.api.schemas import MAX_LIMIT
from backend.domain import Principal
from backend.errors import Forbidden, NotSignedIn
from backend.services.conversations import Conversations, conversation_view, message_view

router = APIRouter(prefix="/api/chat", tags=["History"], default_response_class=Response)

_OWN = {"security": OWNER}
_SIGN_IN = "Sign in to see your conversations: send the session's bearer token or cookie."
_NOT_THERE = "There is no such conversation in your history; list those that you have."


def _errors(*statuses: int) -> dict[int | str, dict[str, object]]:
    declared = errors(401, 403, 500, 503, *statuses)
    for status, code, sentence in (
        (401, "not_signed_in", _SIGN_IN),
        (403, "origin_not_allowed", "This page may not act for its readers here."),
        (404, "not_found", _NOT_THERE),
    ):
        if status in declared:
            body = {"detail": sentence, "code": code, "request_id": REQUEST_ID}
            declared[status] = answer("ErrorBody", body, declared[status]["description"])
    declared[401]["description"] = "Not signed in, or no longer."
    return declared


async def require_owner(request: Request) -> Principal:
    """The signed-in reader.

    Raises:
        NotSignedIn: nobody. Forbidden: a foreign page has sent it.
        ShuttingDown, Starting, NotConfigured, UpstreamError: not now.
    """
    drain_of(request).refuse_when_stopping()
    try:
        return await require_principal(request)
    except NotSignedIn:
        raise NotSignedIn(_SIGN_IN) from None
    except Forbidden:
        raise Forbidden(
            "This page may not act for its readers here; add it to CORS_ALLOWED_ORIGINS.",
            code="origin_not_allowed",
        ) from None


Owner = Annotated[Principal, Depends(require_owner)]


@router.get(
    "/sessions",
    summary="List the conversations",
    responses={**_errors(422), 200: answer("ConversationPage", examples.PAGE)},
    openapi_extra=_OWN,
)
async def conversations(
    owner: Owner,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20,
    offset: Annotated[int, Query(ge=0, le=MAX_OFFSET)] = 0,
) -> Response:
    """One page of the reader's conversations, those used last first."""
    page = await _service(request).page(_id(owner), limit, offset)
    sessions = [conversation_view(found) for found in page.conversations]
    body = {"sessions": sessions, "total": page.total, "limit": limit, "offset": offset}
    return json_response(body)


@router.post(
    "/sessions",
    summary="Begin a conversation",
    responses={
        **_errors(400, 408, 409, 422, 429),
        200: answer("ConversationOut", {**examples.CONVERSATION, "message_count": 0}),
    },
    openapi_extra={**_OWN, **takes_title(required=False), "parameters": [IDEMPOTENCY_KEY]},
)
async def start_conversation(owner: Owner, request: Request) -> Response:
    """Begin an empty conversation; its id goes into the next question as `session_id`.

    A question without a `session_id` begins one by itself, so this is rarely needed.
    """
    title = (await read_model(request, StartBody)).title if _has_body(request) else None
    started = await _service(request).start(owner, title, key=idempotency_key(request))
    return json_response(conversation_view(started))


@router.get(
    "/sessions/{session_id}",
    summary="Open a conversation",
    responses={**_errors(404), 200: answer("ConversationOpened", examples.OPENED)},
    openapi_extra=_OWN,
)
async def open_conversation(session_id: str, owner: Owner, request: Request) -> Response:
    """A conversation with all its messages, oldest first."""
    opened = await _service(request).open(_id(owner), session_id)
    body = {
        "session": conversation_view(opened.conversation),
        "messages": [message_view(message) for message in opened.messages],
    }
    return json_response(body)


@router.delete(
    "/sessions/{session_id}",
    summary="Delete a conversation",
    responses={**_errors(404), 200: answer("Deleted", examples.DELETED)},
    openapi_extra=_OWN,
)
async def delete_conversation(session_id: str, owner: Owner, request: Request) -> Response:
    """Delete a conversation with its messages, for good."""
    await _service(request).delete(_id(owner), session_id)
    return json_response(examples.DELETED)


@router.patch(
    "/sessions/{session_id}/title",
    summary="Rename a conversation",
    responses={
        **_errors(400, 404, 408, 422, 429),
        200: answer("ConversationOut", examples.CONVERSATION),
    },
    openapi_extra={**_OWN, **takes_title(required=True)},
)
async def rename_conversation(session_id: str, owner: Owner, request: Request) -> Response:
    """Give a conversation another title, 1 to 255 characters."""
    title = (await read_model(request, TitleBody)).title
    renamed = await _service(request).rename(_id(owner), session_id, title)
    return json_response(conversation_view(renamed))


@router.get(
    "/sessions/{session_id}/export",
    summary="Take a conversation along",
    responses={**_errors(404, 422), 200: answer("ConversationExport", examples.EXPORT)},
    openapi_extra=_OWN,
)
async def export_conversation(
    session_id: str,
    owner: Owner,
    request: Request,
    kind: Annotated[Literal["text", "json", "markdown"], Query(alias="format")] = "text",
) -> Response:
    """The whole conversation as `content`: text, Markdown, or for `json` an object."""
    exported = await _service(request).export(_id(owner), session_id, kind)
    return json_response(exported)


@router.delete(
    "/history",
    summary="Delete the whole history",
    responses={**_errors(), 200: answer("Deleted", examples.CLEARED)},
    openapi_extra=_OWN,
)
async def clear_history(owner: Owner, request: Request) -> Response:
    """Delete all the reader's conversations, for good."""
    count = await _service(request).clear(_id(owner))
    noun = "conversation is" if count == 1 else "conversations are"
    body = {"message": f"Your history is empty now: {count} {noun} deleted.", "deleted": count}
    return json_response(body)


def _has_body(request: Request) -> bool:
    headers = request.headers
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _service(request: Request) -> Conversations:
    return container_of(request).conversations


def _id(owner: Principal) -> str:
    assert owner.user_id is not None
    return owner.user_id
