"""Domain values as they go over the wire: plain dictionaries that the JSON encoder takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backend.clock import iso_ms
from backend.domain import Answer, Chunk, DocumentRecord, Hit, IngestJob, Retrieved


def answer_view(answer: Answer) -> dict[str, Any]:
    """The JSON answer of a chat, which is also the ``done`` event of a stream."""
    usage = answer.usage
    return {
        "response": answer.text,
        "answer": answer.text,
        "session_id": answer.session_id,
        "message_id": answer.message_id,
        "mode": answer.mode.value,
        "sources": answer.citations,
        "citations": answer.citations,
        "degraded": answer.degraded,
        "saved": answer.saved,
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "cost_usd": usage.cost_usd,
        },
        "timings_ms": answer.timings_ms,
    }


def search_view(found: Retrieved, link: Callable[[Chunk], str]) -> dict[str, Any]:
    """The hits of a search; ``link`` gives the address of a chunk's heading."""
    return {
        "results": [_hit_view(hit, link(hit.chunk)) for hit in found.hits],
        "confidence": found.confidence,
        "degraded": found.degraded,
    }


def _hit_view(hit: Hit, url: str) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "id": chunk.id,
        "text": chunk.window,
        "source": chunk.source,
        "title": chunk.title,
        "heading_path": chunk.heading_path,
        "url": url,
        "score": hit.score,
        "dense_score": hit.dense_score,
        "sparse_score": hit.sparse_score,
    }


def document_view(record: DocumentRecord) -> dict[str, Any]:
    """A document of the index."""
    return {
        "id": record.id,
        "source": record.source,
        "title": record.title,
        "page": record.page,
        "chunks": record.chunks,
        "content_hash": record.content_hash,
        "updated_at": iso_ms(record.updated_at),
    }


def job_view(job: IngestJob) -> dict[str, Any]:
    """A snapshot of an ingestion."""
    return {
        "job_id": job.job_id,
        "state": job.state.value,
        "documents": job.documents,
        "documents_total": job.documents_total,
        "chunks": job.chunks,
        "embedded": job.embedded,
        "skipped": job.skipped,
        "deleted": job.deleted,
        "errors": job.errors,
        "elapsed_s": job.elapsed_s,
    }
