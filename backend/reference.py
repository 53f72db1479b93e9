"""The configuration's reference, written from the declarations.

``python -m backend.reference`` prints the table; ``--write`` puts it between the markers of
README.md and docs/configuration.md and writes .env.example anew.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from backend.variables import GROUPS, VARIABLES, Variable

BEGIN = "<!-- variables:begin -->"
END = "<!-- variables:end -->"
PAGES = ("README.md", "docs/configuration.md")
EXAMPLE = ".env.example"
_HEAD = """\
# Configuration of the service: every variable that it reads.
# Nothing is required. Take the # away before a name and set a value.
# A blank value counts as not set. `python app.py --check` says what is missing or wrong.
"""


def _default(variable: Variable) -> str:
    return variable.shown or variable.default


def _row(variable: Variable) -> str:
    aliases = ", ".join(f"`{alias}`" for alias in variable.aliases)
    secret = " (secret)" if variable.secret else ""
    where = f"{variable.where} [Link]({variable.link})"
    cells = (f"`{variable.name}`{secret}", aliases, _default(variable), variable.used_for, where)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def render_markdown_table() -> str:
    """The table of all variables, a line each, ending in a newline."""
    head = "| variable | also read from | default | for | where it comes from |"
    return "\n".join((head, "|---|---|---|---|---|", *map(_row, VARIABLES))) + "\n"


def _entry(variable: Variable) -> str:
    lines = [f"{variable.used_for[0].upper()}{variable.used_for[1:]}. {variable.where}"]
    if variable.aliases:
        lines.append(f"Also read from: {', '.join(variable.aliases)}.")
    lines.append(f"Default: {_default(variable)}")
    wrapped = [part for line in lines for part in textwrap.wrap(line, 96)]
    notes = [f"# {line}" for line in [*wrapped, variable.link]]
    # Some load the file into a shell, which these characters would lead astray.
    quotes = "'" if set(variable.example) & set(" &<>;") else ""
    return "\n".join([*notes, f"#{variable.name}={quotes}{variable.example}{quotes}"]) + "\n"


def render_env_example() -> str:
    """The text of ``.env.example``: each variable with its explanation, commented out."""
    parts = [_HEAD]
    for title, group in GROUPS.items():
        parts.append(f"# {title}\n# {'-' * len(title)}\n")
        parts += [_entry(variable) for variable in group]
    return "\n".join(parts)


def between_markers(page: str) -> str | None:
    """What stands between the markers of a page, or None where the page has no pair of them."""
    _, begin, rest = page.partition(BEGIN + "\n")
    table, end, _ = rest.partition(END)
    return table if begin and end else None


def replaced(page: str) -> str:
    """The page with the table of today between its markers.

    Raises:
        ValueError: the page has no pair of markers.
    """
    if between_markers(page) is None:
        raise ValueError(f"there is no {BEGIN} ... {END} in it")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{render_markdown_table()}{END}{rest.partition(END)[2]}"


def write(root: Path) -> list[str]:
    """Write the reference into the pages under ``root``; returns what was left out and why."""
    left_out = []
    for name in PAGES:
        try:
            text = (root / name).read_text(encoding="utf-8")
            (root / name).write_text(replaced(text), encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            left_out.append(f"{name}: {reason}")
    (root / EXAMPLE).write_text(render_env_example(), encoding="utf-8")
    return left_out


def main(arguments: Sequence[str]) -> int:
    """Print the table, or write it where it belongs; the exit status."""
    if "--write" not in arguments:
        sys.stdout.write(render_markdown_table())
        return 0
    left_out = write(Path(__file__).resolve().parent.parent)
    for line in left_out:
        sys.stderr.write(f"not written: {line}\n")
    return 1 if left_out else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
