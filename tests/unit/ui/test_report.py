from __future__ import annotations

import re
from typing import Any

from tests.ui.fakes import FakeContainer
from tests.unit.ui.test_answers import EVIL, Tags
from ui.report import render


def row(name: str, status: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "required": False,
        "secret": False,
        "source": "not set",
        "used_for": "something",
        "problem": None,
        "fix": None,
        "docs": "",
        **changes,
    }


def part(name: str, status: str, **changes: Any) -> dict[str, Any]:
    empty = {"mode": "server", "target": "", "latency_ms": None, "problem": None, "fix": None}
    return {"name": name, "status": status, **empty, **changes}


def report_of(variables: list[Any], upstreams: list[Any]) -> dict[str, Any]:
    when = "2026-03-01T12:00:00.000Z"
    return {
        "status": "down", "generated_at": when, "variables": variables, "upstreams": upstreams,
    }  # fmt: skip


def test_render_puts_what_is_broken_before_what_could_be_better() -> None:
    html = render(
        report_of(
            [
                row("A_FINE", "ok", source="variable"),
                row("B_OFF", "off", problem="Not set. Nothing happens.", fix="Set it. Use `x`."),
                row("C_BETTER", "degraded", problem="Short.", fix="Longer."),
                row("D_DEFAULT", "ok", source="default"),
            ],
            [part("openai", "ok", latency_ms=12.4), part("qdrant", "down", problem="Away.")],
        ),
        {},
        "",
    )

    order = [html.index(name) for name in ("Away.", "C_BETTER", "Parts", "A_FINE", "B_OFF")]
    assert order == sorted(order)
    assert "2 things to look at" in html
    assert '<p class="ba-problem">Nothing happens.</p>' in html
    assert "<b>To set it:</b> Use <code>x</code>." in html
    assert "<b>To mend it:</b> Longer." in html
    assert html.index("D_DEFAULT") > html.index("<details")
    assert "12 ms" in html


def test_render_shows_circuits_in_words() -> None:
    container = FakeContainer()
    html = render(report_of([], []), container.circuits(), "")
    words = re.sub(r"<[^>]+>", " ", html)

    assert "not asked for now, tried again in 22 s" in words
    assert "refused, 2026-03-01 11:58:02 UTC" in words


def test_render_escapes_everything_and_is_one_block() -> None:
    bad = row(EVIL, EVIL, source=f"alias {EVIL}", used_for=EVIL, problem=EVIL, fix=EVIL, docs=EVIL)
    odd = part(EVIL, "down", mode=EVIL, target=EVIL, problem=EVIL, fix=EVIL)
    circuit = {"state": EVIL, "last_error_kind": EVIL, "last_failure_at": EVIL}
    report = {**report_of([bad], [odd]), "status": EVIL, "generated_at": EVIL}

    html = render(report, {EVIL: circuit}, EVIL)

    tags = Tags(html)
    assert tags.open == []
    assert not tags.seen & {"script", "img"}
    assert "\n" not in html


def test_render_before_the_first_report_says_that_it_waits() -> None:
    assert "Reading the configuration" in render({}, {}, "")


async def test_render_shows_no_value_of_a_variable() -> None:
    secret = "sk-test-key-not-real-0123456789"
    container = FakeContainer(
        {"OPENAI_API_KEY": secret, "QDRANT_URL": f"https://x:{secret}@q.example"}
    )
    report = await container.diagnostics.report(probe=False)

    assert secret not in render(report.to_dict(), {}, report.to_markdown())


def test_render_shows_a_fingerprint_beside_what_is_set_only() -> None:
    rows = [
        row("A_KEY", "ok", secret=True, source="variable"),
        row("B_KEY", "ok", secret=True, source="default"),
    ]
    marks = {"A_KEY": "3fa 91c", "B_KEY": "000 000"}

    html = render(report_of(rows, []), {}, "", fingerprints=marks)

    assert "fingerprint 3fa 91c" in html
    assert "000 000" not in html
    assert "fingerprint" not in render(report_of(rows, []), {}, "")
