"""How the knowledge tab looks: facts, documents, chunks, progress, search results. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from backend.domain import Chunk, DocumentRecord, Hit, IndexInfo, IngestJob, JobState, Retrieved
from ui.markup import act, empty, moment, note, plural, size, table, text, verbatim
from ui.why import excerpt, score, where

SHOWN_DOCUMENTS = 200
SHOWN_CHUNKS = 200
SHOWN_ERRORS = 50
MAX_CHUNK_CHARS = 4_000

UPLOAD_FORM = (
    '<form class="ba-upload"><label for="ba-files">Documents (.md, .mdx) or a .zip of them, '
    "20 MB together</label>"
    '<div class="ba-upload-row"><input id="ba-files" type="file" name="file" multiple '
    'accept=".md,.mdx,.zip"><button type="submit" class="ba-plain">Upload</button></div>'
    '<p class="ba-said" role="status"></p></form>'
)
WHAT_THEY_DO = (
    "<p>Ingest now writes what has changed. Re-index everything writes a second index beside this "
    "one and swaps them when it is complete; until then this one answers.</p>"
)
_LOST = (
    "This Space has no persistent storage: uploads are gone when it restarts. What should stay "
    "belongs where `DOCS_PATH` leads."
)
_STATES = {
    JobState.RUNNING: "Ingesting",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}


NOT_KNOWN = empty("Not known", "The documents are listed when the index answers again.")


def upload_form(*, lasting: bool) -> str:
    """The form, and a warning where what it takes does not outlive a restart."""
    return UPLOAD_FORM if lasting else note(_LOST, kind="ba-warned") + UPLOAD_FORM


def facts(
    info: IndexInfo, documents: Sequence[DocumentRecord], data_bytes: int | None, alias: str
) -> str:
    """What the index is made of; ``alias`` is the configured name that leads to the collection."""
    length = info.dimensions
    rows = [
        ("Engine", info.engine),
        ("Alias", alias if alias != info.collection else "none"),
        ("Collection", info.collection + ", of an earlier backend" * info.legacy),
        ("Model fingerprint", info.fingerprint or "not known"),
        ("Vectors", f"{length:,} dimensions, and words" if length else "words only"),
        ("Documents", f"{len(documents):,}"),
        ("Chunks", f"{info.points:,}"),
        ("Disk", "on its server" if data_bytes is None else f"{size(data_bytes)} in DATA_DIR"),
    ]
    cells = "".join(f"<div><dt>{name}</dt><dd>{text(value)}</dd></div>" for name, value in rows)
    problem = note(info.problem, kind="ba-bad") if info.problem else ""
    return f'{problem}<dl class="ba-dl">{cells}</dl>'


def documents_table(records: Sequence[DocumentRecord], wanted: str = "") -> str:
    """The documents whose path or title holds what is wanted, with what can be done to each."""
    word = wanted.strip().casefold()
    found = [r for r in records if word in f"{r.source} {r.title}".casefold()]
    if not records:
        return empty("No documents yet", "Ingest the book, or upload some.")
    if not found:
        return empty("Nothing of that name", "No document has this in its title or path.")
    rows = [_document(record) for record in found[:SHOWN_DOCUMENTS]]
    more = len(found) - len(rows)
    left = f'<p class="ba-more">and {more:,} more; filter to see them.</p>' if more else ""
    head = ("Document", "State", "Chunks", "Last change", "Actions")
    return table(head, rows, kind="ba-documents") + left


def _document(record: DocumentRecord) -> tuple[str, ...]:
    kind, words = ("ok", "indexed") if record.content_hash else ("degraded", "unfinished")
    state = f'<span class="ba-tag ba-is-{kind}">{words}</span>'
    name = text(record.title or record.source)
    again = act(f"reindex {record.id}", "Re-embed", hint="Chunk and embed it again")
    sure = act(f"delete {record.id}", "Yes, delete", kind="ba-danger")
    return (
        f"<b>{name}</b><span>{text(record.source)}</span>",
        state,
        f"{record.chunks:,}",
        moment(record.updated_at),
        f'<div class="ba-row-do">{act(f"chunks {record.id}", "Chunks")}{again}'
        f'<details class="ba-sure"><summary>Delete</summary>{sure}</details></div>',
    )


def chunks_view(record: DocumentRecord, chunks: Sequence[Chunk]) -> str:
    """How a document was cut."""
    parts = "".join(_chunk(chunk) for chunk in chunks[:SHOWN_CHUNKS])
    more = len(chunks) - SHOWN_CHUNKS
    left = f'<p class="ba-more">and {more:,} more</p>' if more > 0 else ""
    return (
        f'<div class="ba-chunks"><h3>{text(record.title or record.source)}</h3>'
        f"<p>Cut into {plural(len(chunks), 'chunk')}, each inside one section.</p>"
        f"<ol>{parts}</ol>{left}</div>"
    )


def _chunk(chunk: Chunk) -> str:
    shown = chunk.text[:MAX_CHUNK_CHARS]
    cut = " …" if len(chunk.text) > MAX_CHUNK_CHARS else ""
    return (
        f'<li class="ba-card"><p class="ba-chunk-head"><b>{text(" › ".join(chunk.heading_path))}'
        f"</b><span>lines {chunk.start_line}–{chunk.end_line}, {len(chunk.text):,} characters"
        f"</span></p><pre>{verbatim(shown)}{cut}</pre></li>"
    )


def progress(job: IngestJob) -> str:
    """A job as it stands."""
    running = job.state is JobState.RUNNING
    total = max(job.documents_total, job.documents)
    share = f'value="{job.documents}" max="{total}"' if total else ""
    bar = f'<progress {share} aria-label="Progress of the ingestion"></progress>' if running else ""
    done = ((job.embedded, "written"), (job.skipped, "unchanged"), (job.deleted, "deleted"))
    parts = ", ".join(f"{count:,} {what}" for count, what in done if count)
    counted = (
        f"{job.documents:,} of {plural(total, 'document')}, {plural(job.chunks, 'chunk')}"
        f"{f' ({parts})' if parts else ''}, in {job.elapsed_s:.1f} s"
    )
    good = "ba-warned" if job.errors else "ba-good"
    kind = {JobState.DONE: good, JobState.FAILED: "ba-bad"}.get(job.state, "")
    return (
        f'<div class="ba-note ba-job {kind}" role="status"><p><b>{_STATES[job.state]}</b> '
        f"{counted}</p>{bar}{_errors(job)}</div>"
    )


def _errors(job: IngestJob) -> str:
    if not job.errors:
        return ""
    items = "".join(
        f"<li><code>{text(error.path)}</code> {text(error.reason)}</li>"
        for error in job.errors[:SHOWN_ERRORS]
    )
    count = plural(len(job.errors), "problem")
    return f"<details open><summary>{count}</summary><ul>{items}</ul></details>"


def search_view(found: Retrieved) -> str:
    """What a search finds, what the answer would take of it, and the scores."""
    if not found.hits and not found.dropped:
        return empty("Nothing found", "The index holds no chunk with these words.")
    verdict = "enough for an answer" if found.hits else "not enough, so the answer is a refusal"
    head = note(
        f"Confidence {found.confidence:.2f}; {found.threshold:.2f} is needed: {verdict}.",
        kind="ba-good" if found.hits else "",
    )
    degraded = note(found.degraded, kind="ba-bad") if found.degraded else ""
    rows = [_hit(hit, "used") for hit in found.hits]
    rows += [_hit(hit, "left out") for hit in found.dropped]
    columns = ("Passage", "Answer", "Fused", "Meaning", "Words")
    return degraded + head + table(columns, rows, kind="ba-found")


def _hit(hit: Hit, fate: str) -> tuple[str, ...]:
    name = f"<b>{text(where(hit))}</b><span>{text(excerpt(hit))}</span>"
    numbers = (f"{hit.score:.3f}", score(hit.dense_score), score(hit.sparse_score))
    return (name, f'<span class="ba-tag">{fate}</span>', *numbers)
