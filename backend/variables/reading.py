"""Reads one variable out of an environment: its aliases, its value, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.domain import Status
from backend.variables.base import Variable
from backend.variables.cleaning import clean, is_nothing, is_placeholder
from backend.variables.findings import Finding, Kind, Note, Wrong


@dataclass(slots=True)
class Draft:
    """A configuration in the making: rules read and change it before it is frozen.

    ``values`` has an entry for each variable that was set to something usable, under its name;
    ``sources`` says under which name; ``required`` are the variables that this mode needs.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    required: set[str] = field(default_factory=set)
    on_space: bool = False
    space_host: str | None = None

    def add(
        self, variable: str, kind: Kind, problem: str, fix: str, status: Status = Status.DEGRADED
    ) -> None:
        """Note something about a variable, under the name that it was read from."""
        name = self.sources.get(variable, variable)
        self.findings.append(Finding(variable, kind, status, problem, fix, name))

    def need(self, variable: str, problem: str, fix: str, status: Status = Status.DOWN) -> None:
        """Require a variable in this mode, and say so where it is not set."""
        self.required.add(variable)
        if variable not in self.values:
            self.add(variable, Kind.MISSING, problem, fix, status)

    def reject(self, variable: str, problem: str, fix: str) -> None:
        """Take a value back that only a rule could see to be wrong."""
        self.add(variable, Kind.WRONG, problem, fix, Status.DOWN)
        self.values.pop(variable, None)
        self.sources.pop(variable, None)


_SEVERITY = {Kind.CHANGED: Status.OK, Kind.WEAK: Status.DEGRADED, Kind.WRONG: Status.DOWN}


def _remarks(variable: Variable, name: str, notes: list[Note]) -> list[Finding]:
    return [
        Finding(
            variable.name,
            note.kind,
            _SEVERITY[note.kind],
            note.problem,
            note.fix,
            name,
        )
        for note in notes
    ]


def _parse(variable: Variable, name: str, raw: str, findings: list[Finding]) -> Any:
    """The value under one name, or None; what is odd about it goes into ``findings``."""
    text, removed = clean(raw, variable.names)
    if not text or is_nothing(text):
        problem = f"{name} is set, but empty; that counts as not set. {variable.without}".strip()
        fix = f"Give it a value, or remove it. {variable.where}".strip()
        findings.append(Finding(variable.name, Kind.BLANK, Status.OFF, problem, fix, name))
        return None
    if removed:
        what = " and ".join((", ".join(removed[:-1]), removed[-1])) if removed[1:] else removed[0]
        problem = f"The value comes with {what}, which a copy may have added; removed."
        fix = "Set it again without them."
        findings.append(Finding(variable.name, Kind.HIDDEN, Status.DEGRADED, problem, fix, name))
    if variable.kind not in {"text", "path"} and is_placeholder(text):
        problem = "It still holds the example's placeholder."
        fix = variable.where or "Set a real value, or remove it."
        findings.append(Finding(variable.name, Kind.PLACEHOLDER, Status.DOWN, problem, fix, name))
        return None
    notes: list[Note] = []
    try:
        value = variable.parse(text, notes)
    except Wrong as error:
        findings.append(
            Finding(variable.name, Kind.WRONG, Status.DOWN, error.problem, error.fix, name)
        )
        return None
    findings += _remarks(variable, name, notes)
    return _OFF if value is None else value


_OFF = object()
"""A value that was set and means none, such as the rate ``off``."""


def read(variable: Variable, environ: Mapping[str, str], draft: Draft) -> None:
    """Read a variable into the draft: the first name with a usable value wins."""
    found: dict[str, Any] = {}
    findings: list[Finding] = []
    for name in variable.names:
        if name in environ:
            value = _parse(variable, name, environ[name], findings)
            if value is not None:
                found[name] = value
    if found:
        used, value = next(iter(found.items()))
        draft.values[variable.name] = None if value is _OFF else value
        draft.sources[variable.name] = used
        findings = [_softened(f) if f.name != used else f for f in findings]
        others = [name for name, other in found.items() if other != value]
        if others:
            problem = f"{' and '.join(others)} also set, with another value; {used} is used."
            fix = f"Keep one of {', '.join([used, *others])}."
            findings.append(
                Finding(variable.name, Kind.DUPLICATE, Status.DEGRADED, problem, fix, used)
            )
    elif variable.default:
        draft.values[variable.name] = variable.parse(variable.default, [])
    draft.findings += findings


def _softened(finding: Finding) -> Finding:
    """A finding on a name whose value is not needed, because another name has a usable one."""
    if finding.status is not Status.DOWN:
        return finding
    return Finding(
        finding.variable,
        finding.kind,
        Status.DEGRADED,
        finding.problem,
        finding.fix,
        finding.name,
    )
