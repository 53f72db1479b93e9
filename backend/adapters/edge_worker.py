"""The process that owns the embedded index: ``python -m backend.adapters.edge_worker FOLDER``.

Qdrant Edge holds the GIL in every call and its folders have one owner, so it lives in a process of
its own. Requests come over stdin and answers go over stdout, both as frames of ``edge_frames``; the
end of stdin ends the process. Requests are worked off in order, one at a time.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from backend.adapters.edge_folder import StoreError
from backend.adapters.edge_frames import Failure, read_frame, write_frame
from backend.adapters.edge_store import EdgeStore

_WRONG_SIZE = re.compile(r"expected dim: (\d+), got (\d+)")
_FULL = re.compile("No space left|disk quota", re.IGNORECASE)


def main(root: Path) -> None:
    """Serve until stdin ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which closes stdin
    requests = sys.stdin.buffer
    # what the engine or Python might print must not get between the frames
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    store = EdgeStore(root)
    while (request := read_frame(requests)) is not None:
        number, operation, arguments = request
        try:
            result: Any = store.answer(operation, arguments)
        except BaseException as error:  # noqa: BLE001 - a panic of the engine is no Exception
            write_frame(answers, (number, failure(error)))
            if not isinstance(error, Exception):
                os._exit(os.EX_SOFTWARE)  # what state is the shard in? the next call starts afresh
            continue
        write_frame(answers, (number, result))
    store.close()


def failure(error: BaseException) -> Failure:
    """What the other side is told; the engine's own text is for its log only."""
    text = str(error)
    if isinstance(error, StoreError):
        return Failure(error.kind)
    if match := _WRONG_SIZE.search(text):
        return Failure("dimension", numbers=(int(match[1]), int(match[2])))
    if _FULL.search(text) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return Failure("full", text)
    return Failure("unwritable" if isinstance(error, OSError) else "failed", text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
