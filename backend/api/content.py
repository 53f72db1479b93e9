"""The content tools: translation, and texts on a reader's level."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api import content_examples, examples
from backend.api.body import QuestionRoute
from backend.api.content_schemas import (
    AdjustBatchRequest,
    AdjustRequest,
    TranslateBatchRequest,
    TranslateRequest,
)
from backend.api.deps import Writer, admit_writer, container_of, drain_of, limits_of
from backend.api.docs import answer, errors
from backend.api.errors import json_response
from backend.domain import Principal
from backend.services.rewriting import Rewriting, Rewritten

TEXTS_PER_CALL = 10
"""Texts of a batch that count as one call against the limit of an address."""


class ContentRoute(QuestionRoute):
    """A route that is admitted as the content tools are."""

    async def admit(self, request: Request) -> Principal:
        """Who may have texts rewritten."""
        return await admit_writer(request)


router = APIRouter(tags=["Content"], route_class=ContentRoute, default_response_class=Response)

_ERRORS = errors(400, 408, 413, 415, 422, 429, 500, 503)


@router.post(
    "/translate",
    summary="Translate a text",
    responses={**_ERRORS, 200: answer("TranslationOut", content_examples.TRANSLATION)},
    openapi_extra=examples.body(content_examples.TRANSLATE),
)
async def translate(body: TranslateRequest, asker: Writer, request: Request) -> Response:
    """Translate a text; code, names, links, maths and markup stay byte for byte.

    A text that could not be translated comes back as it was, with `failed: [0]` and the reason in
    `degraded`.
    """
    with drain_of(request).running():
        made = await _rewriting(request).translate(
            [body.text], body.language, spend=limits_of(request).spend
        )
    return json_response({"translation": made.texts[0], **_rest(made)})


@router.post(
    "/translate/batch",
    summary="Translate texts",
    responses={**_ERRORS, 200: answer("TranslationsOut", content_examples.TRANSLATIONS)},
    openapi_extra=examples.body(content_examples.TRANSLATE_BATCH),
)
async def translate_batch(body: TranslateBatchRequest, asker: Writer, request: Request) -> Response:
    """Translate texts side by side; the answer has as many, in the same order.

    A text that could not be translated comes back as it was and its index is in `failed`. Every ten
    texts count as one call against the limit of the caller's address.
    """
    await _count(request, asker, len(body.texts))
    with drain_of(request).running():
        made = await _rewriting(request).translate(
            body.texts, body.language, spend=limits_of(request).spend
        )
    return json_response({"translations": made.texts, **_rest(made)})


@router.post(
    "/adjust-content",
    summary="Put a text on a level",
    responses={**_ERRORS, 200: answer("ContentOut", content_examples.CONTENT)},
    openapi_extra=examples.body(content_examples.ADJUST),
)
async def adjust_content(body: AdjustRequest, asker: Writer, request: Request) -> Response:
    """Rewrite a text for a reader's level, in its own language; otherwise as `POST /translate`."""
    with drain_of(request).running():
        made = await _rewriting(request).adjust(
            [body.text], body.target_level, spend=limits_of(request).spend
        )
    return json_response({"content": made.texts[0], **_rest(made)})


@router.post(
    "/adjust-content/batch",
    summary="Put texts on a level",
    responses={**_ERRORS, 200: answer("ContentsOut", content_examples.CONTENTS)},
    openapi_extra=examples.body(content_examples.ADJUST_BATCH),
)
async def adjust_content_batch(
    body: AdjustBatchRequest, asker: Writer, request: Request
) -> Response:
    """Rewrite texts for a reader's level; otherwise as `POST /translate/batch`."""
    await _count(request, asker, len(body.texts))
    with drain_of(request).running():
        made = await _rewriting(request).adjust(
            body.texts, body.target_level, spend=limits_of(request).spend
        )
    return json_response({"contents": made.texts, **_rest(made)})


def _rewriting(request: Request) -> Rewriting:
    return container_of(request).rewriting


async def _count(request: Request, asker: Principal, texts: int) -> None:
    """Count a batch's calls beyond the one that was counted at the door."""
    await limits_of(request).admit_content(asker.address, max(0, texts - 1) // TEXTS_PER_CALL)


def _rest(made: Rewritten) -> dict[str, object]:
    return {"failed": made.failed, "degraded": made.degraded}
