"""How a button inside our own HTML reaches a handler: through a field that nobody sees.

Gradio knows only events of its own components. The page's script writes the ``value`` of a pressed
button (see :func:`ui.markup.act`) into the field whose name is the value's first word; that field's
``change`` event then carries it here like typed text, to be judged like typed text.
"""

from __future__ import annotations

import gradio as gr

MAX_ACTION_CHARS = 300


def field(verb: str) -> gr.Textbox:
    """The field for one kind of action."""
    return gr.Textbox(
        elem_id=f"ba-do-{verb}",
        elem_classes=["ba-bridge"],
        show_label=False,
        container=False,
        max_lines=1,
        max_length=MAX_ACTION_CHARS,
    )


def words(action: object) -> list[str]:
    """What follows the verb; the last word of an action only makes it differ from the one before.

    Empty for anything that is no such text.
    """
    if not isinstance(action, str) or len(action) > MAX_ACTION_CHARS:
        return []
    return action.split()[1:-1]


def typed(value: object) -> str:
    """What stands in a field; an empty one sends null, and a forged request anything."""
    return value if isinstance(value, str) else ""
