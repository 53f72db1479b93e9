"""OpenAI's protocol at a fixed speed: ``python -m tests.bench.doubles.openai --port 18080``.

Vectors follow from the texts. An answer is ``word0 word1 ... [1]``, so that a client can check that
it got the first piece and the last.
"""

from __future__ import annotations

import base64
import random
import zlib
from array import array
from functools import lru_cache

import orjson

from tests.bench.doubles.wire import Schedule, arguments, json_reply, reply, serve

TOKENS = 60
VECTORS = 64
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_EVENT = {
    "id": "chatcmpl-double", "object": "chat.completion.chunk", "created": 1_760_000_000,
    "model": "gpt-4o-mini", "system_fingerprint": "fp_double",
}  # fmt: skip


def chunk(data: bytes) -> bytes:
    """``data`` as a piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def words() -> list[str]:
    """The pieces of every answer; the last one cites."""
    return [f"word{n} " for n in range(TOKENS - 1)] + ["[1]."]


class OpenAI:
    """Embeddings after ``embed_ms``, answers after ``chat_ms`` and then ``token_ms`` a piece.

    ``POST /speed`` with these three sets them anew.
    """

    def __init__(self, embed_ms: float, chat_ms: float, token_ms: float) -> None:
        self._set(embed_ms, chat_ms, token_ms)
        self._whole = json_reply(
            {
                **_EVENT,
                "object": "chat.completion",
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "".join(words())},
                        "finish_reason": "stop",
                    }
                ],
                "usage": _USAGE,
            }
        )

    def _set(self, embed_ms: float, chat_ms: float, token_ms: float) -> None:
        self._embed_s, self._chat_s, self._token_s = (
            embed_ms / 1000, chat_ms / 1000, token_ms / 1000,
        )  # fmt: skip
        self._schedule = self._stream()

    def handle(self, method: str, path: str, body: bytes) -> Schedule:
        if path.endswith("/embeddings"):
            return [(self._embed_s, _embeddings(orjson.loads(body)))]
        if path.endswith("/chat/completions"):
            if orjson.loads(body).get("stream"):
                return self._schedule
            return [(self._chat_s, self._whole)]
        if path == "/speed":
            self._set(**orjson.loads(body))
        return [(0.0, json_reply({"object": "list", "data": []}))]

    def _stream(self) -> Schedule:
        pieces: list[tuple[float, bytes]] = []
        for number, word in enumerate(words()):
            data = _line({"index": 0, "delta": {"content": word}, "finish_reason": None})
            if number == 0:
                data = STREAM_HEAD + data
            pieces.append((self._chat_s + number * self._token_s, data))
        end = _line({"index": 0, "delta": {}, "finish_reason": "stop"})
        usage = chunk(b"data: %b\n\n" % orjson.dumps({**_EVENT, "choices": [], "usage": _USAGE}))
        end += usage + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
        last, data = pieces[-1]
        return [*pieces[:-1], (last, data + end)]


_USAGE = {"prompt_tokens": 900, "completion_tokens": TOKENS, "total_tokens": 900 + TOKENS}


def _line(choice: dict[str, object]) -> bytes:
    return chunk(b"data: %b\n\n" % orjson.dumps({**_EVENT, "choices": [choice], "usage": None}))


def _embeddings(asked: dict[str, object]) -> bytes:
    given = asked["input"]
    texts = [given] if isinstance(given, str) else given
    assert isinstance(texts, list)
    size = asked.get("dimensions") or 1536
    encoded = asked.get("encoding_format") == "base64"
    items = b",".join(
        b'{"object":"embedding","index":%d,"embedding":%b}'
        % (n, _vector(zlib.crc32(str(text).encode()) % VECTORS, size, encoded))
        for n, text in enumerate(texts)
    )
    return reply(
        b'{"object":"list","data":[%b],"model":"double",'
        b'"usage":{"prompt_tokens":8,"total_tokens":8}}' % items
    )


@lru_cache(maxsize=4 * VECTORS)
def _vector(seed: int, size: int, encoded: bool) -> bytes:
    source = random.Random(seed)
    numbers = array("f", (source.gauss(0, size**-0.5) for _ in range(size)))
    if encoded:
        return b'"%b"' % base64.b64encode(numbers.tobytes())
    return b"[%b]" % b",".join(b"%.8g" % number for number in numbers)


if __name__ == "__main__":
    options = arguments(embed_ms=20, chat_ms=300, token_ms=20)
    serve(OpenAI(options.embed_ms, options.chat_ms, options.token_ms).handle, options.port)
