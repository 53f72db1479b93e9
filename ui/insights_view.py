"""How the insights tab looks: sums, plots, gaps, questions, comments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from backend.services.insights_report import DayCount, InsightsReport, QuestionGroup
from ui.csv_export import export
from ui.markup import duration, empty, moment, money, plural, table, text, verbatim
from ui.plots import Series, bars, lines

_REASONS = {
    "refused": "not in the book",
    "low_confidence": "unsure",
    "thumbs_down": "rated down",
}


def render(report: InsightsReport) -> str:
    """The whole tab."""
    if not report.questions:
        days = plural(report.retention_days, "day")
        return empty(
            "No questions yet",
            "What readers ask appears here, without personal data and without who asked. "
            f"It is kept for {days}.",
        )
    return (
        f"{_tiles(report)}{_plots(report)}"
        f"{_section('What the book lacks', _LACKS, _gaps(report.gaps))}"
        f"{_section('Asked most', '', _questions(report.top_questions))}"
        f"{_section('Comments', '', _comments(report))}"
        f'<pre id="ba-csv" title="insights.csv" hidden>{verbatim(export(report))}</pre>'
    )


_LACKS = (
    "Questions that were refused, answered with little confidence, or rated down; those that ask "
    "for the same are counted together."
)


def _section(title: str, words: str, body: str) -> str:
    lead = f"<p>{words}</p>" if words else ""
    return f'<section class="ba-part"><h2>{title}</h2>{lead}{body}</section>'


def _tiles(report: InsightsReport) -> str:
    latency = report.latency
    tiles = [
        (f"{report.questions:,}", "questions"),
        (_share(report.answered, report.questions), "answered"),
        (_share(report.degraded, report.questions), "with a warning"),
        (f"{report.ups:,} / {report.downs:,}", "helpful / not"),
        (duration(latency.p50) if latency.p50 is not None else "–", "typical answer (p50)"),
        (duration(latency.p95) if latency.p95 is not None else "–", "slowest in twenty (p95)"),
        (f"{report.tokens:,}", "tokens"),
        ("–", "cost: no price is known")
        if report.cost_usd is None
        else (money(report.cost_usd), "cost by list prices"),
    ]
    cells = "".join(f'<div class="ba-tile"><b>{a}</b><span>{b}</span></div>' for a, b in tiles)
    return f'<div class="ba-tiles">{cells}</div>'


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %"


def _plots(report: InsightsReport) -> str:
    known = {day.day: day for day in report.days}
    count = (report.generated_at.date() - report.since.date()).days + 1
    dates = [str(report.since.date() + timedelta(days=i)) for i in range(count)]
    days = [date[5:] for date in dates]

    def values(of: Callable[[DayCount], float | None]) -> list[float | None]:
        return [of(known[date]) if date in known else None for date in dates]

    answered = Series("answered", values(lambda day: day.questions - day.refused))
    refused = Series("not in the book", values(lambda day: day.refused))
    typical = Series("typical (p50)", values(lambda day: day.p50_ms))
    slow = Series("slowest in twenty (p95)", values(lambda day: day.p95_ms))
    plots = [
        bars("Questions", days, (answered, refused)),
        lines("Time to the whole answer", days, (typical, slow), show=_took),
    ]
    if report.tokens or report.degraded:
        plots += [_spent(report, days, values), _less(days, values)]
    return f'<div class="ba-plots">{"".join(plots)}</div>'


def _took(milliseconds: float) -> str:
    return duration(milliseconds) if milliseconds else "0"


def _cost(usd: float) -> str:
    """For an axis, where trailing zeros tell nothing."""
    return f"${usd:,.6f}".rstrip("0").rstrip(".")


_Values = Callable[[Callable[[DayCount], float | None]], list[float | None]]


def _spent(report: InsightsReport, days: Sequence[str], values: _Values) -> str:
    if report.cost_usd is None:
        return bars("Tokens", days, (Series("tokens", values(lambda day: day.tokens)),))
    return bars("Cost", days, (Series("cost", values(lambda day: day.cost_usd)),), show=_cost)


def _less(days: Sequence[str], values: _Values) -> str:
    degraded = Series("answers", values(lambda day: day.degraded))
    return bars("Answers with a warning", days, (degraded,))


def _gaps(groups: Sequence[QuestionGroup]) -> str:
    if not groups:
        return empty("Nothing is missing", "Every question so far was answered from the book.")
    rows = [
        (
            f"<b>{text(group.question)}</b>{_wordings(group)}",
            f"{group.count:,}",
            " ".join(
                f'<span class="ba-tag">{text(_REASONS.get(reason, reason))} {count}</span>'
                for reason, count in group.reasons.items()
            ),
            moment(group.last_asked_at),
        )
        for group in groups
    ]
    return table(("Question", "Times", "Why", "Last asked"), rows)


def _questions(groups: Sequence[QuestionGroup]) -> str:
    rows = [
        (
            f"<b>{text(group.question)}</b>{_wordings(group)}",
            f"{group.count:,}",
            moment(group.last_asked_at),
        )
        for group in groups
    ]
    return table(("Question", "Times", "Last asked"), rows)


def _wordings(group: QuestionGroup) -> str:
    if not group.examples:
        return ""
    items = "".join(f"<li>{text(example)}</li>" for example in group.examples)
    return (
        f'<details class="ba-more-of"><summary>{plural(len(group.examples), "other wording")}'
        f"</summary><ul>{items}</ul></details>"
    )


def _comments(report: InsightsReport) -> str:
    if not report.comments:
        return empty("No comments yet", "Thumbs below an answer ask for one.")
    rows = [
        (
            f"<b>{text(rated.comment)}</b>",
            f'<span class="ba-tag">{"helpful" if rated.rating == "up" else "not helpful"}</span>',
            text(rated.question),
            moment(rated.rated_at or rated.asked_at),
        )
        for rated in report.comments
    ]
    return table(("Comment", "Rating", "Question", "When"), rows, kind="ba-wrap")
