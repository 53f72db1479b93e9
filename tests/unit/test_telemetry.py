from __future__ import annotations

import asyncio
import threading

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.errors import UpstreamTimeout
from backend.logs import request_id
from backend.telemetry import TRACING, Tracing
from tests.api.serving import serving


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def test_nothing_is_made_while_it_is_off() -> None:
    tracing = Tracing()
    with tracing.request("GET /", {}) as span, tracing.step("search"):
        assert span is None
    assert not tracing.on
    tracing.stop()


def test_steps_hang_on_their_request_and_carry_its_id(spans: InMemorySpanExporter) -> None:
    tracing = Tracing()
    tracing.start("http://127.0.0.1:1", exporter=spans)
    request_id.set("id-1")
    with tracing.request("POST /chat", {"http.request.method": "POST"}):
        with tracing.step("search"):
            pass
        with pytest.raises(UpstreamTimeout), tracing.step("openai"):
            raise UpstreamTimeout("openai", "What was asked must not be in a span.")
    tracing.stop()
    search, openai, request = spans.get_finished_spans()
    assert request.name == "POST /chat"
    for step in (search, openai):
        assert step.parent is not None
        assert step.parent.span_id == request.context.span_id
        assert step.attributes is not None
        assert step.attributes["request.id"] == "id-1"
    assert openai.status.description == "upstream_timeout"
    assert "must not be" not in openai.to_json()


async def test_requests_have_a_span_named_by_their_route(spans: InMemorySpanExporter) -> None:
    TRACING.start("http://127.0.0.1:1", exporter=spans)
    try:
        async with serving() as site:
            await site.ask("GET", "/ingest/job-1")
            await site.ask("GET", "/nothing/here")
    finally:
        await asyncio.to_thread(TRACING.stop)
    names = {span.name for span in spans.get_finished_spans()}
    assert names == {"GET /ingest/{job_id}", "GET other"}


class Silent(SpanExporter):
    """Takes spans and says nothing until it is released."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()
        self.closed = False

    def export(self, spans: object) -> SpanExportResult:
        self.asked.set()
        self.released.wait()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self.closed = True


def test_collector_that_never_answers_does_not_hold_a_stop_up() -> None:
    collector = Silent()
    tracing = Tracing()
    tracing.start("http://127.0.0.1:1", exporter=collector)
    with tracing.request("GET /", {}):
        pass
    tracing.stop()
    assert collector.asked.is_set()
    assert not collector.closed, "the SDK would have waited until it gives up by itself"
    collector.released.set()
