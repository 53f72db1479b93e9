"""What is found out about the variables, in words.

No sentence ever contains a value or a part of it: a secret pasted into the wrong field must not
come back in a report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from backend.domain import Status


class Kind(StrEnum):
    """What a finding is about."""

    MISSING = "missing"
    BLANK = "blank"
    WRONG = "wrong"
    PLACEHOLDER = "placeholder"
    DUPLICATE = "duplicate"
    HIDDEN = "hidden"
    CHANGED = "changed"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about a variable; ``name`` is the name it was read under (an alias, maybe).

    ``status``: DOWN = the value is not used or something needed is missing, DEGRADED = it works but
    should be mended, OFF = optional and not set, OK = read in another spelling, for information.
    """

    variable: str
    kind: Kind
    status: Status
    problem: str
    fix: str
    name: str = ""


class Note(NamedTuple):
    """A parser's remark on a value that it took."""

    problem: str
    fix: str
    kind: Kind = Kind.CHANGED


class Wrong(Exception):
    """A value that cannot be used: the problem and the fix, each a sentence without the value."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix


Parser = Callable[[str, list[Note]], Any]
"""Takes the cleaned text and a list for remarks; returns the value or raises :class:`Wrong`."""
