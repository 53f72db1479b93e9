"""What this process counts, in the words of Prometheus; its library is loaded by the first scrape.

Text format: prometheus.io/docs/instrumenting/exposition_formats.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from backend.api.deps import Admin, container_of, drain_of
from backend.api.docs import SECURITY, errors
from backend.metrics import COUNTERS, DURATIONS, PREFIX

if TYPE_CHECKING:
    from prometheus_client.core import Metric

router = APIRouter(tags=["Status"], default_response_class=Response)

_STATES = ("closed", "half_open", "open")
_EXAMPLE = 'book_answers_circuit_state{state="closed",upstream="qdrant"} 1.0\n'
_TEXT = {"description": "Prometheus text.", "content": {"text/plain": {"example": _EXAMPLE}}}


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    responses={**errors(401, 403, 429, 500, 503), 200: _TEXT},
    openapi_extra={"security": SECURITY},
)
async def metrics(request: Request, admin: Admin) -> Response:
    """Requests, steps of answers, tokens, degradations, circuits, index and connections.

    Asks no upstream. Give a scraper the admin token: `Authorization: Bearer ...`.
    """
    container = container_of(request)
    circuits = container.circuits()
    gauges = container.gauges() | {"requests_under_way": drain_of(request).active}
    body, kind = await asyncio.to_thread(render, circuits, gauges)
    return Response(body, media_type=None, headers={"content-type": kind})


def render(
    circuits: Mapping[str, Mapping[str, Any]], gauges: Mapping[str, float]
) -> tuple[bytes, str]:
    """The text and its content type; the first call takes a tenth of a second for the import."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
    from prometheus_client.exposition import CONTENT_TYPE_LATEST

    class Counted:
        """Hands over what is counted elsewhere; the library itself counts nothing here."""

        def collect(self) -> Iterable[Metric]:
            yield from _counters()
            yield from _durations()
            yield _circuits(circuits)
            yield from _gauges(gauges)

    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(Counted())
    return generate_latest(registry), CONTENT_TYPE_LATEST


def _counters() -> Iterable[Metric]:
    from prometheus_client.core import CounterMetricFamily

    for counter in COUNTERS:
        family = CounterMetricFamily(counter.name, counter.help, labels=counter.labels)
        for labels, value in [*counter.values.items()]:
            family.add_metric(labels, value)
        yield family


def _durations() -> Iterable[Metric]:
    from prometheus_client.core import HistogramMetricFamily

    for durations in DURATIONS:
        family = HistogramMetricFamily(durations.name, durations.help, labels=[durations.label])
        for label in [*durations.series]:
            family.add_metric([label], [*durations.buckets(label)], durations.total(label))
        yield family


def _circuits(circuits: Mapping[str, Mapping[str, Any]]) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(
        PREFIX + "circuit_state",
        "1 for the state that a circuit breaker is in.",
        labels=["upstream", "state"],
    )
    for upstream, entry in circuits.items():
        for state in _STATES:
            family.add_metric([upstream, state], float(entry["state"] == state))
    return family


def _gauges(gauges: Mapping[str, float]) -> Iterable[Metric]:
    from prometheus_client.core import GaugeMetricFamily

    for name, value in gauges.items():
        family = GaugeMetricFamily(PREFIX + name, name.replace("_", " ").capitalize() + ".")
        family.add_metric([], value)
        yield family
