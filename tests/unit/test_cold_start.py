"""What is imported before the port opens, counted in a fresh interpreter: modules, not time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUDGET = 850
"""Modules, the standard library's included. Raise it for a reason, not for an import that could
stand in the function that needs it."""
HEAVY = (
    "aiohttp", "alembic", "bs4", "gradio", "grpc", "huggingface_hub", "numpy", "openai", "pandas",
    "PIL", "psycopg2", "qdrant_client", "qdrant_edge", "redis", "rich", "sqlalchemy",
)  # fmt: skip

PROBE = """
import json, sys
from backend import server, settings
from backend.container import Container
import app, ui.mount
server.Server.run = lambda self, sockets=None: print(json.dumps(sorted(sys.modules)))
loaded = settings.load({"DATA_DIR": sys.argv[1]})
app.serve(loaded)
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is loaded when the product would open its port."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path_factory.mktemp("data"))],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", HEAVY)
def test_heavy_library_is_not_loaded_before_the_port_is_open(modules: list[str], name: str) -> None:
    assert [module for module in modules if module.split(".")[0] == name] == []


def test_modules_before_the_port_is_open_stay_within_the_budget(modules: list[str]) -> None:
    assert len(modules) <= BUDGET
