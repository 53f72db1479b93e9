"""The floor: the least that answers a question in Python, to hold the product against.

Raw ASGI, one pooled client, no framework, no validation, no errors, no limits, no log. The vector's
text is moved from one request into the next without being read, five passages go into the prompt,
and the model's bytes go out as they come.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import orjson

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

OPENAI = os.environ.get("FLOOR_OPENAI", "http://127.0.0.1:18080/v1")
QDRANT = os.environ.get("FLOOR_QDRANT", "http://127.0.0.1:16333")
COLLECTION = os.environ.get("FLOOR_COLLECTION", "bench")
HEADERS = {"content-type": "application/json", "authorization": "Bearer test-key-not-real"}
RULES = "Answer from the passages only and cite them."


class Floor:
    """The app; the client is made when the server starts."""

    _client: aiohttp.ClientSession

    async def __call__(self, scope: Message, receive: Any, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] == "/chat":
            await self._chat(await _body(receive), send)
        elif scope["path"] == "/chat/stream":
            await self._stream(await _body(receive), send)
        else:
            await _answer(send, b'{"status":"healthy"}')

    async def _live(self, receive: Any, send: Send) -> None:
        while True:
            event = (await receive())["type"]
            if event == "lifespan.startup":
                self._client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            else:
                await self._client.close()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def _post(self, url: str, body: bytes) -> bytes:
        async with self._client.post(url, data=body, headers=HEADERS) as response:
            return await response.read()

    async def _prompt(self, body: bytes, *, stream: bool) -> bytes:
        question = orjson.loads(body)["query"]
        embedded = await self._post(
            f"{OPENAI}/embeddings",
            orjson.dumps({"model": "text-embedding-3-small", "input": question}),
        )
        start = embedded.index(b"[", embedded.index(b'"embedding":'))
        vector = embedded[start : embedded.index(b"]", start) + 1]
        found = orjson.loads(
            await self._post(
                f"{QDRANT}/collections/{COLLECTION}/points/query",
                b'{"query":%b,"using":"dense","limit":5,"with_payload":true}' % vector,
            )
        )
        passages = "\n\n".join(point["payload"]["content"] for point in found["result"]["points"])
        return orjson.dumps(
            {
                "model": "gpt-4o-mini", "max_tokens": 500, "stream": stream,
                "messages": [
                    {"role": "system", "content": RULES},
                    {"role": "user", "content": f"{passages}\n\nQuestion: {question}"},
                ],
            }
        )  # fmt: skip

    async def _chat(self, body: bytes, send: Send) -> None:
        prompt = await self._prompt(body, stream=False)
        answer = orjson.loads(await self._post(f"{OPENAI}/chat/completions", prompt))
        text = answer["choices"][0]["message"]["content"]
        await _answer(send, orjson.dumps({"response": text}))

    async def _stream(self, body: bytes, send: Send) -> None:
        prompt = await self._prompt(body, stream=True)
        url = f"{OPENAI}/chat/completions"
        await _start(send, b"text/event-stream")
        async with self._client.post(url, data=prompt, headers=HEADERS) as response:
            async for data in response.content.iter_any():
                await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def _start(send: Send, kind: bytes) -> None:
    headers = [(b"content-type", kind)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _answer(send: Send, body: bytes) -> None:
    await _start(send, b"application/json")
    await send({"type": "http.response.body", "body": body})


app = Floor()
