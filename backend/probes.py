"""How each part is asked whether it works: the probes that diagnostics runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.adapters.openai_errors import Names
from backend.adapters.rerank_model import RERANK_NAMES
from backend.domain import Check, IndexInfo, IngestJob, Status
from backend.errors import UpstreamRefused
from backend.resilience import Guard
from backend.services.connectivity import Step, Target, inspect
from backend.services.problems import index_problem, ingestion_problem
from backend.services.readiness import Probe
from backend.settings import Settings

CHAT_NAMES = Names()
EMBEDDING_NAMES = Names(
    upstream="embeddings",
    part="The embedding server",
    key="EMBEDDING_API_KEY (or OPENAI_API_KEY)",
    model="EMBEDDING_MODEL",
    url="EMBEDDING_BASE_URL (or OPENAI_BASE_URL)",
)
FALLBACK_NAMES = Names(
    upstream="fallback",
    part="The fallback model server",
    key="FALLBACK_API_KEY",
    model="FALLBACK_MODEL",
    url="FALLBACK_BASE_URL",
)

PROBE_TIMEOUT_S = 8.0
CONNECT_S = 2.0
TRIAL_S = 2.0

_DEFAULT_PORTS = {"https": 443, "http": 80, "postgresql": 5432, "rediss": 6379, "redis": 6379}


async def connect(url: str, upstream: str, variable: str) -> None:
    """Open a TCP connection to the server of ``url`` and close it again.

    Raises:
        UpstreamRefused: nobody listens, the name does not resolve, or a port is blocked.
    """
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme.split("+")[0], 443)
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as error:
        raise UpstreamRefused(
            upstream,
            f"No connection to port {port} of the server in {variable}; check that it is running "
            "and that this machine may reach that port.",
        ) from error
    writer.close()


def _path(url: str | None, on_space: bool) -> Callable[[], Awaitable[tuple[Step, ...]]] | None:
    """How far a connection to the server of ``url`` gets; None for what is embedded."""
    if url is None:
        return None
    return partial(inspect, Target.of(url), on_space=on_space)


async def _connect(url: str, variable: str, guard: Guard) -> None:
    """As ``connect``; the circuit learns of an outage before the next question does."""
    try:
        await connect(url, guard.name, variable)
    except UpstreamRefused as error:
        guard.note_outage(error)
        raise


def _circuit_check(name: str, guard: Guard) -> Check:
    if fault := guard.fault:
        raise fault
    state = guard.snapshot()["state"]
    if state == "closed":
        return Check(name, Status.OK)
    if state == "half_open":
        again = "It failed several times in a row; the next question tries it again."
        return Check(name, Status.DEGRADED, again)
    return Check(name, Status.DOWN, "It failed several times in a row and is left alone a moment.")


async def _tried(guard: Guard, call: Callable[[], Awaitable[object]]) -> None:
    """Make the trial of a circuit that waits for one: a balancer sends no question before that."""
    if guard.snapshot()["state"] == "half_open":
        async with asyncio.timeout(TRIAL_S):
            await call()


def model_probe(
    name: str,
    guard: Guard,
    names: Names,
    *,
    base_url: str,
    api_key: SecretStr | None,
    model: str,
    on_space: bool = False,
) -> Probe:
    """Does the server take the key, and does it know the model? Light: its circuit and its port."""

    async def run() -> Check:
        from backend.adapters.openai_probe import model_exists

        known = await model_exists(
            base_url=base_url,
            api_key=api_key.get_secret_value() if api_key else None,
            model=model,
            timeout_s=PROBE_TIMEOUT_S - 1,
            names=names,
        )
        if known is False:
            return Check(
                name,
                Status.DOWN,
                f"The server does not know the model that {names.model} names.",
                f"Set {names.model} to a model of this provider.",
            )
        return _circuit_check(name, guard)

    async def light() -> Check:
        await _connect(base_url, names.url, guard)
        return _circuit_check(name, guard)

    return Probe(name, run, light, timeout_s=PROBE_TIMEOUT_S, path=_path(base_url, on_space))


def rerank_probe(
    try_it: Callable[[], Awaitable[object]], guard: Guard, *, url: str, on_space: bool = False
) -> Probe:
    """Does the model put one sentence into order? Light: its circuit and its port.

    These servers have no question about key and model that costs nothing, so the whole check, which
    runs at the start and for admins only, is the smallest order there is.
    """

    async def run() -> Check:
        await try_it()
        return _circuit_check("rerank", guard)

    async def light() -> Check:
        await _connect(url, RERANK_NAMES.url, guard)
        return _circuit_check("rerank", guard)

    return Probe("rerank", run, light, timeout_s=PROBE_TIMEOUT_S, path=_path(url, on_space))


def index_probe(
    info: Callable[[], Awaitable[IndexInfo]],
    guard: Guard,
    *,
    url: str | None,
    expected: int | None,
    on_space: bool = False,
) -> Probe:
    """Is the index there, and made for these embeddings?"""

    async def run() -> Check:
        found = await info()
        details = {"points": found.points, "fingerprint": found.fingerprint}
        problem, fix = index_problem(found, expected)
        if problem is None and (fault := guard.fault):
            raise fault
        return Check("qdrant", Status.DEGRADED if problem else Status.OK, problem, fix, details)

    async def light() -> Check:
        if url is None:
            return await run()
        await _connect(url, "QDRANT_URL", guard)
        await _tried(guard, info)
        return _circuit_check("qdrant", guard)

    return Probe(
        "qdrant", run, light, essential=True, timeout_s=PROBE_TIMEOUT_S, path=_path(url, on_space)
    )


def database_probe(
    ping: Callable[[], Awaitable[str | None]],
    guard: Guard,
    url: SecretStr | None,
    *,
    on_space: bool = False,
) -> Probe:
    """Does the database answer? Light: circuit and port, so that one asleep stays asleep."""

    async def run() -> Check:
        if problem := await ping():
            fix = "Deploy the version that changed it, or give this one a database of its own."
            return Check("database", Status.DEGRADED, problem, fix)
        return _circuit_check("database", guard)

    async def light() -> Check:
        if url is not None:
            await _connect(url.get_secret_value(), "NEON_API_KEY", guard)
        await _tried(guard, ping)
        return _circuit_check("database", guard)

    path = _path(url.get_secret_value() if url else None, on_space)
    # who configured a server has readers who sign in: without it the service is not ready for them
    essential = url is not None
    return Probe("database", run, light, essential, timeout_s=PROBE_TIMEOUT_S, path=path)


def make_probes(
    settings: Settings,
    guards: Mapping[str, Guard],
    *,
    info: Callable[[], Awaitable[IndexInfo]],
    ping: Callable[[], Awaitable[str | None]],
    try_reranker: Callable[[], Awaitable[object]],
    last_ingestion: Callable[[], IngestJob | None],
) -> list[Probe]:
    """A probe for every part that these settings use."""
    probes = []
    model = partial(model_probe, on_space=settings.on_space)
    if settings.chat_enabled:
        probes.append(
            model(
                "openai",
                guards["openai"],
                CHAT_NAMES,
                base_url=settings.openai_base_url,
                api_key=settings.openai_api_key,
                model=settings.openai_model,
            )
        )
    if settings.embeddings_enabled and settings.embedding_model is not None:
        probes.append(
            model(
                "embeddings",
                guards["embeddings"],
                EMBEDDING_NAMES,
                base_url=settings.embedding_base_url,
                api_key=settings.embedding_api_key,
                model=settings.embedding_model,
            )
        )
    if settings.rerank_enabled and (url := settings.rerank_base_url):
        guard = guards["rerank"]
        probes.append(rerank_probe(try_reranker, guard, url=url, on_space=settings.on_space))
    dimensions = settings.embedding_dimensions if settings.embeddings_enabled else None
    on_space = settings.on_space
    vectors = guards["qdrant"]
    probes.append(
        index_probe(info, vectors, url=settings.qdrant_url, expected=dimensions, on_space=on_space)
    )
    database = settings.neon_api_key
    probes.append(database_probe(ping, guards["database"], database, on_space=on_space))
    probes.append(docs_probe(settings.docs_path, last_ingestion, on_space=on_space))
    return probes


def docs_probe(
    docs_path: str, last_ingestion: Callable[[], IngestJob | None], *, on_space: bool = False
) -> Probe:
    """Is there something to ingest, and did the last ingestion take all of it?"""

    async def run() -> Check:
        if "://" in docs_path:
            await connect(docs_path, "docs", "DOCS_PATH")
        elif not await asyncio.to_thread(Path(docs_path).exists):
            return Check(
                "docs",
                Status.DEGRADED,
                "DOCS_PATH does not exist, so nothing new can be ingested.",
                "Point DOCS_PATH at the folder of the chapters.",
            )
        problem, fix = ingestion_problem(last_ingestion())
        return Check("docs", Status.DEGRADED if problem else Status.OK, problem, fix)

    return Probe("docs", run, path=_path(docs_path if "://" in docs_path else None, on_space))
