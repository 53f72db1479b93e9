"""The report and the readiness, from findings and from probes that are fakes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.domain import Check, Status
from backend.errors import UpstreamRefused, UpstreamRejected
from backend.services.connectivity import Step
from backend.services.diagnostics import Diagnostics
from backend.services.readiness import FRESH_S, Probe
from backend.settings import load
from backend.variables import VARIABLES

NOW = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
SPACE = {"SPACE_ID": "someone/book", "SPACE_HOST": "someone-book.hf.space"}
FULL = {
    "OPENAI_API_KEY": "k-test",
    "QDRANT_URL": "https://abc.cloud.qdrant.io:6333",
    "QDRANT_API_KEY": "k-two",
    "NEON_API_KEY": "postgresql://u:pw-not-real@db.example/d",
}


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Asked:
    """A probe's function that counts its calls and answers, or raises, what it was given."""

    def __init__(self, answer: Check | Exception) -> None:
        self.answer = answer
        self.calls = 0

    async def __call__(self) -> Check:
        self.calls += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def diagnostics(environ: dict[str, str], *probes: Probe, clock: Clock | None = None) -> Diagnostics:
    return Diagnostics(load(environ), probes, monotonic=clock or Clock(), now=lambda: NOW)


def ok(name: str, **details: Any) -> Check:
    return Check(name, Status.OK, details=details)


async def test_report_has_the_shape_of_the_contract() -> None:
    body = (await diagnostics(FULL).report(probe=False)).to_dict()
    assert set(body) == {"status", "generated_at", "variables", "upstreams"}
    assert body["generated_at"] == "2026-01-02T03:04:05.678Z"
    assert [row["name"] for row in body["variables"]] == [v.name for v in VARIABLES]
    assert set(body["variables"][0]) == set(
        "name status required secret source used_for problem fix docs state".split()
    )
    assert [row["name"] for row in body["upstreams"]] == [
        *("openai", "embeddings", "rerank", "qdrant", "database", "docs")
    ]
    assert set(body["upstreams"][0]) - {"title", "sentence", "steps"} == set(
        "name status mode target latency_ms problem fix".split()
    )
    json.dumps(body)


async def steps_of(report: Diagnostics, *, probe: bool = False) -> tuple[Step, ...]:
    rows = (await report.report(probe=probe)).upstreams
    return next(row.steps for row in rows if row.name == "qdrant")


async def test_a_part_that_is_still_away_keeps_the_steps_of_its_whole_check() -> None:
    steps = (Step("DNS", True, 1.0, "Found."), Step("TCP", False, 2.0, "Nobody listens."))
    clock, away = Clock(), True

    async def check() -> Check:
        return Check("qdrant", Status.DOWN if away else Status.OK, "Away." if away else None)

    async def path() -> tuple[Step, ...]:
        return steps

    report = diagnostics(FULL, Probe("qdrant", check, check, path=path), clock=clock)
    assert (await steps_of(report, probe=True)) == steps
    clock.seconds += 10
    assert (await steps_of(report)) == steps
    away = False
    clock.seconds += 10
    assert (await steps_of(report)) == ()


@pytest.mark.parametrize(
    ("name", "environ", "state"),
    [
        ("OPENAI_API_KEY", {}, "missing"),
        ("OPENAI_API_KEY", {"OPENAI_API_KEY": " "}, "blank"),
        ("OPENAI_API_KEY", {"OPENAI_API_KEY": "<your-key>"}, "placeholder"),
        ("OPENAI_API_KEY", {"OPENAI_API_KEY": "test-key-not-real"}, "ok"),
        ("OPENAI_API_KEY", {"OPENAI_API_KEY": "test-key-not-real\u200b"}, "hidden"),
        ("OPENAI_MODEL", {"OPENAI_MODEL": "one", "CHAT_MODEL": "two"}, "duplicate"),
        ("PORT", {"PORT": "many"}, "wrong"),
        ("PORT", {}, "default"),
    ],
)
def test_a_variable_says_in_a_word_what_is_the_matter(
    name: str, environ: dict[str, str], state: str
) -> None:
    rows = {row.name: row for row in diagnostics(environ).configuration().variables}
    assert rows[name].state == state


def test_report_with_nothing_set_says_in_words_what_runs_and_what_is_missing() -> None:
    report = diagnostics({}).configuration()
    text = report.to_text()
    assert (report.status, report.exit_status) == (Status.OK, 0)
    assert "Vectors            Qdrant Edge in DATA_DIR (embedded)" in text
    assert "SQLite in DATA_DIR" in text
    assert "quoted from the book" in text
    assert "[--] QDRANT_URL" in text
    assert "To be mended" not in text


def test_report_shows_host_and_port_and_never_credentials() -> None:
    report = diagnostics(FULL).configuration()
    targets = {row.name: row.target for row in report.upstreams}
    assert targets["openai"] == "api.openai.com:443"
    assert targets["qdrant"] == "abc.cloud.qdrant.io:6333"
    assert targets["database"] == "db.example:5432"
    for shown in (report.to_text(), report.to_markdown(), json.dumps(report.to_dict())):
        for value in ("k-test", "k-two", "pw-not-real", "u:p"):
            assert value not in shown


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: v.name)
def test_report_never_shows_a_value(variable: Any) -> None:
    canary = "CANARYc0ffee"
    for name in variable.names:
        for value in (canary, f"https://u:{canary}@h.example/{canary}", f"sk-{canary}-{canary}"):
            if variable.kind == "name" and value == canary:
                continue  # the name of a model or of a host is shown; a key there is not
            report = diagnostics({**SPACE, name: value}).configuration()
            for shown in (report.to_text(), report.to_markdown(), json.dumps(report.to_dict())):
                assert canary.lower() not in shown.lower()


def test_report_text_is_ascii_wrapped_and_names_problem_and_fix() -> None:
    environ = {
        **SPACE,
        "GROQ_API_KEY": '"k-test"',
        "PORT": "x",
        "CORS_ORIGINS": "*",
        "DOCS_PATH": "no",
    }
    report = diagnostics(environ).configuration()
    text = report.to_text()
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 100
    assert "[ !] OPENAI_API_KEY (from GROQ_API_KEY)" in text
    assert "[XX] PORT\n       It is not a whole number.\n       Fix: Set a number from 1" in text
    assert text.index("[XX] PORT") < text.index("[ !] ADMIN_TOKEN"), "the worst comes first"


def test_report_says_where_a_value_came_from() -> None:
    environ = {"PORT": "9000", "JWT_SECRET": "a-secret-not-real-0123456789-abcdefgh"}
    rows = {row.name: row for row in diagnostics(environ).configuration().variables}
    assert rows["PORT"].source == "variable"
    assert rows["BETTER_AUTH_SECRET"].source == "alias JWT_SECRET"
    assert rows["HOST"].source == "default"
    assert rows["QDRANT_URL"].source == "not set"


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({}, 0),
        (FULL, 0),
        (SPACE, 0),
        ({"NEON_API_KEY": "postgres://u:p@h.example/d"}, 0),
        ({"ADMIN_TOKEN": '"quoted-but-not-real"'}, 0),
        ({"PORT": "x"}, 78),
        ({"OPENAI_API_KEY": "your-key-here"}, 78),
        ({"QDRANT_URL": "https://abc.cloud.qdrant.io:6333"}, 78),
    ],
)
def test_exit_status_is_78_for_what_is_wrong_or_needed(
    environ: dict[str, str], status: int
) -> None:
    assert diagnostics(environ).configuration().exit_status == status


async def test_exit_status_is_78_for_a_refused_key_but_not_for_a_server_that_is_away() -> None:
    refused = Probe("openai", Asked(UpstreamRejected("openai", "The key is refused.")))
    away = Probe("database", Asked(UpstreamRefused("database", "Nobody listens there.")))
    wrong = await diagnostics(FULL, refused, away).report(probe=True)
    assert wrong.exit_status == 78
    rows = {row.name: row for row in wrong.upstreams}
    assert rows["openai"].problem == "The key is refused."
    assert rows["openai"].fix == "See OPENAI_API_KEY and OPENAI_MODEL."
    assert rows["database"].status == "down"
    assert (await diagnostics(FULL, away).report(probe=True)).exit_status == 0


async def test_report_on_a_space_names_the_port_that_may_be_blocked() -> None:
    away = Probe("database", Asked(UpstreamRefused("database", "Nobody listens there.")))
    report = await diagnostics({**SPACE, **FULL}, away).report(probe=True)
    row = next(row for row in report.upstreams if row.name == "database")
    assert "port 5432" in (row.fix or "")


async def test_report_without_probing_shows_the_last_whole_check_and_what_changed_since() -> None:
    clock = Clock()
    whole, light = Asked(ok("qdrant", mode="embedded")), Asked(ok("qdrant"))
    service = diagnostics({}, Probe("qdrant", whole, light), clock=clock)

    async def shown() -> tuple[str, str | None]:
        row = next(r for r in (await service.report(probe=False)).upstreams if r.name == "qdrant")
        return row.status, row.mode

    assert await shown() == ("ok", "embedded")
    assert (light.calls, whole.calls) == (1, 0), "nobody asked for a whole check"
    await service.report(probe=True)
    light.answer = UpstreamRefused("qdrant", "Nobody listens there.")
    assert (await shown())[0] == "ok", "remembered for a moment"
    clock.seconds += FRESH_S
    assert (await shown())[0] == "down"
    light.answer = ok("qdrant")
    clock.seconds += FRESH_S
    assert (await shown())[0] == "ok"
    assert whole.calls == 1


async def test_port_that_is_open_again_does_not_make_a_refused_key_good() -> None:
    clock = Clock()
    refused = Asked(UpstreamRejected("openai", "The key is refused."))
    service = diagnostics(FULL, Probe("openai", refused, Asked(ok("openai"))), clock=clock)
    await service.report(probe=True)
    clock.seconds += FRESH_S
    rows = {row.name: row for row in (await service.report(probe=False)).upstreams}
    assert rows["openai"].problem == "The key is refused."


async def test_probes_run_together_and_callers_share_a_run() -> None:
    first, second = asyncio.Event(), asyncio.Event()
    calls = []

    async def one() -> Check:
        calls.append("one")
        first.set()
        await second.wait()
        return ok("openai")

    async def two() -> Check:
        second.set()
        await first.wait()
        return ok("qdrant")

    service = diagnostics({}, Probe("openai", one), Probe("qdrant", two))
    await asyncio.gather(*(service.report(probe=True) for _ in range(20)), service.readiness())
    assert calls == ["one"]


async def test_probe_results_are_kept_for_a_few_seconds() -> None:
    clock, asked = Clock(), Asked(ok("qdrant"))
    service = diagnostics({}, Probe("qdrant", asked), clock=clock)
    for seconds, calls in ((0.0, 1), (FRESH_S - 0.1, 1), (0.2, 2)):
        clock.seconds += seconds
        await service.readiness()
        assert asked.calls == calls


async def test_probe_that_hangs_or_breaks_does_not_hide_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def hang() -> Check:
        await asyncio.Event().wait()
        raise AssertionError

    service = diagnostics(
        {},
        Probe("openai", hang, timeout_s=0.0),
        Probe("database", Asked(ZeroDivisionError("driver text"))),
        Probe("qdrant", Asked(ok("qdrant")), essential=True),
    )
    readiness = await service.readiness()
    assert readiness.status is Status.DEGRADED
    rows = {row["name"]: row for row in readiness.to_dict()["checks"]}
    assert rows["openai"]["detail"] == "No answer within 0 s."
    assert rows["qdrant"]["status"] == "ok"
    assert "driver text" not in json.dumps(readiness.to_dict())
    assert "a probe failed" in caplog.text


async def test_readiness_is_503_only_without_something_essential() -> None:
    down = Check("x", Status.DOWN, "Away.")
    for essential, status in ((False, 200), (True, 503)):
        service = diagnostics({}, Probe("qdrant", Asked(down), essential=essential))
        readiness = await service.readiness()
        assert readiness.http_status == status
        assert readiness.to_dict()["checks"][0] == {
            **{"name": "qdrant", "status": "down", "mode": "embedded", "detail": "Away."},
            "latency_ms": 0.0,
        }


async def test_readiness_asks_lightly_and_leaves_a_sleeping_database_asleep() -> None:
    whole, light = Asked(ok("database")), Asked(Check("database", Status.OFF))
    service = diagnostics(FULL, Probe("database", whole, light=light))
    readiness = await service.readiness()
    assert (whole.calls, light.calls) == (0, 1)
    assert readiness.status is Status.OK
    await service.report(probe=True)
    assert whole.calls == 1
