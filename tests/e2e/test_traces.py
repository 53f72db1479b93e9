"""Traces as a collector gets them: one for each request, a span for each step, nothing said."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.doubles.openai import OpenAIDouble
from tests.doubles.qdrant import QdrantDouble
from tests.e2e.product import product, write_book

QUESTION = "What is a topic?"


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Collector]:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        zipped = request.headers.get("content-encoding") == "gzip"
        self.bodies.append(gzip.decompress(body) if zipped else body)
        return web.Response(content_type="application/x-protobuf")

    @property
    def spans(self):
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


def id_of(span) -> str:
    return next(a.value.string_value for a in span.attributes if a.key == "request.id")


async def test_collector_gets_a_span_for_the_request_and_each_of_its_steps(tmp_path) -> None:
    docs = write_book(tmp_path / "docs")
    async with Collector().listening() as collector, OpenAIDouble() as openai, QdrantDouble() as q:
        variables = {
            "OPENAI_API_KEY": "test-key-not-real", "OPENAI_BASE_URL": openai.base_url,
            "QDRANT_URL": q.url, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }  # fmt: skip
        async with product(docs, tmp_path / "data", **variables) as site:
            reply = await site.ask("POST", "/chat", json={"query": QUESTION})
            assert reply.json["mode"] == "generated"
        request = next(span for span in collector.spans if span.name == "POST /chat")
        steps = [span for span in collector.spans if span.parent_span_id == request.span_id]
    assert {span.name for span in steps} == {"embeddings", "openai", "qdrant"}
    assert {id_of(span) for span in (request, *steps)} == {reply.headers["x-request-id"]}
    assert {span.trace_id for span in steps} == {request.trace_id}
    for said in (QUESTION, reply.json["response"], "test-key-not-real"):
        assert said.encode() not in b"".join(collector.bodies)


async def test_collector_that_is_away_costs_no_answer(tmp_path) -> None:
    docs = write_book(tmp_path / "docs")
    async with Collector().listening() as collector:
        gone = collector.url
    async with product(docs, tmp_path / "data", OTEL_EXPORTER_OTLP_ENDPOINT=gone) as site:
        reply = await site.ask("POST", "/chat", json={"query": QUESTION})
        assert (reply.status, reply.json["mode"]) == (200, "extractive")
