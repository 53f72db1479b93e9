"""Traces of requests and their steps, when OTEL_EXPORTER_OTLP_ENDPOINT says where they go.

Off, a span costs one look at a variable. On, the OpenTelemetry SDK is loaded in the background
while the port is open already, and a thread of its own sends what it has collected; a collector
that is away costs spans, never an answer. Spans carry the request's id, names and numbers, and
nothing of what was asked or answered.

A request's spans hang on the request's own one, flat: a step may begin in one task and end in
another (streams do), where the SDK's notion of a current span would not survive.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from backend.logs import request_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

log = logging.getLogger(__name__)

SERVICE_NAME = "book-answers"
SEND_TIMEOUT_S = 5
STOP_S = 1.0
_SCOPE = "backend"
_NO_SPAN = nullcontext()

_parent: ContextVar[Span | None] = ContextVar("parent_span", default=None)


class Tracing:
    """Makes spans once :meth:`start` was called with an endpoint; until then none."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Any = None

    @property
    def on(self) -> bool:
        """Whether spans are made."""
        return self._tracer is not None

    def start(self, endpoint: str, *, exporter: SpanExporter | None = None) -> None:
        """Load the SDK and begin; blocking, for a thread.

        Args:
            endpoint: Base address of an OTLP collector over HTTP, as the standard variable has it.
            exporter: Takes the spans instead.
        """
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        if self._provider is not None:
            return
        resource = Resource({"service.name": SERVICE_NAME})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(endpoint)))
        self._tracer = self._provider.get_tracer(_SCOPE)
        log.info("traces are sent")

    def stop(self) -> None:
        """Send what is left and end; blocking for a second at most, for a thread."""
        provider, self._provider, self._tracer = self._provider, None, None
        if provider is not None:
            # a collector that takes connections and says nothing must not delay the process' end
            sending = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
            sending.start()
            sending.join(STOP_S)

    def request(
        self, name: str, attributes: Mapping[str, str | int]
    ) -> AbstractContextManager[Span | None]:
        """The span of a request, on which those of its steps hang."""
        return _NO_SPAN if self._tracer is None else self._request(name, attributes)

    @contextmanager
    def _request(self, name: str, attributes: Mapping[str, str | int]) -> Iterator[Span]:
        from opentelemetry.trace import SpanKind

        span = self._tracer.start_span(name, kind=SpanKind.SERVER, attributes=dict(attributes))
        span.set_attribute("request.id", request_id.get())
        _parent.set(span)
        try:
            yield span
        finally:
            span.end()

    def step(self, name: str) -> AbstractContextManager[None]:
        """A step's span; an exception of ours that leaves it is noted by its code."""
        parent = _parent.get() if self._tracer is not None else None
        return _NO_SPAN if parent is None else self._step(name, parent)

    @contextmanager
    def _step(self, name: str, parent: Span) -> Iterator[None]:
        from opentelemetry.trace import StatusCode, set_span_in_context

        span = self._tracer.start_span(name, context=set_span_in_context(parent))
        span.set_attribute("request.id", request_id.get())
        try:
            yield
        except Exception as error:
            span.set_status(StatusCode.ERROR, getattr(error, "code", "internal_error"))
            raise
        finally:
            span.end()


TRACING = Tracing()
"""This process's traces; a leaf like a logger, switched on by the container."""


def _exporter(endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    address = endpoint.rstrip("/")
    if not address.endswith("/v1/traces"):
        address += "/v1/traces"
    return OTLPSpanExporter(endpoint=address, timeout=SEND_TIMEOUT_S)
