"""One measurement, and what several of the same say together."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

import uvloop

from tests.bench.load import Ask, Tally, quantile, run
from tests.bench.processes import busy_s, own_cpu_s
from tests.bench.stage import Server

WARM_S = 1.0
LEAD_S = 1.0


@dataclass(frozen=True)
class Sample:
    """What one run of one contender gave. Times in milliseconds, memory in MB."""

    per_second: float
    cpu_ms: float
    p50: float
    p95: float
    p99: float
    worst: float
    first_p95: float
    rss_mb: float
    foreign: float
    """Cores that others on the machine took meanwhile, doubles and load included."""
    count: int
    failures: dict[str, int] = field(default_factory=dict)


@dataclass
class Series:
    """Repetitions of one measurement; only the quieter half of them counts."""

    samples: list[Sample] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        self.samples.append(sample)

    def of(self, name: str) -> float:
        """The median over the quieter half; NaN where nothing was measured."""
        values = [getattr(sample, name) for sample in self._quiet() if sample.count]
        return float(statistics.median(values)) if values else float("nan")

    def least(self, name: str) -> float:
        """The smallest of all repetitions: what others' load disturbs least."""
        values = [getattr(sample, name) for sample in self.samples if sample.count]
        return float(min(values)) if values else float("nan")

    @property
    def failures(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for sample in self.samples:
            for reason, count in sample.failures.items():
                found[reason] = found.get(reason, 0) + count
        return found

    def _quiet(self) -> list[Sample]:
        ordered = sorted(self.samples, key=lambda sample: sample.foreign)
        return ordered[: (len(ordered) + 1) // 2]


@dataclass(frozen=True)
class Contender:
    """Something that is measured beside others, under the same name in every table."""

    name: str
    server: Server
    ask: Ask


def measure(
    contender: Contender, *, clients: int, seconds: float, background: tuple[Ask, int] | None = None
) -> Sample:
    """Ask for ``seconds``; ``background`` asks something else with so many clients meanwhile."""
    return uvloop.run(_measure(contender, clients, seconds, background))


async def _measure(
    contender: Contender, clients: int, seconds: float, background: tuple[Ask, int] | None
) -> Sample:
    ask, process = contender.ask, contender.server.process
    stop = asyncio.Event()
    beside = None
    if background is not None:
        load = run(
            background[0], clients=background[1], requests=10**6, seconds=seconds + 30, stop=stop
        )
        beside = asyncio.create_task(load)
        await asyncio.sleep(LEAD_S)
    await run(ask, clients=min(clients, 10), requests=10**6, seconds=min(WARM_S, seconds / 4))
    cpu, busy, own = process.cpu_s(), busy_s(), own_cpu_s()
    tally = await run(ask, clients=clients, requests=10**6, seconds=seconds)
    cpu, busy, own = process.cpu_s() - cpu, busy_s() - busy, own_cpu_s() - own
    memory = process.rss_mb()
    stop.set()
    if beside is not None:
        tally.failures.update((await beside).failures)
    return _sample(tally, cpu, max(0.0, busy - cpu - own) / tally.seconds, memory)


def _sample(tally: Tally, cpu_s: float, foreign: float, rss_mb: float) -> Sample:
    def ms(values: list[float], share: float) -> float:
        return 1000 * quantile(values, share)

    count = len(tally.whole)
    return Sample(
        per_second=tally.per_second,
        cpu_ms=1000 * cpu_s / count if count else float("nan"),
        p50=ms(tally.whole, 0.5),
        p95=ms(tally.whole, 0.95),
        p99=ms(tally.whole, 0.99),
        worst=ms(tally.whole, 1.0),
        first_p95=ms(tally.first, 0.95),
        rss_mb=rss_mb,
        foreign=foreign,
        count=count,
        failures=dict(tally.failures),
    )


def interleaved(
    contenders: list[Contender],
    *,
    clients: int,
    seconds: float,
    repetitions: int,
    background: Callable[[Contender], tuple[Ask, int]] | None = None,
) -> dict[str, Series]:
    """Every contender once, and again: whatever disturbs the machine disturbs all of them."""
    found = {contender.name: Series() for contender in contenders}
    for _ in range(repetitions):
        for contender in contenders:
            beside = background(contender) if background else None
            found[contender.name].add(
                measure(contender, clients=clients, seconds=seconds, background=beside)
            )
    return found
