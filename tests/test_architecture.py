"""The rules of the house, read from the source: who imports whom, what is loaded when, how long.

Each rule is a function of ``(path, source)`` that returns its violations, so that it can be shown a
bad example too: a rule that never turns red proves nothing.
"""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend import errors

ROOT = Path(__file__).parent.parent
MAX_LINES = 300

MEMBERS = {
    "foundation": {
        "clock", "crypto", "domain", "errors", "loading", "logs", "memory", "metrics",
        "passwords", "reference", "settings", "telemetry", "turns", "variables", "watchdog",
    },
    "ports": {"account_ports", "content_ports", "conversation_ports", "ports"},
    "resilience": {
        "circuit", "guarded", "misfit", "pacing", "patience", "resilience", "retry_budget",
    },
    "container": {"container", "guards", "maintenance", "opening", "probes", "wiring"},
}  # fmt: skip
"""Layers of several modules; the others have the name of their folder or file."""
_CORE = {"foundation", "ports", "text", "resilience"}
MAY_IMPORT = {
    "foundation": {"foundation"},
    "ports": {"foundation", "ports"},
    "text": {"foundation", "text"},
    "resilience": {"foundation", "ports", "resilience"},
    "services": {*_CORE, "services"},
    "adapters": {*_CORE, "adapters"},
    "container": {*_CORE, "services", "adapters", "container"},
    "api": {"foundation", "text", "services", "container", "api"},
    "ui": {"foundation", "text", "services", "container", "ui"},
    "server": {*_CORE, "services", "adapters", "container", "api", "server"},
    "app": {*_CORE, "services", "adapters", "container", "api", "ui", "server"},
}

HEAVY = {
    "alembic", "bs4", "gradio", "gradio_client", "grpc", "limits", "numpy", "openai", "pandas",
    "prometheus_client", "psycopg2", "qdrant_client", "qdrant_edge", "redis", "sqlalchemy",
}  # fmt: skip
EDGE_PROCESS = {f"backend/adapters/edge_{name}.py" for name in ("graph", "store", "worker")}


def layer_of(module: str) -> str | None:
    """The layer of a dotted module of this project, or None for a stranger."""
    first, *rest = module.split(".")
    if first in {"app", "ui"}:
        return first
    if first != "backend" or not rest:
        return None
    named = next((layer for layer, members in MEMBERS.items() if rest[0] in members), rest[0])
    return named if named in MAY_IMPORT else None


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(node: ast.AST, path: str) -> list[str]:
    """Dotted names that an import statement may load: ``from a import b`` gives a and a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    package = path.removesuffix(".py").split("/")[: -node.level] if node.level else []
    base = ".".join([*package, *([node.module] if node.module else [])])
    return [base, *(f"{base}.{alias.name}" for alias in node.names)]


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported, those for type checkers left out."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from _at_import(node.orelse)
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _at_import(getattr(node, field, []))
        for handler in getattr(node, "handlers", []):
            yield from _at_import(handler.body)


def steps_upwards(path: str, source: str) -> list[str]:
    """Imports of a layer that this one may not know, wherever in the file they stand."""
    own = layer_of(module_of(path))
    if own is None:
        return [f"{path} belongs to no layer: name it in tests/test_architecture.py"]
    found = []
    for node in ast.walk(ast.parse(source)):
        layers = {layer_of(name) for name in _imported(node, path)} - {None}
        for layer in sorted(layers - MAY_IMPORT[own]):  # type: ignore[type-var]
            found.append(f"{path}:{node.lineno} {own} imports {layer}")  # type: ignore[attr-defined]
    return found


def heavy_at_import(path: str, source: str) -> list[str]:
    """Heavy libraries that importing this file loads."""
    return [
        f"{path}:{node.lineno} imports {name} at import"
        for node in _at_import(ast.parse(source).body)
        for name in dict.fromkeys(name.split(".")[0] for name in _imported(node, path))
        if name in HEAVY
    ]


def edge_engine_elsewhere(path: str, source: str) -> list[str]:
    """Imports of Qdrant Edge, whose calls hold the interpreter lock, outside its child process."""
    if path in EDGE_PROCESS:
        return []
    inside = {"qdrant_edge", *(module_of(part) for part in EDGE_PROCESS)}
    return [
        f"{path}:{node.lineno} brings qdrant_edge into the service"  # type: ignore[attr-defined]
        for node in ast.walk(ast.parse(source))
        if inside & set(_imported(node, path))
    ]


def environment_access(path: str, source: str) -> list[str]:
    """Uses of the environment outside the settings; the UI may switch Gradio's telemetry off."""
    if path == "backend/settings.py":
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            name = next((f"os.{a.name}" for a in node.names), "")
        else:
            continue
        if not re.fullmatch(r"os\.(environb?|getenvb?|putenv|unsetenv)", name):
            continue
        line = source.splitlines()[node.lineno - 1]
        if path == "ui/mount.py" and "GRADIO_ANALYTICS_ENABLED" in line:
            continue
        found.append(f"{path}:{node.lineno} uses {name}")
    return found


def prints(path: str, source: str) -> list[str]:
    """Calls of print outside the command line."""
    if path == "app.py":
        return []
    return [
        f"{path}:{node.lineno} prints"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]


def too_long(path: str, source: str) -> list[str]:
    """Files that want to be two."""
    lines = len(source.splitlines())
    return [f"{path} has {lines} lines, more than {MAX_LINES}"] if lines > MAX_LINES else []


Rule = Callable[[str, str], list[str]]
EVERYWHERE: tuple[Rule, ...] = (
    steps_upwards, edge_engine_elsewhere, environment_access, prints, too_long,
)  # fmt: skip


def sources() -> dict[str, str]:
    files = [ROOT / "app.py", *(ROOT / "backend").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in files
        if path.is_file()
    }


def imported_with(roots: set[str], files: dict[str, str]) -> set[str]:
    """The files that importing ``roots`` loads, directly or through others."""
    by_module = {module_of(path): path for path in files}
    reached: set[str] = set()
    waiting = [path for path in roots if path in files]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        for node in _at_import(ast.parse(files[path]).body):
            waiting += [by_module[name] for name in _imported(node, path) if name in by_module]
    return reached


def before_the_port_opens(files: dict[str, str]) -> set[str]:
    api = {path for path in files if path.startswith("backend/api/")}
    return imported_with({"app.py", "backend/server.py", "backend/container.py", *api}, files)


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
def test_house_rule_holds_in_every_file(rule: Rule) -> None:
    files = {path: source for path, source in sources().items() if source.strip()}
    assert files
    assert [violation for path, source in files.items() for violation in rule(path, source)] == []


def test_nothing_heavy_stands_before_the_first_health_check() -> None:
    files = sources()
    early = sorted(before_the_port_opens(files))
    assert [found for path in early for found in heavy_at_import(path, files[path])] == []


def test_importing_the_server_loads_no_heavy_library() -> None:
    code = (
        "import sys, app, backend.server, backend.container\n"
        f"sys.stdout.write(' '.join(sorted({HEAVY!r} & set(sys.modules))))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (steps_upwards, "backend/domain.py", "import backend.ports"),
        (steps_upwards, "backend/text/fusion.py", "import backend.services.retrieval"),
        (steps_upwards, "backend/services/answering.py", "from backend.adapters import edge_index"),
        (steps_upwards, "backend/services/answering.py", "def f():\n    from ..adapters import x"),
        (steps_upwards, "backend/adapters/edge_index.py", "from backend.services import retrieval"),
        (steps_upwards, "backend/api/chat.py", "import ui.chat"),
        (steps_upwards, "backend/api/chat.py", "from backend import adapters"),
        (steps_upwards, "ui/chat.py", "from backend.api.schemas import ChatRequest"),
        (steps_upwards, "backend/server.py", "from ui.mount import mount"),
        (steps_upwards, "backend/novelty.py", ""),
        (heavy_at_import, "backend/server.py", "import gradio as gr"),
        (heavy_at_import, "backend/container.py", "try:\n    import openai\nfinally: ..."),
        (heavy_at_import, "backend/api/x.py", "class A:\n    from sqlalchemy.orm import Session"),
        (edge_engine_elsewhere, "backend/container.py", "def f():\n    import qdrant_edge"),
        (edge_engine_elsewhere, "backend/container.py", "from backend.adapters import edge_store"),
        (environment_access, "backend/api/x.py", "import os\nPORT = os.environ['PORT']"),
        (environment_access, "app.py", "from os import getenv"),
        (environment_access, "ui/mount.py", "import os\nos.environ['HOME'] = ''"),
        (prints, "ui/chat.py", "print('here')"),
        (too_long, "ui/chat.py", "x = 1\n" * (MAX_LINES + 1)),
    ],
)  # fmt: skip
def test_house_rule_turns_red(rule: Rule, path: str, source: str) -> None:
    assert len(rule(path, source)) == 1


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (steps_upwards, "backend/services/answering.py", "from backend.ports import ChatModel"),
        (steps_upwards, "app.py", "import ui.mount, backend.server"),
        (heavy_at_import, "backend/container.py", "def f():\n    import openai"),
        (
            heavy_at_import,
            "backend/container.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import openai",
        ),
        (edge_engine_elsewhere, "backend/adapters/edge_worker.py", "import qdrant_edge"),
        (environment_access, "backend/settings.py", "import os\nos.environ"),
        (environment_access, "ui/mount.py", "os.environ['GRADIO_ANALYTICS_ENABLED'] = 'False'"),
        (environment_access, "backend/crypto.py", "import os\nos.urandom(8)"),
        (prints, "app.py", "print('report')"),
    ],
)
def test_house_rule_lets_good_source_pass(rule: Rule, path: str, source: str) -> None:
    assert rule(path, source) == []


def test_files_loaded_early_are_found_through_others() -> None:
    files = {
        "app.py": "def main():\n    import ui.mount",
        "backend/server.py": "from backend.api import chat",
        "backend/api/chat.py": "from . import deps",
        "backend/api/deps.py": "",
        "backend/adapters/late.py": "",
        "ui/mount.py": "",
    }
    assert imported_with({"app.py", "backend/server.py"}, files) == {
        "app.py", "backend/server.py", "backend/api/chat.py", "backend/api/deps.py",
    }  # fmt: skip


def test_error_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    """The module's opening lines are what people read; they must not lie."""
    stated = {
        match["name"]: match["code"]
        for match in re.finditer(
            r"^[ |]*[|`]- (?P<name>\w+) +(?:\d{3} )?(?P<code>[a-z_]+)", errors.__doc__ or "", re.M
        )
    }
    classes = {
        name: kind.code
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.AppError) and kind is not errors.AppError
    }
    assert stated == classes
