"""The whole product in the test's own loop: real container, real server, doubles upstream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from backend.container import Container
from backend.resilience import Policy
from backend.server import limits_of
from backend.settings import load
from tests.api.serving import UNLIMITED, Site, serving

CHAPTERS = {
    "intro.md": "---\ntitle: Robots\n---\n\nThis book is about robots that walk and talk.\n",
    "nodes.md": (
        "# Nodes\n\nA node is a process that performs computation.\n\n"
        "## Starting a node\n\nCall `rclpy.init()` before you create the node.\n\n"
        "```python\nimport rclpy\n\nrclpy.init()\nnode = rclpy.create_node('talker')\n```\n\n"
        "## Stopping a node\n\nCall `node.destroy_node()` and then `rclpy.shutdown()`.\n"
    ),
    "topics.md": (
        "# Topics\n\nA topic is a named bus over which nodes exchange messages.\n\n"
        "## Quality of service\n\nThe default history depth of a topic is 10 messages.\n"
    ),
}


def write_book(folder: Path, chapters: Mapping[str, str] = CHAPTERS) -> Path:
    """The chapters as files below ``folder``."""
    for path, text in chapters.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


@asynccontextmanager
async def product(
    docs: Path | None,
    data: Path,
    *,
    policies: Mapping[str, Policy] | None = None,
    limited: bool = False,
    keep_answers: bool = False,
    **environment: str,
) -> AsyncIterator[Site]:
    """Serve the product with these variables until the block ends; the book has been read in.

    ``docs`` None: DOCS_PATH is not set. Without ``keep_answers`` the same question asked twice asks
    the model twice.
    """
    chosen = {} if docs is None else {"DOCS_PATH": str(docs)}
    environ = {"DATA_DIR": str(data), **chosen, **environment}
    container = Container(load(environ), policies=policies, keep_answers=keep_answers)
    limits = limits_of(container.settings, container.counters) if limited else UNLIMITED
    async with serving(container, limits=limits) as site:  # type: ignore[arg-type]
        await container.ready()
        await until(lambda: container.ingestion.last is not None)
        yield site


async def ask(site: Site, query: str, **fields: Any) -> Any:
    """The JSON answer to a question."""
    reply = await site.ask("POST", "/chat", json={"query": query, **fields})
    assert reply.status == 200, reply.body
    return reply.json


async def ingest(site: Site) -> Any:
    """Run an ingestion to its end; the finished job."""
    started = await site.ask("POST", "/ingest")
    assert started.status == 202, started.body
    path = f"/ingest/{started.json['job_id']}"
    events = (await site.ask("GET", f"{path}/events")).events
    assert events[-1][0] == "done", events
    return (await site.ask("GET", path)).json


async def until(condition: Any) -> None:
    """Let others work until the condition holds; a bound for what hangs."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.001)
