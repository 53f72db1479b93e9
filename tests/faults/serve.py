"""``python -m tests.faults.serve PORT GRACE_S``: the service without its UI, as a process."""

from __future__ import annotations

import logging
import os
import sys

from backend.container import Container
from backend.server import create_app, serve
from backend.settings import load

if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    app = create_app(Container(load(dict(os.environ))), grace_s=float(sys.argv[2]))
    serve(app, "127.0.0.1", int(sys.argv[1]))
