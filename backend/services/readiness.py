"""Probes of the parts, run together, each in its own time, and remembered for a few seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend.domain import Check, Status
from backend.errors import (
    AppError,
    DimensionMismatch,
    IndexMissing,
    NotConfigured,
    UpstreamQuota,
    UpstreamRejected,
)
from backend.services.connectivity import Step
from backend.services.report import overall

_log = logging.getLogger(__name__)

FRESH_S = 2.5
"""With the two seconds that a connection may take, every change shows within five."""
_SETTINGS_AT_FAULT = (
    UpstreamRejected,
    UpstreamQuota,
    IndexMissing,
    DimensionMismatch,
    NotConfigured,
)


@dataclass(frozen=True, slots=True)
class Probe:
    """How to find out whether a part works.

    ``run`` does the whole check; it may raise ``AppError`` instead of building a ``Check``.
    ``light`` is what polling of /health/ready may ask (a circuit's state, a TCP connection): a
    database that sleeps must not be woken, and billed, by a health check. ``essential``: the
    service needs this part for what it is for. ``path``: how far a connection gets, beside the
    whole check.
    """

    name: str
    run: Callable[[], Awaitable[Check]]
    light: Callable[[], Awaitable[Check]] | None = None
    essential: bool = False
    timeout_s: float = 5.0
    path: Callable[[], Awaitable[tuple[Step, ...]]] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check with the time it took; ``configuration``: a setting is at fault, not the server."""

    check: Check
    latency_ms: float
    configuration: bool = False
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """One row of ``GET /health/ready``."""

    name: str
    status: Status
    mode: str
    latency_ms: float | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can answer. ``status`` is down only where an essential part is."""

    status: Status
    checks: tuple[ReadyCheck, ...]

    @property
    def http_status(self) -> int:
        """200, or 503 where a part is away that the service needs."""
        return 503 if self.status is Status.DOWN else 200

    def to_dict(self) -> dict[str, Any]:
        """The body of ``GET /health/ready``."""
        rows = [
            {
                "name": check.name,
                "status": check.status.value,
                "mode": check.mode,
                "latency_ms": check.latency_ms,
                "detail": check.detail,
            }
            for check in self.checks
        ]
        return {"status": self.status.value, "checks": rows}


def summarise(checks: Sequence[ReadyCheck], essential: set[str]) -> Readiness:
    """The readiness of the whole: a part that is down but not essential only degrades it."""
    down = any(c.status is Status.DOWN and c.name in essential for c in checks)
    worst = overall([c.status.value for c in checks])
    status = Status.DOWN if down else Status.DEGRADED if worst is Status.DOWN else worst
    return Readiness(status, tuple(checks))


class Prober:
    """Runs probes and remembers what they found for ``fresh_s`` seconds of ``monotonic``."""

    def __init__(
        self,
        probes: Sequence[Probe],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        fresh_s: float = FRESH_S,
    ) -> None:
        self.probes = tuple(probes)
        self._monotonic = monotonic
        self._fresh_s = fresh_s
        self._known: dict[tuple[str, bool], tuple[float, Outcome]] = {}
        self._running: dict[tuple[str, bool], asyncio.Lock] = defaultdict(asyncio.Lock)

    def latest(self) -> dict[str, Outcome]:
        """What the last checks found, however old; nothing is run.

        A whole check says more than a light one, but a part's coming and going since is told by
        the light one; of a part that is still away the whole one knows how far a connection gets.
        """
        found = {probe.name: self._latest(probe.name) for probe in self.probes}
        return {name: outcome for name, outcome in found.items() if outcome is not None}

    def _latest(self, name: str) -> Outcome | None:
        whole, light = self._known.get((name, False)), self._known.get((name, True))
        if whole is None or light is None:
            known = whole or light
            return known[1] if known else None
        well = light[1].check.status is Status.OK
        same = well and (whole[1].check.status is Status.OK or whole[1].configuration)
        if same or light[0] < whole[0]:
            return whole[1]
        gone = not well and whole[1].check.status is Status.DOWN
        return replace(light[1], steps=whole[1].steps) if gone else light[1]

    async def outcomes(self, *, light: bool = False) -> dict[str, Outcome]:
        """What every probe finds; callers at the same time share one run."""
        names = [probe.name for probe in self.probes]
        found = await asyncio.gather(*(self._fresh(p, light) for p in self.probes))
        return dict(zip(names, found, strict=True))

    async def _fresh(self, probe: Probe, light: bool) -> Outcome:
        key = (probe.name, light and probe.light is not None)
        # a whole check of a server that hangs must not hold up who asks for the light one
        async with self._running[key]:
            known = self._known.get(key)
            if known is None or self._monotonic() - known[0] >= self._fresh_s:
                outcome = await self._run(probe, key[1])
                known = self._known[key] = (self._monotonic(), outcome)
            return known[1]

    async def _run(self, probe: Probe, light: bool) -> Outcome:
        if light or probe.path is None:
            return await self._asked(probe, light)
        outcome, steps = await asyncio.gather(self._asked(probe, light), probe.path())
        return replace(outcome, steps=steps)

    async def _asked(self, probe: Probe, light: bool) -> Outcome:
        ask = probe.light if light and probe.light else probe.run
        started = self._monotonic()
        configuration = False
        try:
            async with asyncio.timeout(probe.timeout_s):
                check = await ask()
        except TimeoutError:
            problem = f"No answer within {probe.timeout_s:g} s."
            check = Check(probe.name, Status.DOWN, problem)
        except AppError as error:
            configuration = isinstance(error, _SETTINGS_AT_FAULT)
            check = Check(probe.name, Status.DOWN, error.detail)
        except Exception:  # noqa: BLE001 - one broken probe must not hide what the others found
            _log.exception("a probe failed", extra={"part": probe.name})
            check = Check(probe.name, Status.DOWN, "The check itself failed; the log knows more.")
        return Outcome(check, round((self._monotonic() - started) * 1000, 1), configuration)
