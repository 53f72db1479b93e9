"""Which of Gradio's routes exist for the outside: those the page needs, and no other.

Found by watching a browser use the page. A route that a later Gradio adds is refused until it is
listed here; uploads, files, proxying, monitoring, direct API calls and Gradio's sign-in never are.
"""

from __future__ import annotations

import re

_GET = re.compile(
    r"/"
    r"|/assets/[\w.-]+"
    r"|/static/js/iframeResizer\.contentWindow\.min\.js"
    r"|/theme\.css"
    r"|/gradio_api/(?:app_id|info|queue/data)"
    r"|/gradio_api/heartbeat/[\w-]{1,64}"
)
_POST = re.compile(r"/gradio_api/(?:queue/join|cancel|reset)")
_STREAM = re.compile(r"/gradio_api/(?:heartbeat/.+|queue/data)")
_UNCHANGING = re.compile(r"/(?:assets|brand)/.+|/theme\.css")


def exists(method: str, path: str) -> bool:
    """Whether Gradio may see this request; ``path`` is plain and below the mount."""
    return (_POST if method == "POST" else _GET).fullmatch(path) is not None


def is_stream(path: str) -> bool:
    """Whether the answer stays open for as long as the page does."""
    return _STREAM.fullmatch(path) is not None


def is_unchanging(path: str) -> bool:
    """Whether the address changes with the content, so that a browser may keep it."""
    return _UNCHANGING.fullmatch(path) is not None
