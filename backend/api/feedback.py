"""What readers think of answers."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api import content_examples, examples
from backend.api.body import QuestionRoute
from backend.api.content_schemas import FeedbackRequest
from backend.api.deps import Rater, admit_rater, container_of
from backend.api.docs import errors
from backend.domain import Principal


class FeedbackRoute(QuestionRoute):
    """A route that is admitted as ratings are."""

    async def admit(self, request: Request) -> Principal:
        """Who may rate."""
        return await admit_rater(request)


router = APIRouter(tags=["Chat"], route_class=FeedbackRoute, default_response_class=Response)


@router.post(
    "/api/feedback",
    status_code=204,
    summary="Rate an answer",
    responses={
        **errors(400, 404, 408, 413, 415, 422, 429, 500, 503),
        204: {"description": "The rating is kept."},
    },
    openapi_extra=examples.body(content_examples.FEEDBACK),
)
async def feedback(body: FeedbackRequest, asker: Rater, request: Request) -> Response:
    """Rate an answer by its `message_id`; a second rating replaces the first.

    Kept are the rating and the comment, without personal data and without who sent it.
    """
    await container_of(request).insights.rate(body.message_id, body.rating, body.comment or "")
    return Response(status_code=204)
