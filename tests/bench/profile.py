"""A flame graph of the chat's way: ``make profile``, written to profile.svg. Needs py-spy."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.corpus import write_book
from tests.bench.measure import Contender, measure
from tests.bench.stage import Server, product, upstreams

SECONDS = 15
CLIENTS = 20
KINDS = {"chat": Server.chat, "stream": Server.stream, "search": Server.search}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spy", default="py-spy", help="where py-spy is")
    parser.add_argument("--kind", choices=KINDS, default="chat")
    parser.add_argument("--embedded", action="store_true", help="the embedded index, not Qdrant")
    parser.add_argument("--out", type=Path, default=Path("profile.svg"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="book-answers-profile-") as folder:
        sample = _profile(Path(folder), options)
    sys.stdout.write(f"{sample} in {options.out}\n")
    return 0


def _profile(folder: Path, options: argparse.Namespace) -> str:
    book = write_book(folder / "book", 400)
    speeds = {"embed_ms": 0.0, "chat_ms": 0.0, "token_ms": 0.0, "search_ms": 0.0}
    with upstreams(folder / "doubles.log", **speeds) as where:
        environ = where.model | ({} if options.embedded else where.store)
        with product(folder / "data", book, environ) as server:
            contender = Contender(options.kind, server, KINDS[options.kind](server))
            command = [
                options.spy, "record", "--pid", str(server.process.pid), "--rate", "200",
                "--duration", str(SECONDS), "--nonblocking", "--output", str(options.out),
            ]  # fmt: skip
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as spy:
                sample = measure(contender, clients=CLIENTS, seconds=SECONDS + 2)
                spy.wait(60)
    return f"{sample.count} answers, {sample.cpu_ms:.2f} CPU ms each"


if __name__ == "__main__":
    sys.exit(main())
