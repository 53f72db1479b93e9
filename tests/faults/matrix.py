"""The faults, what is expected of each and the figure that it must meet; the report is made of it.

A test is named after its fault (``test_f03_...``) and tells what it saw by the ``seen`` fixture.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table."""

    title: str
    expected: str
    figure: str


MATRIX: dict[str, Fault] = {
    "f01": Fault(
        "Model slow before its first token",
        "headers and a comment line at once, sources right after the search, then the answer",
        "first byte < 300 ms, 0 errors",
    ),
    "f02": Fault(
        "Model hangs before its first token",
        "the first-token deadline, then the next step down: fallback model, else quotes; counted "
        "as a failure",
        "answer within deadline + 0.5 s; once open, circuit answers in < 50 ms",
    ),
    "f03": Fault(
        "Model hangs in mid-stream",
        "the deadline between tokens, or of the whole answer, then one `error` event that says "
        "`truncated`; what was said is kept; a JSON answer goes one step down instead",
        "ended within deadline + 0.5 s",
    ),
    "f04": Fault(
        "429 with Retry-After 2 or 120",
        "a short wait is waited out once; a long one goes to the caller with its seconds; trips "
        "no circuit",
        "retries ≤ 1; calls ≤ 1.2 x requests",
    ),
    "f05": Fault(
        "429 insufficient_quota",
        "no retry; quotes with links, `degraded` names the account",
        "0 retries; answer < 1 s",
    ),
    "f06": Fault(
        "Burst of 5xx",
        "retried with jitter before the first token only and within a budget; the circuit opens",
        "calls ≤ 1.2 x requests, never more than the threshold and the budget",
    ),
    "f07": Fault(
        "Connection reset in mid-stream",
        "one `error` event, never a second run; what was said is kept",
        "duplicated tokens: 0",
    ),
    "f08": Fault(
        "Malformed stream: bad JSON, no choices, not UTF-8, empty, cut at the limit, cut without "
        "end, other protocol",
        "a typed error, quotes, or a marked cut; never an empty success",
        "empty answers with 200: 0",
    ),
    "f09": Fault(
        "401 or 403 of the model server",
        "no retry, no circuit; readiness turns red at once and names the variable",
        "bytes of the key in logs and bodies: 0",
    ),
    "f10": Fault(
        "Embeddings of another length than the index",
        "searched by words, `degraded` and readiness name both lengths; no retry, no circuit",
        "retries: 0",
    ),
    "f11": Fault(
        "Index down or hanging",
        "503 with Retry-After in the search deadline, no answer without grounds; an ingestion at "
        "start that it broke off is made again",
        "≤ 2.5 s",
    ),
    "f12": Fault(
        "Collection missing",
        "503 `index_missing`, readiness names QDRANT_COLLECTION_NAME; no circuit",
        "retries: 0",
    ),
    "f13": Fault(
        "Points without readable content",
        "left out and counted; the others answer",
        "500s: 0",
    ),
    "f14": Fault(
        "Database down at start",
        "starts and answers; readiness is 503, `/health` 200; connects by itself when it is there",
        "start < 5 s; back within 5 s",
    ),
    "f15": Fault(
        "Database crashes in service",
        "questions go on with `saved: false`; nobody is signed out (no 401); one new connection",
        "401s: 0; lost calls after its return: 0",
    ),
    "f16": Fault(
        "Database wakes up slowly",
        "who needs it waits inside the budget, nobody else does",
        "who waits: wake-up + 1 s; event-loop lag < 100 ms",
    ),
    "f17": Fault("Database read-only", "reads work, writes are a typed error", "500s: 0"),
    "f18": Fault(
        "Disk full under database, uploads and log",
        "writes are a typed error, reads work, the file stays whole",
        "committed rows lost: 0",
    ),
    "f19": Fault(
        "Connection pool exhausted",
        "50 slow queries: a bounded wait, then 503 and Retry-After; streams hold no connection",
        "connections held by streams: 0",
    ),
    "f19b": Fault(
        "15 connections for two replicas and 200 signed-in callers",
        "every one answered; who gets no connection in time is told so, nothing acknowledged lost",
        "unanswered: 0; acknowledged and lost: 0",
    ),
    "f20": Fault(
        "The same question submitted twice (Idempotency-Key)",
        "one model call, one pair of messages",
        "model calls: 1",
    ),
    "f21": Fault(
        "Caller leaves in mid-stream",
        "the model is stopped, the circuit untouched, the tokens booked, what was said is kept",
        "model closed < 1 s; failures counted: 0",
    ),
    "f21b": Fault(
        "Readers that take nothing",
        "what they do not take is not kept; they are given up",
        "< 64 KB per stream",
    ),
    "f22": Fault(
        "SIGTERM in mid-stream",
        "new questions get 503, streams finish within the grace or end with `shutdown`",
        "streams without a terminal event: 0; gone within grace + 2 s",
    ),
    "f23": Fault(
        "SIGKILL while writing",
        "what was acknowledged is there after a restart",
        "acknowledged and lost: 0; halves: 0",
    ),
    "f24": Fault(
        "Giant bodies, declared and chunked",
        "413 before anything is kept",
        "memory < 2 x limit",
    ),
    "f25": Fault("10,000 headers, a header of 1 MB", "431 or 400", "reached a route: 0"),
    "f26": Fault(
        "Bodies that are no clean JSON",
        "400 or 422 with a sentence",
        "5xx: 0",
    ),
    "f27": Fault(
        "Wall clock jumps an hour forth and back",
        "circuits, deadlines and limits do not notice",
        "stuck open or freed: 0",
    ),
    "f28": Fault(
        "Two replicas on one database",
        "one schema, the same sessions on both; with REDIS_URL one limit for both",
        "migrations run twice: 0; effective limit ≤ 1.1 x",
    ),
    "f28b": Fault(
        "PgBouncer in transaction mode between service and database",
        "migrations, history, keys and deletions need no session",
        "session state left: 0; back within 5 s of a crash behind it",
    ),
    "f30": Fault(
        "Model, index and database turned off one by one",
        "`/health/ready`, `/health/circuits` and `/health/config` show it before anybody asks; the "
        "rest works on; their return needs no restart",
        "shown within 5 s",
    ),
    "f31": Fault(
        "500 streams at once",
        "all whole; `/health` answers",
        "p99 of `/health` < 50 ms",
    ),
    "f32": Fault(
        "Steady load, a random fault every 5 s, for 10 minutes",
        "every request answered once; memory and descriptors flat",
        "unanswered, doubled, lost: 0; p99 of `/health` < 50 ms",
    ),
}
ELSEWHERE = {
    "f29": "The host's own edge (sleep, 5xx while waking) cannot be simulated from inside; clients "
    "must expect HTML there, see docs/troubleshooting.md.",
}
