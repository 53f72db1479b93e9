"""Every variable's row on the page: what it says with nothing, a right value and wrong ones.

Built from the declarations, so that a variable that is added is tried without being listed here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from backend.services.diagnostics import Diagnostics
from backend.services.report import Report
from backend.settings import load
from backend.variables import VARIABLES, Variable
from ui.report import render

SPACE = {"SPACE_ID": "somebody/book", "SPACE_HOST": "somebody-book.hf.space"}
SECRET = "test-Secret-not-real-0123456789-abcdefghij-klm"
RIGHT = {
    "QDRANT_URL": "https://vectors.example:6333",
    "NEON_API_KEY": "postgresql://reader:password-not-real@db.example/book?sslmode=require",
    "REDIS_URL": "rediss://default:password-not-real@cache.example:6379",
    "FALLBACK_BASE_URL": "https://models.example/v1",
    "HOST": "0.0.0.0",
    "BOOK_TITLE": "Robots",
    "CORS_ALLOWED_ORIGINS": "https://book.example",
}
"""Where the declared example is not a value that can be used as it stands."""
BESIDE = {
    "QDRANT_API_KEY": {"QDRANT_URL": RIGHT["QDRANT_URL"]},
    "EMBEDDING_DIMENSIONS": {"OPENAI_API_KEY": "test-key-not-real"},
    "EMBEDDING_MODEL": {"OPENAI_API_KEY": "test-key-not-real"},
    "FALLBACK_API_KEY": {"FALLBACK_MODEL": "small"},
    "FALLBACK_MODEL": {"FALLBACK_BASE_URL": RIGHT["FALLBACK_BASE_URL"]},
    "FALLBACK_BASE_URL": {"FALLBACK_MODEL": "small"},
}
"""What a variable has no use without."""
WRONG = {
    "key": "two words-canary",
    "secret": "https://canary.example",
    "address": "canary , not an address",
    "connection string": "canary://nowhere",
    "name": "canary with spaces / in it",
    "number": "canary",
    "number 0-1": "canary",
    "rate": "canary-often",
    "word": "canary",
    "list": "*",
    "true/false": "canary",
    "path": "no/such/canary",
    "text": f"sk-{'canary0123456789' * 2}",
}
"""A value of the wrong shape for each kind; ``text`` and ``path`` take nearly everything."""
WRONG_BY_NAME = {"ADMIN_TOKEN": "canary-12", "DATA_DIR": "pyproject.toml/canary"}
ANYTHING_GOES = {"DATA_ENCRYPTION_KEY", "DATA_ENCRYPTION_KEY_PREVIOUS"}
"""Passphrases: there is no shape that could be wrong."""
ANY_WORDS = {"BOOK_TITLE", "DATA_DIR"}
"""A title and a new folder may have any name, also that of a placeholder."""


def each(variables: Iterable[Variable] = VARIABLES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("variable", variables, ids=lambda variable: variable.name)


def but(names: set[str]) -> list[Variable]:
    return [variable for variable in VARIABLES if variable.name not in names]


@dataclass
class Row:
    """A row as the report has it and as the page shows it."""

    status: str
    source: str
    problem: str
    fix: str
    html: str
    report: Report

    @property
    def everything(self) -> str:
        report = self.report
        return "".join([self.html, report.to_text(), report.to_markdown(), json.dumps(
            report.to_dict(), ensure_ascii=False)])  # fmt: skip


def row_of(variable: Variable, environ: dict[str, str]) -> Row:
    report = Diagnostics(load(environ, writable=_writable)).configuration()
    row = next(row for row in report.variables if row.name == variable.name)
    page = render(report.to_dict(), {}, report.to_markdown())
    shown = re.findall(r'<div class="ba-row (?:(?!<div class="ba-row).)*', page)
    html = next(part for part in shown if f"<code>{variable.name}</code>" in part)
    return Row(row.status, row.source, row.problem or "", row.fix or "", html, report)


def _writable(folder: Path) -> bool:
    return "canary" not in str(folder)


def right_value(variable: Variable) -> str:
    if variable.name in RIGHT:
        return RIGHT[variable.name]
    return SECRET if "<" in variable.example else variable.example


@each()
def test_with_nothing_set_the_row_says_what_happens_without_and_how_to_set_it(
    variable: Variable,
) -> None:
    for environ in ({}, SPACE):
        row = row_of(variable, environ)
        assert row.source in ("default", "not set")
        assert variable.used_for
        assert variable.link.startswith("https://")
        if row.status == "ok":
            assert "ba-is-ok" in row.html
            assert ">Default<" in row.html
            continue
        assert row.status in ("off", "degraded"), "nothing is broken where nothing is set"
        assert row.problem
        assert row.fix
        assert f">{'Where to get it' if variable.secret else 'Read more'}</a>" in row.html
        assert f">{'Not set' if row.status == 'off' else 'Missing'}<" in row.html


@each()
def test_with_a_right_value_the_row_turns_green(variable: Variable) -> None:
    value = right_value(variable)

    row = row_of(variable, {**BESIDE.get(variable.name, {}), variable.name: value})

    assert (row.status, row.source, row.problem) == ("ok", "variable", "")
    assert 'class="ba-row ba-is-ok"' in row.html
    assert ">Fine<" in row.html
    if variable.secret:
        assert value not in row.everything


@each()
def test_under_an_alias_the_row_is_green_and_names_it(variable: Variable) -> None:
    for alias in variable.aliases:
        row = row_of(variable, {**BESIDE.get(variable.name, {}), alias: right_value(variable)})
        assert (row.status, row.source) == ("ok", f"alias {alias}")
        assert f"read from {alias}" in row.html


@each(but(ANY_WORDS))
def test_with_a_placeholder_the_row_is_red(variable: Variable) -> None:
    for placeholder in ("<your-value>", "changeme"):
        row = row_of(variable, {variable.name: placeholder})
        assert row.status == "down"
        assert "ba-is-down" in row.html
        assert re.search(">(Placeholder|Wrong)<", row.html)
        assert re.search("placeholder|no such folder", row.problem)
        assert row.fix


@each()
def test_with_hidden_characters_the_row_says_so(variable: Variable) -> None:
    environ = BESIDE.get(variable.name, {})
    for hidden in ("{}\u200b", '"{}"', "{}\n", "\ufeff{}"):
        value = hidden.format(right_value(variable))
        row = row_of(variable, {**environ, variable.name: value})
        assert row.status == "degraded", "it works, and has to be mended"
        assert row.problem.startswith("The value comes with ")
        assert row.fix
        assert ">Hidden characters<" in row.html


@each(but(ANYTHING_GOES))
def test_with_a_wrong_shape_the_row_is_red_and_never_shows_the_value(variable: Variable) -> None:
    wrong = WRONG_BY_NAME.get(variable.name, WRONG.get(variable.kind, "canary, of no kind"))

    row = row_of(variable, {**SPACE, **BESIDE.get(variable.name, {}), variable.name: wrong})

    assert row.status == "down"
    assert row.problem.endswith(".")
    assert row.fix.endswith((".", "'"))
    assert "ba-is-down" in row.html
    assert ">Wrong<" in row.html
    assert "canary" not in row.everything
