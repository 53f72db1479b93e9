"""Makes Gradio's page ours: a nonce on every script, our look, and nothing of anybody else's."""

from __future__ import annotations

import re
from html import escape

from ui import assets

STYLES = ("base.css", "forms.css", "chat.css", "report.css", "knowledge.css")

_SCRIPT = re.compile(r"<script\b(?![^>]*\bnonce=)")
_CONFIG_SCRIPT = re.compile(r"<script[^>]*>window\.gradio_config = .*?</script>", re.DOTALL)
# Social cards name Gradio and its pictures; the manifest is looked for at the host's root.
_FOREIGN = re.compile(
    r"\s*<meta\s+(?:property=\"og:|name=\"twitter:)[^>]*>|\s*<link rel=\"manifest\"[^>]*>"
)
# Gradio computes its own address from headers that a proxy may have changed. The browser knows.
_OWN_ADDRESS = (
    "<script>window.gradio_config.root = "
    'location.origin + location.pathname.replace(/\\/+$/, "");</script>'
)
_HEAD = """\
<title>{title}</title>
<meta name="robots" content="noindex">
<link rel="icon" href="{icon}">
{css}
<script src="{js}" defer></script>
</head>"""


def branded(page: str, *, title: str, nonce: str) -> str:
    """Gradio's page with our title, style and script.

    Args:
        page: The HTML as Gradio rendered it; its config holds no ``<`` (it escapes them).
        title: Shown by the browser until the page has set its own.
        nonce: That of the response's Content-Security-Policy.
    """
    page = _FOREIGN.sub("", page)
    page = _CONFIG_SCRIPT.sub(lambda match: match.group() + _OWN_ADDRESS, page, count=1)
    head = _HEAD.format(
        title=escape(title),
        icon=assets.address("icon.svg"),
        css="\n".join(f'<link rel="stylesheet" href="{assets.address(name)}">' for name in STYLES),
        js=assets.address("app.js"),
    )
    page = page.replace("</head>", head, 1)
    return _SCRIPT.sub(f'<script nonce="{nonce}"', page)
