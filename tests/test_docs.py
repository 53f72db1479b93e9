"""What README and docs claim, held against the code: names, routes, codes, links, examples."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import backend
from backend import errors, reference
from backend.text.slug import slug
from backend.variables import VARIABLES

ROOT = Path(__file__).parent.parent
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS]
OTHER_NAMES = {"QDRANT_PORT", "SPACE_HOST", "SPACE_ID", "PYTHON"}
"""Names in capitals that the docs may use beside the declared variables and their aliases."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page(name: str) -> str:
    return read(ROOT / "docs" / f"{name}.md")


def prose(text: str) -> str:
    return _FENCE.sub("", text)


def fenced(text: str, language: str) -> list[str]:
    return [body for name, body in _FENCE.findall(text) if name == language]


def anchors(text: str) -> set[str]:
    return {slug(title) for title in re.findall(r"^#{1,6} (.+)$", prose(text), re.M)}


def front_matter(path: Path) -> dict[str, Any]:
    match = re.match(r"---\n(.*?)\n---\n", read(path), re.S)
    assert match, f"{path.name} has no front matter"
    loaded = yaml.safe_load(match[1])
    assert isinstance(loaded, dict)
    return loaded


def broken_links(path: Path, text: str) -> list[str]:
    """Relative links of a page that lead to no file, or to no heading in it."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists():
            broken.append(target)
        elif anchor and anchor not in anchors(text if not name else read(file)):
            broken.append(target)
    return broken


def curls(text: str) -> Iterator[list[str]]:
    """The words of each curl command of a page."""
    for block in fenced(text, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("curl "):
                yield shlex.split(line, comments=True)


def option(words: list[str], *names: str) -> str | None:
    return next((words[i + 1] for i, word in enumerate(words) if word in names), None)


def error_codes() -> set[str]:
    """Every code that the API answers: those of the classes and those given by hand.

    Codes in capitals are Better Auth's own and belong to the account routes.
    """
    for module in pkgutil.iter_modules(backend.__path__, "backend."):
        if not module.ispkg:
            importlib.import_module(module.name)
    importlib.import_module("backend.api.errors")
    found, waiting = set(), [errors.AppError]
    while waiting:
        kind = waiting.pop()
        found.add(kind.code)
        waiting += kind.__subclasses__()
    for path in (ROOT / "backend").rglob("*.py"):
        for node in ast.walk(ast.parse(read(path))):
            if isinstance(node, ast.Call) and "backend/variables" not in path.as_posix():
                found |= {
                    word.value.value
                    for word in node.keywords
                    if word.arg == "code"
                    and isinstance(word.value, ast.Constant)
                    and isinstance(word.value.value, str)
                }
    return {code for code in found if code.islower()}


def openapi_routes() -> set[str]:
    paths = json.loads(page_json())["paths"]
    methods = {"get", "post", "put", "patch", "delete"}
    return {
        f"{method.upper()} {path}"
        for path, operations in paths.items()
        for method in operations.keys() & methods
    }


def page_json() -> str:
    return read(ROOT / "docs" / "openapi.json")


@pytest.mark.parametrize("name", reference.PAGES)
def test_variables_table_is_that_of_the_declarations(name: str) -> None:
    assert reference.between_markers(read(ROOT / name)) == reference.render_markdown_table(), (
        "run: make docs"
    )


def test_env_example_is_that_of_the_declarations() -> None:
    assert read(ROOT / reference.EXAMPLE) == reference.render_env_example(), "run: make docs"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path: Path) -> None:
    assert broken_links(path, read(path)) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# There is one\n")
    text = "# Top\n[a](b.md#there-is-one) [b](b.md#none) [c](gone.md) [d](#top) [e](#bottom)"
    (tmp_path / "a.md").write_text(text)
    assert broken_links(tmp_path / "a.md", text) == ["b.md#none", "gone.md", "#bottom"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_variables_that_are_named_exist(path: Path) -> None:
    known = {name for variable in VARIABLES for name in variable.names} | OTHER_NAMES
    text = read(path)
    named = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?:=[^`]*)?`", prose(text)))
    for block in fenced(text, "bash"):
        named |= set(re.findall(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)=", block))
    assert named - known == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_make_targets_that_are_named_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", read(ROOT / "Makefile"), re.M))
    text = read(path)
    named = set(re.findall(r"`(?:[A-Z]+=\S+ )*make ([a-z]+)`", text))
    for block in fenced(text, "bash"):
        named |= set(re.findall(r"^(?:\S+=(?:\"[^\"]*\"|\S+) )*make ([a-z]+)", block, re.M))
    assert named - targets == set()


def test_readme_names_the_two_commands() -> None:
    assert {"make run", "make test"} <= set(
        re.findall(r"^make \w+", read(ROOT / "README.md"), re.M)
    )


def test_readme_front_matter_is_what_the_hub_needs() -> None:
    matter = front_matter(ROOT / "README.md")
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert (matter["sdk"], matter["app_port"], matter["base_path"]) == ("docker", 7860, "/admin/")
    assert matter["license"] == "mit"
    assert matter["pinned"] is False
    assert {matter["colorFrom"], matter["colorTo"]} <= colours
    assert len(matter["short_description"]) <= 60


def test_docs_are_ordered_and_titled() -> None:
    matters = [front_matter(path) for path in DOCS]
    positions = [matter["sidebar_position"] for matter in matters]
    assert sorted(positions) == list(range(1, len(DOCS) + 1))
    for path, matter in zip(DOCS, matters, strict=True):
        assert f"\n# {matter['title']}\n" in read(path)


def test_headings_of_the_docs_are_unique_in_their_page() -> None:
    for path in DOCS:
        titles = re.findall(r"^#{1,6} (.+)$", prose(read(path)), re.M)
        assert len({slug(title) for title in titles}) == len(titles), path.name


def test_openapi_document_is_that_of_the_app() -> None:
    from backend.server import openapi

    assert page_json() == openapi(), "run: make docs"


def test_routes_of_the_api_page_are_those_of_the_app() -> None:
    table = page("api").partition("## Which routes are there?")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([A-Z]+ [^`]+)`", table, re.M)) == openapi_routes()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_routes_that_are_named_exist(path: Path) -> None:
    known = {route.replace("_id}", "}") for route in openapi_routes()}
    named = set(re.findall(r"`((?:GET|POST|PATCH|DELETE) /[^`\s?]*)(?:\?[^`]*)?`", read(path)))
    assert {route.replace("_id}", "}") for route in named} - known == set()


def test_error_codes_of_the_api_page_are_those_of_the_product() -> None:
    table = page("api").partition("## Which error codes are there?")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| \w+ \| `(\w+)`", table, re.M)) == error_codes()


def test_statuses_of_the_error_table_are_those_of_the_classes() -> None:
    statuses = {}
    waiting = [errors.AppError]
    while waiting:
        kind = waiting.pop()
        statuses[kind.code] = kind.status
        waiting += kind.__subclasses__()
    rows = re.findall(r"^\| (\d{3}) \| `(\w+)`", page("api"), re.M)
    assert [row for row in rows if statuses.get(row[1], int(row[0])) != int(row[0])] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_json_examples_can_be_read(path: Path) -> None:
    text = read(path)
    for example in fenced(text, "json"):
        json.loads(example)
    for example in re.findall(r"^data: (.*)$", "\n".join(fenced(text, "text")), re.M):
        json.loads(example)


def sample_answers() -> list[Any]:
    from backend.api.answers import ChatAnswer

    sample = re.search(r"<!-- sample:begin -->\n(.*?)<!-- sample:end -->", read(PAGES[0]), re.S)
    assert sample
    shown = [*fenced(sample[1], "json"), fenced(page("api"), "json")[0]]
    return [ChatAnswer.model_validate_json(text) for text in shown]


def test_sample_answers_keep_the_promises_of_an_answer() -> None:
    for answer in sample_answers():
        assert answer.response == answer.answer
        marks = {int(mark) for mark in re.findall(r"\[(\d+)\]", answer.response)}
        assert marks == {citation.n for citation in answer.sources}


def test_sample_answers_quote_what_the_docs_say() -> None:
    for answer in sample_answers():
        for citation in answer.sources:
            text = read(ROOT / "docs" / citation.source)
            assert citation.quote in text
            assert citation.url.partition("#")[2] in anchors(text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_curl_examples_ask_a_route_with_a_body_it_takes(path: Path) -> None:
    from backend.api.content_schemas import AdjustRequest, FeedbackRequest, TranslateRequest
    from backend.api.schemas import ChatRequest, SearchRequest

    bodies = {
        "/chat": ChatRequest,
        "/chat/stream": ChatRequest,
        "/api/search": SearchRequest,
        "/translate": TranslateRequest,
        "/adjust-content": AdjustRequest,
        "/api/feedback": FeedbackRequest,
    }
    for words in curls(read(path)):
        address = next(word for word in words if word.startswith("http"))
        route = "/" + address.split("/", 3)[3]
        data = option(words, "-d", "--data")
        method = option(words, "-X") or ("POST" if data else "GET")
        assert f"{method} {route}" in openapi_routes()
        if data is not None:
            assert "Content-Type: application/json" in words
            bodies[route].model_validate_json(data)
