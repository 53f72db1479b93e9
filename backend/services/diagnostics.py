"""Puts settings, findings and probes together: the report, and whether the service is ready."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from backend.clock import utc_now
from backend.domain import Status
from backend.services.parts import Part, parts
from backend.services.readiness import (
    FRESH_S,
    Outcome,
    Probe,
    Prober,
    Readiness,
    ReadyCheck,
    summarise,
)
from backend.services.report import Report, UpstreamRow, VariableRow
from backend.settings import Finding, Loaded
from backend.variables import VARIABLES, Variable

_SPACE_PORTS = {"80", "443", "8080"}
_WORST = [Status.OK, Status.OFF, Status.DEGRADED, Status.DOWN]


def _source(variable: Variable, loaded: Loaded) -> str:
    name = loaded.sources.get(variable.name)
    if name is None:
        return "default" if variable.default or not variable.without else "not set"
    return "variable" if name == variable.name else f"alias {name}"


def _said(finding: Finding, variable: Variable) -> str:
    """The problem, with the name of the alias that it is about."""
    named = finding.name not in (variable.name, "") and finding.name not in finding.problem
    return f"{finding.name}: {finding.problem}" if named else finding.problem


def _state(status: Status, findings: Sequence[Finding], source: str) -> str:
    """In a word: what its gravest finding is about, or that there is none."""
    if status is Status.OK:
        return "default" if source == "default" else "ok"
    return next(finding.kind.value for finding in findings if finding.status is status)


def _variable_row(variable: Variable, loaded: Loaded) -> VariableRow:
    findings = [f for f in loaded.findings if f.variable == variable.name]
    status = max((f.status for f in findings), key=_WORST.index, default=Status.OK)
    if status is Status.OFF and variable.name in loaded.sources:
        status = Status.OK  # a blank alias beside a good value
    source = _source(variable, loaded)
    return VariableRow(
        name=variable.name,
        status=status.value,
        required=variable.name in loaded.required,
        secret=variable.secret,
        source=source,
        used_for=variable.used_for,
        problem=" ".join(_said(f, variable) for f in findings) or None,
        fix=" ".join(dict.fromkeys(f.fix for f in findings)) or None,
        docs=variable.link,
        state=_state(status, findings, source),
    )


class Diagnostics:
    """The report and the readiness of one running service.

    Args:
        loaded: the configuration with its findings.
        probes: one per part that can be asked, named like the part.
        monotonic: seconds for durations and for how long results stay fresh.
        now: the time that a report carries.
        fresh_s: how long a probe's result is used again.
    """

    def __init__(
        self,
        loaded: Loaded,
        probes: Sequence[Probe] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
        fresh_s: float = FRESH_S,
    ) -> None:
        self._loaded = loaded
        self._parts = parts(loaded.settings)
        self._prober = Prober(probes, monotonic=monotonic, fresh_s=fresh_s)
        self._now = now

    async def report(self, *, probe: bool) -> Report:
        """The report; ``probe`` checks every part as a whole now, else only whether it is there."""
        if probe:
            return self._report(await self._prober.outcomes())
        await self.refresh()
        return self._report(self._prober.latest())

    async def refresh(self) -> None:
        """Let the light checks look again, at most every few seconds; circuits learn from them."""
        await self._prober.outcomes(light=True)

    def configuration(self) -> Report:
        """The report of the variables alone, for before anything runs."""
        return self._report({})

    async def readiness(self) -> Readiness:
        """What /health/ready answers: light checks only, at most every few seconds."""
        outcomes = await self._prober.outcomes(light=True)
        modes = {part.name: part.mode for part in self._parts}
        checks = [
            ReadyCheck(
                name=name,
                status=outcome.check.status,
                mode=str(outcome.check.details.get("mode", modes.get(name, ""))),
                latency_ms=outcome.latency_ms,
                detail=outcome.check.problem,
            )
            for name, outcome in outcomes.items()
        ]
        return summarise(checks, {p.name for p in self._prober.probes if p.essential})

    def _report(self, outcomes: dict[str, Outcome]) -> Report:
        return Report(
            generated_at=self._now(),
            variables=tuple(_variable_row(v, self._loaded) for v in VARIABLES),
            upstreams=tuple(self._upstream_row(p, outcomes.get(p.name)) for p in self._parts),
        )

    def _upstream_row(self, part: Part, outcome: Outcome | None) -> UpstreamRow:
        check = outcome.check if outcome else None
        bad = check is not None and check.status in (Status.DOWN, Status.DEGRADED)
        fix = (check.fix if check else None) or (self._fix(part, outcome) if bad else None)
        return UpstreamRow(
            name=part.name,
            status=check.status.value if check else self._unasked(part),
            mode=str(check.details.get("mode", part.mode)) if check else part.mode,
            target=part.target,
            latency_ms=outcome.latency_ms if outcome else None,
            problem=check.problem if check else None,
            fix=fix,
            title=part.title,
            sentence=part.sentence,
            configuration=bool(outcome and outcome.configuration),
            steps=outcome.steps if outcome else (),
        )

    @staticmethod
    def _unasked(part: Part) -> str:
        if part.mode == "local":
            return "ok"  # there is nobody to ask
        return "off" if part.mode in ("off", "extractive") else "unchecked"

    def _fix(self, part: Part, outcome: Outcome | None) -> str:
        if outcome and outcome.configuration:
            return f"See {part.variables}."
        port = part.target.rsplit(":", 1)[-1]
        if self._loaded.settings.on_space and part.target and port not in _SPACE_PORTS:
            return (
                f"See that the server is up and that {part.variables} is right; a Space may block "
                f"port {port} (its documentation names 80, 443 and 8080)."
            )
        return f"See that it is up and that {part.variables} is right."
