"""Pages for a browser, on an origin of their own; and what a page must not do unnoticed."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.api.auth_server import CLIENTS, install_clients

KINDS = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@contextmanager
def site(pages: Mapping[str, bytes]) -> Iterator[str]:
    """Serve files by path, ``/`` being ``/index.html``; yields ``http://localhost:PORT``.

    A service on ``127.0.0.1`` is on another site for a page from there.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = pages.get("/index.html" if path == "/" else path)
            self.send_response(200 if body is not None else 404)
            self.send_header("content-type", KINDS.get(path.rpartition(".")[2], KINDS["html"]))
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def bundled_clients() -> bytes:
    """Both releases of the genuine client as one script."""
    install_clients()
    done = subprocess.run(
        ["node_modules/.bin/esbuild", "browser.mjs", "--bundle", "--format=iife"],
        cwd=CLIENTS,
        capture_output=True,
        timeout=120,
        check=True,
    )
    return done.stdout
