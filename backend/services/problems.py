"""What is to be mended about an index or an ingestion, and how; None and None where nothing is."""

from __future__ import annotations

from backend.domain import IndexInfo, IngestJob, JobState


def index_problem(found: IndexInfo, expected: int | None) -> tuple[str | None, str | None]:
    """Of an index where the embedding model makes vectors of ``expected`` numbers."""
    ingest = "Run an ingestion (POST /ingest, or `python app.py ingest`)."
    if found.problem:
        return found.problem, ingest
    if found.points == 0:
        return "The index is empty: nothing of the book can be found yet.", ingest
    if found.legacy:
        return (
            "The collection has the layout of an earlier backend: it is searched by meaning only.",
            f"{ingest} It is rebuilt beside the old one, which stays, and then swapped in.",
        )
    if expected is not None and found.dimensions not in (None, expected):
        return (
            f"The index holds vectors of {found.dimensions} numbers, the embedding model makes "
            f"{expected}.",
            f"Correct EMBEDDING_MODEL or EMBEDDING_DIMENSIONS, or rebuild the index: {ingest}",
        )
    return None, None


def ingestion_problem(job: IngestJob | None) -> tuple[str | None, str | None]:
    """Of the last ingestion."""
    if job is None or not job.errors:
        return None, None
    last = job.errors[-1]
    if job.state is JobState.FAILED:
        return f"The last ingestion failed: {last.reason}", "Mend that, then ingest again."
    count = len(job.errors)
    out = "1 file was" if count == 1 else f"{count:,} files were"
    return (
        f"{out} left out by the last ingestion, such as {last.path}: {last.reason}",
        "Mend that, then ingest again; the rest of the book is in the index.",
    )
