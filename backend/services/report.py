"""The diagnostics report as a value, and its three forms: JSON, text for a terminal, Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from backend.clock import iso_ms
from backend.domain import Status
from backend.services.connectivity import Step

EXIT_CONFIG = 78
"""EX_CONFIG of sysexits.h: the configuration is at fault."""

_WIDTH = 100
_MARKS = {"ok": "[ok]", "off": "[--]", "degraded": "[ !]", "down": "[XX]", "unchecked": "[ ?]"}


@dataclass(frozen=True, slots=True)
class VariableRow:
    """One variable.

    ``source``: ``variable``, ``alias NAME``, ``default`` or ``not set``. ``state`` says in a word
    what is the matter: ``ok``, ``default``, ``missing``, ``blank``, ``wrong``, ``placeholder``,
    ``duplicate``, ``hidden`` (characters that nobody sees), ``changed`` or ``weak``.
    """

    name: str
    status: str
    required: bool
    secret: bool
    source: str
    used_for: str
    problem: str | None
    fix: str | None
    docs: str
    state: str = "ok"


@dataclass(frozen=True, slots=True)
class UpstreamRow:
    """One part. ``status`` is ``unchecked`` where no probe has run; ``target`` is host:port.

    ``configuration``: what is wrong is a setting (a refused key, another length of vectors).
    ``steps``: how far the connection got.
    """

    name: str
    status: str
    mode: str
    target: str
    latency_ms: float | None
    problem: str | None
    fix: str | None
    title: str
    sentence: str
    configuration: bool = False
    steps: tuple[Step, ...] = ()


def overall(statuses: list[str]) -> Status:
    """The status of a whole: that of its worst part, where ``off`` and ``unchecked`` are fine."""
    if "down" in statuses:
        return Status.DOWN
    return Status.DEGRADED if "degraded" in statuses else Status.OK


def _ascii(text: str) -> str:
    """Plain ASCII on one line: a report goes to terminals of every kind."""
    flat = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in flat.encode("ascii", "replace").decode())


def _wrap(text: str, indent: str, first: str | None = None) -> list[str]:
    start = indent if first is None else first
    lines = textwrap.wrap(_ascii(text), _WIDTH, initial_indent=start, subsequent_indent=indent)
    return lines or [start.rstrip()]


@dataclass(frozen=True, slots=True)
class Report:
    """The configuration and the parts at one moment. Holds no value of any variable."""

    generated_at: datetime
    variables: tuple[VariableRow, ...]
    upstreams: tuple[UpstreamRow, ...]

    @property
    def status(self) -> Status:
        """The worst of all rows."""
        return overall([row.status for row in self._rows])

    @property
    def exit_status(self) -> int:
        """0, or 78 where a variable is wrong or missing that the configured mode needs.

        Not 78: optional variables, things that work but should be mended, and servers that are
        merely away; a server that refuses a key or a setting counts as a wrong variable.
        """
        wrong = any(row.status == "down" for row in self.variables)
        refused = any(row.status == "down" and row.configuration for row in self.upstreams)
        return EXIT_CONFIG if wrong or refused else 0

    def to_dict(self) -> dict[str, Any]:
        """The body of ``GET /health/config``."""
        return {
            "status": self.status.value,
            "generated_at": iso_ms(self.generated_at),
            "variables": [asdict(row) for row in self.variables],
            "upstreams": [
                {key: value for key, value in asdict(row).items() if key != "configuration"}
                for row in self.upstreams
            ],
        }

    @property
    def _rows(self) -> list[VariableRow | UpstreamRow]:
        return [*self.variables, *self.upstreams]

    def _problems(self, *statuses: str) -> list[VariableRow | UpstreamRow]:
        rows = [row for row in self._rows if row.status in statuses]
        return sorted(rows, key=lambda row: statuses.index(row.status))

    def _part_lines(self) -> Iterator[str]:
        for row in self.upstreams:
            at = f" at {row.target}" if row.target else ""
            took = f" ({row.latency_ms:.0f} ms)" if row.latency_ms is not None else ""
            start = f"  {_MARKS[row.status]} {row.title:<18} "
            yield from _wrap(f"{row.sentence}{at}{took}", " " * len(start), start)

    def _problem_lines(self, rows: list[VariableRow | UpstreamRow]) -> Iterator[str]:
        for row in rows:
            name = row.title if isinstance(row, UpstreamRow) else row.name
            alias = row.source if isinstance(row, VariableRow) else ""
            suffix = f" (from {alias[6:]})" if alias.startswith("alias ") else ""
            yield f"  {_MARKS[row.status]} {_ascii(name)}{suffix}"
            yield from _wrap(row.problem or "No reason is known.", " " * 7)
            if row.fix:
                yield from _wrap(f"Fix: {row.fix}", " " * 12, " " * 7)

    def _set_lines(self) -> Iterator[str]:
        rows = [row for row in self.variables if row.status == "ok" and row.source != "default"]
        width = max((len(row.name) for row in rows), default=0)
        for row in rows:
            source = "" if row.source == "variable" else f", from {row.source[6:]}"
            start = f"  {_MARKS['ok']} {row.name:<{width}} "
            note = f". {row.problem} {row.fix or ''}" if row.problem else ""
            yield from _wrap(f"{row.used_for}{source}{note}", " " * len(start), start)

    def to_text(self) -> str:
        """Aligned ASCII of at most 100 columns: what runs, what to mend, what else could be set."""
        lines = [f"Configuration report, {iso_ms(self.generated_at)}: {self.status.value}"]
        sections = (
            ("What runs", list(self._part_lines())),
            ("To be mended", list(self._problem_lines(self._problems("down", "degraded")))),
            ("Set", list(self._set_lines())),
            ("Not set (optional)", list(self._off_lines())),
        )
        for title, body in sections:
            if body:
                lines += ["", title, *body]
        return "\n".join(lines) + "\n"

    def _off_lines(self) -> Iterator[str]:
        rows = [row for row in self.variables if row.status == "off"]
        width = max((len(row.name) for row in rows), default=0)
        for row in rows:
            start = f"  {_MARKS['off']} {row.name:<{width}} "
            text = (row.problem or "").removeprefix("Not set. ")
            yield from _wrap(text, " " * len(start), start)

    def to_markdown(self) -> str:
        """The report for an issue or a chat; as free of secrets as the others."""

        def table(head: tuple[str, ...], rows: list[tuple[str | None, ...]]) -> list[str]:
            cells = [head, ("---",) * len(head), *rows]
            clean = [[_ascii(cell or "").replace("|", "\\|") for cell in row] for row in cells]
            return [f"| {' | '.join(row)} |" for row in clean]

        lines = [f"Configuration report, {iso_ms(self.generated_at)}: **{self.status.value}**", ""]
        parts: list[tuple[str | None, ...]] = [
            (r.title, r.status, r.sentence, r.target, r.problem, r.fix) for r in self.upstreams
        ]
        lines += table(("part", "status", "what", "target", "problem", "fix"), parts)
        rows: list[tuple[str | None, ...]] = [
            (f"`{r.name}`", r.status, r.source, r.problem, r.fix) for r in self.variables
        ]
        lines += ["", *table(("variable", "status", "source", "problem", "fix"), rows)]
        return "\n".join(lines) + "\n"
