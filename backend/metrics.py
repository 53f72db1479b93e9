"""What this process counts: plain numbers in memory, cheap enough for every request.

The instruments are made here, once, like a module's logger; whoever does something worth counting
calls ``add`` or ``observe``, which costs well under a microsecond and imports nothing. The
Prometheus library is loaded by the first scrape (``api.metrics``). What has a state of its own
(circuits, index, ingestion, connections) is not counted here but read when somebody scrapes.

For the event loop's thread, and for threads that may lose a count against each other: none here is
worth a lock on the way of a question.
"""

from __future__ import annotations

from asyncio import CancelledError
from bisect import bisect_left
from collections.abc import Iterator, Sequence

PREFIX = "book_answers_"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 90.0)
"""Upper bounds of the buckets of durations; the last one is an answer's whole deadline."""

Labels = tuple[str, ...]


class Counter:
    """Counts that only grow, by labels.

    Args:
        name: Without the prefix and without ``_total``.
        help_: What is counted, in a sentence.
        labels: Names of the labels. Their values must come from small sets: never from a caller.
    """

    __slots__ = ("help", "labels", "name", "values")

    def __init__(self, name: str, help_: str, labels: Sequence[str] = ()) -> None:
        self.name = PREFIX + name
        self.help = help_
        self.labels = tuple(labels)
        self.values: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1.0) -> None:
        """Count ``amount`` more under these labels."""
        self.values[labels] = self.values.get(labels, 0.0) + amount

    def value(self, *labels: str) -> float:
        """What was counted under these labels."""
        return self.values.get(labels, 0.0)


class Durations:
    """Durations in buckets, by one label."""

    __slots__ = ("help", "label", "name", "series")

    def __init__(self, name: str, help_: str, label: str) -> None:
        self.name = PREFIX + name
        self.help = help_
        self.label = label
        self.series: dict[str, tuple[list[int], list[float]]] = {}

    def observe(self, label: str, seconds: float) -> None:
        """Count one duration."""
        known = self.series.get(label)
        if known is None:
            known = self.series[label] = ([0] * (len(SECONDS) + 1), [0.0])
        counts, total = known
        counts[bisect_left(SECONDS, seconds)] += 1
        total[0] += seconds

    def buckets(self, label: str) -> Iterator[tuple[str, int]]:
        """Upper bound and how many durations were not above it, the last one for all."""
        below = 0
        for bound, count in zip((*SECONDS, float("inf")), self.series[label][0], strict=True):
            below += count
            yield ("+Inf" if bound == float("inf") else str(bound)), below

    def total(self, label: str) -> float:
        """Sum of the durations in seconds."""
        return self.series[label][1][0]


def outcome_of(error: BaseException | None) -> str:
    """How a call ended: ``ok``, the error's stable code, ``cancelled`` or ``failed``."""
    if error is None:
        return "ok"
    if isinstance(error, CancelledError):
        return "cancelled"
    return str(getattr(error, "code", "failed"))


REQUESTS = Counter("requests", "Requests answered.", ("method", "route", "status"))
REQUEST_SECONDS = Durations("request_seconds", "Duration of requests, streams included.", "route")
ANSWERS = Counter("answers", "Answers finished.", ("mode",))
STEP_SECONDS = Durations("step_seconds", "Duration of the steps of an answer.", "step")
TOKENS = Counter("tokens", "Tokens as the providers counted them.", ("direction",))
COST = Counter("cost_usd", "Cost of answers by list prices, in US dollars, where these are known.")
DEGRADED = Counter(
    "degraded", "Steps that were taken instead of the full ones, and why.", ("step", "reason")
)
BROKEN_OFF = Counter("broken_off", "Answers that ended after their first token.", ("reason",))
UPSTREAM_CALLS = Counter(
    "upstream_calls", "Attempts at other servers, by what became of them.", ("upstream", "outcome")
)
CIRCUIT_CHANGES = Counter("circuit_changes", "Changes of circuit breakers.", ("upstream", "state"))
TEXTS = Counter(
    "texts", "Texts translated or put on a level: made, from the cache, or failed.", ("outcome",)
)
SKIPPED_POINTS = Counter("skipped_points", "Points of the index without a readable text.")

COUNTERS = (
    REQUESTS, ANSWERS, TOKENS, COST, DEGRADED, BROKEN_OFF, UPSTREAM_CALLS, CIRCUIT_CHANGES,
    TEXTS, SKIPPED_POINTS,
)  # fmt: skip
DURATIONS = (REQUEST_SECONDS, STEP_SECONDS)
