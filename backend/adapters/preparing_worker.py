"""The process that cuts files into chunks: ``python -m backend.adapters.preparing_worker``.

That is pure Python, so in the serving process it would hold up every answer. Files come over stdin
and what they come to goes over stdout, both as frames of ``edge_frames``; the end of stdin ends the
process. It knows no setting and keeps nothing.
"""

from __future__ import annotations

import signal
import sys

from backend.adapters.edge_frames import Failure, read_frame, write_frame
from backend.text.preparing import prepare


def main() -> None:
    """Serve until stdin ends; whatever a file does to the code, the next one gets its turn."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this one
    files, answers = sys.stdin.buffer, sys.stdout.buffer
    while (file := read_frame(files)) is not None:
        try:
            write_frame(answers, prepare(file))
        except BrokenPipeError:
            return
        except Exception as error:  # noqa: BLE001 - the parent tries itself, and says what it was
            write_frame(answers, Failure("failed", type(error).__name__))


if __name__ == "__main__":
    main()
