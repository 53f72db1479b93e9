"""What readers ask and what the book lacks, for the maintainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from backend.api.content_examples import INSIGHTS
from backend.api.deps import ReadyAdmin, container_of
from backend.api.docs import SECURITY, answer, errors
from backend.api.errors import json_response
from backend.clock import iso_ms
from backend.services.insights_report import InsightsReport, QuestionGroup

router = APIRouter(tags=["Knowledge"], default_response_class=Response)

MAX_DAYS = 90


@router.get(
    "/api/insights",
    summary="What readers ask and what the book lacks",
    responses={
        **errors(401, 403, 422, 429, 500, 503),
        200: answer("InsightsOut", INSIGHTS),
    },
    openapi_extra={"security": SECURITY},
)
async def insights(
    admin: ReadyAdmin,
    request: Request,
    days: Annotated[
        int, Query(ge=1, le=MAX_DAYS, description="How many days, today included.")
    ] = 30,
) -> Response:
    """Sum up questions, latency, tokens, cost, ratings and gaps.

    A gap is a question that was refused, answered with low confidence, or rated down; those that
    ask for the same are counted together, the most frequent first. Questions are kept without
    personal data and without who asked.
    """
    report = await container_of(request).insights.report(days)
    return json_response(report_view(report))


def report_view(report: InsightsReport) -> dict[str, Any]:
    """The report as it goes over the wire."""
    latency = report.latency
    return {
        "generated_at": iso_ms(report.generated_at),
        "since": iso_ms(report.since),
        "retention_days": report.retention_days,
        "questions": report.questions,
        "answered": report.answered,
        "refused": report.refused,
        "degraded": report.degraded,
        "tokens": report.tokens,
        "cost_usd": report.cost_usd,
        "days": [{**asdict(day), "answered": day.questions - day.refused} for day in report.days],
        "latency_ms": asdict(latency),
        "top_questions": _groups(report.top_questions),
        "gaps": _groups(report.gaps),
        "feedback": {
            "up": report.ups,
            "down": report.downs,
            "comments": [
                {
                    "message_id": rated.message_id,
                    "rating": rated.rating,
                    "comment": rated.comment,
                    "question": rated.question,
                    "rated_at": iso_ms(rated.rated_at) if rated.rated_at else None,
                }
                for rated in report.comments
            ],
        },
    }


def _groups(groups: Sequence[QuestionGroup]) -> list[dict[str, Any]]:
    return [{**asdict(group), "last_asked_at": iso_ms(group.last_asked_at)} for group in groups]
