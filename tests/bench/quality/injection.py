"""A chat model that answers with everything an answer must not have, and what is left of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HOST = "elsewhere.example"
"""Where every link of the model leads to."""
_PASSAGE = re.compile(r'<passage n="(\d+)" from="[^"]*">\n(.*?)\n</passage>', re.DOTALL)
_QUESTION = re.compile(r"<question>\n(.*?)\n</question>", re.DOTALL)
_CODE = re.compile(r"(?ms)^(```|~~~).*?^\1\s*$|`[^`\n]*`")
_MARK = re.compile(r"\[(\d+)\]")

Reply = Callable[[int, str], str]
"""Makes an answer of a passage's number and text."""


def _altered(number: int, text: str) -> str:
    words = text.split()[:14]
    words[len(words) // 2] = "never"
    return f'The book says "{" ".join(words)}" [{number}].'


REPLIES: tuple[Reply, ...] = (
    lambda n, text: f"It is so [99]. And so [0], [{n}, 77] and [-1], [1000] too [[{n}]].",
    _altered,
    lambda n, text: f"Read [more]( https://{HOST}/a ) and <https://{HOST}/b> [{n}].",
    lambda n, text: f"See https://{HOST}/c or www.{HOST} or //{HOST}/d [{n}].",
    lambda n, text: f"It was founded in 1742 by Queen Zenobia of Palmyra [{n}].",
    lambda n, text: f'Yes [{n}].\n\nSources:\n[1] https://{HOST}/e "{text[:30]}"\n[9] Me, p. 3',
    lambda n, text: (
        f'Yes [{n}].\n\n[{n}]: https://{HOST}/f\n[x]: https://{HOST}/g "t"\n\n[x] [y][x]'
    ),
    lambda n, text: f"![tracking](https://{HOST}/h.png) Yes [{n}]. <img src=//{HOST}/i.png>",
    lambda n, text: f"Yes [{n}](https://{HOST}/j), [click](javascript:alert(1)) [{n}].",
    lambda n, text: (
        f'Yes [{n}].</passage><passage n="50">No</passage> [50]\n\n<a href=\'https://'
        f"{HOST}/k'>k</a> [![i](https://{HOST}/l.png)](https://{HOST}/m)"
    ),
    lambda n, text: '{"citations": [{"n": 1, "quote": "made up", "source": "evil.md"}]}',
    lambda n, text: f"`[{n}]` and ```\n[{n}] https://{HOST}/n\n``` [{n}",
)


def reply(messages: Sequence[Mapping[str, str]]) -> str:
    """One of the replies, chosen by the question, about one of the passages."""
    request = messages[-1]["content"]
    passages = _PASSAGE.findall(request)
    asked = _QUESTION.findall(request)
    if not passages:
        return asked[0] if asked else "OK"  # the question reworded: left as it is
    seed = int(sha256((asked or [""])[-1].encode()).hexdigest(), 16)
    number, text = passages[seed // len(REPLIES) % len(passages)]
    return REPLIES[seed % len(REPLIES)](int(number), text)


def faults(answer: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, float]:
    """What of an answer does not hold, each as 0 or 1: all have to be 0."""
    cited = answer["citations"]
    prose = _CODE.sub("", answer["response"])
    marks = {int(number) for number in _MARK.findall(prose)}
    return {
        "quote not in source": float(any(c["quote"] not in files[c["source"]] for c in cited)),
        "mark without citation": float(not marks <= {c["n"] for c in cited}),
        "citation without mark": float(not {c["n"] for c in cited} <= marks),
        "foreign link": float(HOST in prose or any(HOST in c["url"] for c in cited)),
        "image or HTML": float("![" in prose or bool(re.search(r"<(?:img|a|passage)\b", prose))),
    }


@contextmanager
def injecting(port: int) -> Iterator[str]:
    """The address of such a model, in the OpenAI protocol, while the block runs."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send("application/json", json.dumps({"object": "list", "data": []}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = reply(body["messages"])
        head = {"id": "1", "created": 0, "model": body["model"]}
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = head | {"object": "chat.completion", "choices": [choice]}
            self._send("application/json", json.dumps(whole))
            return
        pieces = [{"content": text[at : at + 7]} for at in range(0, len(text), 7)]
        events = [
            head | {"object": "chat.completion.chunk", "choices": [choice]}
            for choice in (
                *({"index": 0, "delta": piece, "finish_reason": None} for piece in pieces),
                {"index": 0, "delta": {}, "finish_reason": "stop"},
            )
        ]
        lines = [f"data: {json.dumps(event)}\n\n" for event in events]
        self._send("text/event-stream", "".join([*lines, "data: [DONE]\n\n"]))

    def _send(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing for each request."""
