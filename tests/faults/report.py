"""``python -m tests.faults.report [--write]``: runs the matrix and prints what was seen.

Which form runs is chosen by the variables of ``figures``; ``--write`` puts the table between the
markers in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

from tests.faults.matrix import ELSEWHERE, MATRIX

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
NAME = re.compile(r"test_(f\d\d[a-z]?)_")


def run(arguments: list[str]) -> tuple[int, Path]:
    """Run the tests; the exit status and the file of their results."""
    results = Path(tempfile.mkdtemp(prefix="faults-")) / "results.xml"
    command = [
        sys.executable, "-m", "pytest", "tests/faults", "-q", "--timeout=3600",
        "-o", "junit_family=xunit1", f"--junitxml={results}", *arguments,
    ]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, check=False).returncode, results


def outcomes(results: Path) -> dict[str, list[tuple[bool, str]]]:
    """Whether each test of a fault passed, and the figure that it told."""
    found: dict[str, list[tuple[bool, str]]] = defaultdict(list)
    for case in ElementTree.parse(results).iter("testcase"):
        match = NAME.match(case.get("name", ""))
        if match is None:
            continue
        if (skipped := case.find("skipped")) is not None:
            found[match[1]].append((True, f"not run: {skipped.get('message', '')}"))
            continue
        passed = not any(case.find(kind) is not None for kind in ("failure", "error"))
        told = [item.get("value", "") for item in case.iter("property")]
        found[match[1]].append((passed, "; ".join(told)))
    return found


def table(found: dict[str, list[tuple[bool, str]]]) -> str:
    """The Markdown table: fault, expected, seen, figure."""
    rows = ["| # | fault | expected | figure | seen |", "|---|---|---|---|---|"]
    for number, fault in MATRIX.items():
        tests = found.get(number, [])
        told = "; ".join(text for _, text in tests if text)
        verdict = "not run" if not tests else "" if all(ok for ok, _ in tests) else "FAILED: "
        cells = (number.upper().replace("F0", "F"), fault.title, fault.expected, fault.figure)
        rows.append("| " + " | ".join([*cells, verdict + told]) + " |")
    for number, reason in ELSEWHERE.items():
        rows.append(f"| {number.upper()} | {reason} | | | not run |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Run, print, and write where asked to; the tests' exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    options, rest = parser.parse_known_args()
    status, results = run(rest)
    text = table(outcomes(results))
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        head, tail = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
