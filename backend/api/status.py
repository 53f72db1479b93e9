"""Is it there, is it ready, and what is wrong with it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from backend.api import examples
from backend.api.about import SERVICE, VERSION
from backend.api.deps import container_of, drain_of, require_admin
from backend.api.docs import SECURITY, answer, errors
from backend.api.docs_page import DOCS_PATH
from backend.api.errors import json_response
from backend.domain import Status

router = APIRouter(tags=["Status"], default_response_class=Response)

UI_PATH = "/admin/"
_READY_RETRY_S = "5"


@router.get(
    "/",
    summary="What this is",
    responses={
        **errors(500),
        200: answer("ServiceInfo", examples.SERVICE_INFO),
        307: {"description": "A browser is sent to the UI."},
    },
)
async def root(request: Request) -> Response:
    """Name the service and its version; a browser is sent to the UI instead."""
    ui = UI_PATH if request.app.state.ui is not None else None
    vary = {"vary": "Accept"}
    if ui and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(ui, headers=vary)
    info = {
        "status": "online",
        "service": SERVICE,
        "version": VERSION,
        "docs": DOCS_PATH,
        "ui": ui,
    }
    return json_response(info, headers=vary)


@router.get(
    "/health",
    summary="Is the process alive",
    responses={**errors(500), 200: answer("Health", {"status": "healthy"})},
)
async def health() -> Response:
    """Answer as long as the process serves; asks no upstream."""
    return json_response({"status": "healthy"})


@router.get(
    "/health/ready",
    summary="Can it answer questions",
    responses={
        **errors(500),
        200: answer("ReadinessOut", examples.READINESS),
        503: answer("ReadinessOut", examples.NOT_READY, "A part that the service needs is away."),
    },
)
async def ready(request: Request) -> Response:
    """State of the parts, remembered for a few seconds: polling wakes no database."""
    if drain_of(request).stopping:
        return _not_ready("shutdown", "The service is being stopped.")
    startup = cast("asyncio.Task[None] | None", request.app.state.startup)
    if startup is None or not startup.done():
        return _not_ready("startup", "The service is starting.")
    if startup.cancelled() or startup.exception() is not None:
        return _not_ready("startup", "The service did not start; the log says why.")
    found = await container_of(request).diagnostics.readiness()
    return _readiness(found.to_dict(), found.http_status)


def _not_ready(name: str, detail: str) -> Response:
    check = {"name": name, "status": "down", "mode": None, "latency_ms": None, "detail": detail}
    return _readiness({"status": Status.DOWN.value, "checks": [check]}, 503)


def _readiness(body: dict[str, Any], status: int) -> Response:
    return json_response(body, status, {"retry-after": _READY_RETRY_S} if status == 503 else None)


@router.get(
    "/health/circuits",
    summary="State of the circuit breakers",
    responses={**errors(500), 200: answer("Circuits", examples.CIRCUITS)},
)
async def circuits(request: Request) -> Response:
    """One entry per upstream; an open circuit says when it will be tried again."""
    container = container_of(request)
    await container.diagnostics.refresh()
    return json_response(container.circuits())


@router.get(
    "/health/config",
    summary="The diagnostics report",
    responses={
        **errors(401, 403, 422, 429, 500, 503),
        200: answer("ConfigReport", examples.CONFIG_REPORT),
    },
    openapi_extra={"security": [{}, *SECURITY]},
)
async def config(
    request: Request,
    probe: Annotated[
        bool, Query(description="Ask every upstream now, instead of showing what is known; admin.")
    ] = False,
) -> Response:
    """Every variable and every upstream: what it is for, what is wrong, how to mend it.

    Holds no value of any variable. Needs the admin token once one is set, and always for `probe`.
    """
    if probe or request.app.state.gate.configured:
        require_admin(request)
    report = await container_of(request).diagnostics.report(probe=probe)
    return json_response(report.to_dict())


for _path, _endpoint in (("/", root), ("/health", health), ("/health/ready", ready)):
    router.add_api_route(_path, _endpoint, methods=["HEAD"], include_in_schema=False)
