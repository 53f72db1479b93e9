"""One running service: settings -> guarded adapters -> services, and their life.

Cheap to make. The adapters with their heavy libraries are loaded by :meth:`Container.start` while
the port already answers ``/health``.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from backend.domain import CircuitChange, IndexInfo, IngestJob
from backend.errors import AppError, NotConfigured, Starting
from backend.guards import make_counters, make_guards
from backend.loading import loading
from backend.opening import ingest_patiently, log_upstreams, open_patiently, prepare_patiently
from backend.passwords import PasswordPool
from backend.probes import make_probes
from backend.services.account_setup import make_accounts
from backend.services.answer_cache import AnswerCache
from backend.services.answering import Answering
from backend.services.conversations import Conversations
from backend.services.diagnostics import Diagnostics
from backend.services.dialogues import Dialogues
from backend.services.ingestion import Ingestion
from backend.services.insights import Insights
from backend.services.reading import Reading
from backend.services.replays import Replays
from backend.services.retrieval import Retrieval, RetrievalOptions
from backend.services.rewording import Rewording
from backend.services.rewriting import Rewriting
from backend.services.uploads import Uploads
from backend.telemetry import TRACING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backend.resilience import Policy
    from backend.services.accounts import Accounts
    from backend.settings import Loaded
    from backend.wiring import Adapters

log = logging.getLogger(__name__)

DEFAULT_THRESHOLD = 0.5
READY_WAIT_S = 10.0
"""How long a request waits for the parts, and for the first ingestion of an empty index."""
STARTING = "The service is still starting; ask again in a few seconds."


class Container:
    """The parts of one running service.

    The services exist once :meth:`ready` returned, ``diagnostics`` from the beginning.
    """

    answering: Answering
    conversations: Conversations
    dialogues: Dialogues
    retrieval: Retrieval
    ingestion: Ingestion
    reading: Reading
    rewriting: Rewriting
    insights: Insights

    def __init__(
        self,
        loaded: Loaded,
        *,
        ingest_at_start: bool = True,
        policies: Mapping[str, Policy] | None = None,
        keep_answers: bool = True,
    ) -> None:
        """Prepare; nothing is opened or imported that takes time.

        Args:
            loaded: the configuration.
            ingest_at_start: whether :meth:`start` also brings the index in line with the docs.
            policies: limits of upstreams by circuit's name, instead of their own.
            keep_answers: whether a question may get the answer that was given a moment ago.
        """
        self.settings = loaded.settings
        self.counters, self._close_counters = make_counters(loaded.settings)
        self.uploads = Uploads(loaded.settings.data_dir / "uploads")
        self.stopping = asyncio.Event()
        self._ingest_at_start = ingest_at_start
        self._keep_answers = keep_answers
        self._docs_chosen = "DOCS_PATH" in loaded.sources
        self._built = asyncio.Event()
        self._usable = asyncio.Event()
        self._failure: AppError | None = None
        self._guards = make_guards(loaded.settings, policies or {})
        probes = make_probes(
            loaded.settings,
            self._guards,
            info=self.index_info,
            ping=self._ping_database,
            try_reranker=self._try_reranker,
            last_ingestion=self._last_ingestion,
        )
        self.diagnostics = Diagnostics(loaded, probes)
        self._adapters: Adapters | None = None
        self._passwords = PasswordPool()
        self._accounts: Accounts | NotConfigured | None = None
        self._points: int | None = None
        self._opening: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None

    async def open_accounts(self) -> Accounts:
        """The readers' accounts, waiting a few seconds for them while the service starts.

        Raises:
            Starting: they are still not there.
            NotConfigured: there can be none; the sentence names the variable.
        """
        if self._accounts is None and self._failure is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(READY_WAIT_S):
                    await self._built.wait()
        if self._accounts is None:
            raise self._failure or Starting(STARTING, retry_after_s=5)
        if isinstance(self._accounts, NotConfigured):
            raise NotConfigured(self._accounts.detail)
        return self._accounts

    def circuits(self) -> dict[str, dict[str, Any]]:
        """State and counters of every circuit, by upstream."""
        return {name: guard.snapshot() for name, guard in self._guards.items()}

    def circuit_changes(self) -> list[CircuitChange]:
        """The last changes of all circuits, newest first."""
        found = [change for guard in self._guards.values() for change in guard.circuit.changes]
        return sorted(found, key=lambda change: change.at, reverse=True)

    def gauges(self) -> dict[str, float]:
        """What has a size at this moment, by name; asks nobody."""
        sizes = {"index_points": float(self._points)} if self._points is not None else {}
        if self._adapters is not None:
            sizes["database_connections_in_use"] = self._adapters.database.connections_in_use
        if self._built.is_set() and (job := self.ingestion.last) is not None:
            sizes |= {
                "ingest_running": float(self.ingestion.running),
                "ingest_documents": job.documents,
                "ingest_chunks": job.chunks,
                "ingest_embedded": job.embedded,
                "ingest_errors": len(job.errors),
                "ingest_seconds": job.elapsed_s,
            }
        return sizes

    async def ready(self) -> None:
        """Wait until questions can be answered.

        Raises:
            Starting: the parts are not there yet.
        """
        if self._usable.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_WAIT_S):
                await self._usable.wait()
        if not self._built.is_set():
            raise self._failure or Starting(STARTING, retry_after_s=5)

    async def start(self) -> None:
        """Load the adapters and build the services.

        The index is opened, and what changed in the docs ingested, in the background.
        """
        try:
            wiring = await asyncio.to_thread(_load, "backend.wiring")
            self._adapters = wiring.make_adapters(self.settings, self._guards, self.uploads.folder)
            self._build(self._adapters)
        except Exception:  # whatever it was, nobody may wait for the parts any longer
            self._failure = AppError("The service could not start; its log says why.")
            self._usable.set()
            raise
        self._built.set()
        self.insights.start()
        self._opening = asyncio.create_task(self._open(), name="open-index")
        self._preparing = asyncio.create_task(self._prepare_database(), name="prepare-database")
        if endpoint := self.settings.otel_exporter_otlp_endpoint:
            await asyncio.to_thread(TRACING.start, endpoint)

    async def aclose(self) -> None:
        """Stop what runs and release connections, files and processes."""
        self.stopping.set()
        for task in (self._opening, self._preparing):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        if self._built.is_set():
            await self.dialogues.aclose()
            await self.ingestion.aclose()
            await self.rewriting.aclose()
            await self.insights.aclose()
        if self._adapters is not None:
            await self._adapters.aclose()
        self._passwords.close()
        if self._close_counters is not None:
            await self._close_counters()
        await asyncio.to_thread(TRACING.stop)

    def _build(self, parts: Adapters) -> None:
        settings = self.settings
        threshold = settings.score_threshold
        options = RetrievalOptions(
            top_k=settings.retrieval_top_k,
            threshold=DEFAULT_THRESHOLD if threshold is None else threshold,
            site_url=settings.site_url,
        )
        self.retrieval = Retrieval(
            parts.index, parts.embedder, options, parts.reranker, Rewording(parts.models)
        )
        cache = AnswerCache() if self._keep_answers else None
        self.answering = Answering(
            self.retrieval, parts.models, book_title=settings.source_title, cache=cache
        )
        replays = Replays(parts.replays)
        self.conversations = Conversations(parts.conversations, replays)
        self.insights = Insights(parts.feedback, retention_days=settings.insights_retention_days)
        self.dialogues = Dialogues(
            self.answering, parts.conversations, replays, on_answer=self.insights.note
        )
        exporters = {"conversations": self.conversations.everything}
        self._accounts = make_accounts(
            parts.accounts, self._passwords, exporters, self.insights.flush
        )

        def published() -> None:
            self.retrieval.lexicons.expire()
            if cache is not None:
                cache.clear()

        self.ingestion = Ingestion(
            parts.source, parts.index, parts.embedder,
            preparation=parts.preparation, published=published,
        )  # fmt: skip
        self.reading = Reading(parts.index)
        self.rewriting = Rewriting(parts.models, parts.rewrites, terms=parts.glossary)

    async def index_info(self) -> IndexInfo:
        """Facts about the index. Raises Starting and UpstreamError."""
        if self._adapters is None:
            raise Starting("The service is still starting.")
        info = await self._adapters.index.info()
        self._points = info.points
        return info

    def _last_ingestion(self) -> IngestJob | None:
        return self.ingestion.last if self._built.is_set() else None

    async def _ping_database(self) -> str | None:
        if self._adapters is None:
            raise Starting("The service is still starting.")
        database = self._adapters.database
        await self._guards["database"].call(database.ping)
        return database.problem

    async def _try_reranker(self) -> None:
        if self._adapters is None:
            raise Starting("The service is still starting.")
        if self._adapters.reranker is not None:
            await self._adapters.reranker.relevance("What is this?", ["This is a sentence."])

    async def _prepare_database(self) -> None:
        assert self._adapters is not None
        await prepare_patiently(self._adapters.database, self._guards["database"])

    async def _open(self) -> None:
        """Open the index, however long its server is away, then ingest what changed."""
        assert self._adapters is not None
        # while it is away, questions get the reason instead of a wait
        info = await open_patiently(self._adapters.index, failed=self._usable.set)
        self._points = info.points
        # an earlier backend's collection is re-indexed only on request
        by_itself = self._ingest_at_start and not (info.legacy and info.points)
        if info.points or not by_itself:
            self._usable.set()
        if by_itself:
            await ingest_patiently(
                self.ingestion, may_replace=self._docs_chosen, ended=self._usable.set
            )
        await log_upstreams(self.diagnostics)


def _load(module: str) -> Any:
    with loading():
        return import_module(module)
