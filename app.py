"""The command line: serve the API and the admin UI, check the configuration, ingest the book.

``python app.py`` serves; ``--check`` prints the report and exits 0, or 78 where the configuration
is at fault; ``ingest`` brings the index in line with the docs and shows its progress; ``migrate``
brings the database's schema up to date; ``rotate-keys`` rewrites personal data under a new key.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from contextlib import aclosing
from typing import TYPE_CHECKING

from backend import logs
from backend.domain import IngestJob, JobState
from backend.errors import AppError
from backend.services.report import EXIT_CONFIG
from backend.settings import Loaded, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.progress import TaskID

    from backend.container import Container
    from backend.services.key_rotation import Rotation

log = logging.getLogger("app")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="app.py", description="Answers questions of readers from a book in Markdown."
    )
    parser.add_argument("--check", action="store_true", help="print the report and exit 0 or 78")
    parser.add_argument(
        "command",
        nargs="?",
        choices=["serve", *_COMMANDS],
        default="serve",
        help="serve (the default); ingest the docs; migrate the database; rotate-keys: rewrite "
        "personal data under DATA_ENCRYPTION_KEY",
    )
    options = parser.parse_args(arguments)
    loaded = load()
    logs.configure(loaded.settings, secrets=loaded.secrets)
    if options.check:
        return asyncio.run(check(loaded))
    command = _COMMANDS.get(options.command)
    return serve(loaded) if command is None else asyncio.run(command(loaded))


def serve(loaded: Loaded) -> int:
    """Serve until stopped; 78 without serving where STRICT_CONFIG asks for it."""
    from backend.container import Container
    from backend.server import create_app, gate_of, limits_of
    from backend.server import serve as run
    from ui.mount import AdminUI

    container = Container(loaded)
    report = container.diagnostics.configuration()
    logs.banner(report.to_text())
    if loaded.settings.strict_config and report.exit_status:
        log.error("STRICT_CONFIG is set and the configuration has problems: not starting")
        return EXIT_CONFIG
    limits = limits_of(loaded.settings, container.counters)
    gate = gate_of(loaded.settings)
    ui = AdminUI(container, gate=gate, limits=limits)
    app = create_app(container, ui, limits=limits, gate=gate)
    log.info("serving", extra={"host": loaded.settings.host, "port": loaded.settings.port})
    run(app, loaded.settings.host, loaded.settings.port)
    return 0


async def check(loaded: Loaded) -> int:
    """Print the report after asking every part; 0, or 78 where the configuration is at fault."""
    container = await _started(loaded)
    try:
        report = await container.diagnostics.report(probe=True)
    finally:
        await container.aclose()
    sys.stdout.write(report.to_text() + "\n")
    return report.exit_status


async def ingest(loaded: Loaded) -> int:
    """Bring the index in line with the docs; 1 where that failed."""
    container = await _started(loaded)
    try:
        job = await _ingest_with_progress(container)
    except AppError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    finally:
        await container.aclose()
    for unread in job.errors:
        sys.stderr.write(f"{unread.path}: {unread.reason}\n")
    sys.stdout.write(
        f"{job.state.value}: {job.documents} documents, {job.chunks} chunks: {job.embedded} "
        f"written, {job.skipped} unchanged, {job.deleted} deleted, in {job.elapsed_s:.1f} s\n"
    )
    return 0 if job.state is JobState.DONE else 1


async def migrate(loaded: Loaded) -> int:
    """Bring the database's schema up to date; 1 where that failed."""
    from backend import maintenance

    try:
        state = await maintenance.migrate(loaded)
    except AppError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    sys.stdout.write(f"The schema is up to date: revision {state.revision}.\n")
    return 0


async def rotate_keys(loaded: Loaded) -> int:
    """Rewrite personal data under the current key; 1 where that failed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from backend import maintenance

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    tasks: dict[str, TaskID] = {}
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:

            def show(state: Rotation) -> None:
                if state.table not in tasks:
                    tasks[state.table] = progress.add_task(state.table)
                progress.update(tasks[state.table], completed=state.seen, total=state.total)

            done = await maintenance.rotate_keys(loaded, show)
    except AppError as error:
        sys.stderr.write(f"{error.detail}\n")
        return 1
    for state in done:
        sys.stdout.write(f"{state.table}: {state.rewritten} of {state.seen} rows rewritten\n")
    return 0


async def _started(loaded: Loaded) -> Container:
    from backend.container import Container

    container = Container(loaded, ingest_at_start=False)
    await container.start()
    await container.ready()
    return container


async def _ingest_with_progress(container: Container) -> IngestJob:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents, {task.fields[chunks]} chunks"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("Ingesting", total=None, chunks=0)
        started = await container.ingestion.start()
        async with aclosing(container.ingestion.events(started.job_id)) as jobs:
            async for job in jobs:
                progress.update(
                    task,
                    completed=job.documents,
                    total=job.documents_total or None,  # a bar that only moves until it is known
                    chunks=job.chunks,
                )
    return job


_COMMANDS = {"ingest": ingest, "migrate": migrate, "rotate-keys": rotate_keys}


if __name__ == "__main__":
    sys.exit(main())
