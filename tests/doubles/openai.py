"""An OpenAI-protocol server on loopback: deterministic, scriptable, in the test's own loop.

``async with OpenAIDouble() as double: ... double.base_url``; for manual trials
``python -m tests.doubles.openai --port 18080``.

Embeddings are bags of hashed words, so that cosine similarity follows shared words; they come in
reverse order, as the protocol allows. The chat's default reply quotes the first sentence of the
first numbered passage of the prompt and cites it as [1].
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from aiohttp import web

from tests.doubles.openai_replies import JSON, embedding, grounded_reply

_MODEL_DIMENSIONS = {"text-embedding-3-large": 3072}


@dataclass(slots=True)
class Fault:
    """A scripted fault; ``kind`` is one of

    status: an error answer with ``status``, ``code`` (also as type) and ``retry_after``;
    hang: no answer ever; hang_mid, reset, cut, malformed, no_choices, non_utf8, error_mid: after
    ``after`` tokens no more token, a TCP reset, a clean end without finish_reason, a chunk that is
    no JSON, one without choices, one that is no UTF-8, an error object with ``code``; length:
    finish_reason length; empty: no token at all; garbage: a 200 that is not of this protocol. A
    whole answer has them in its one piece; it hangs, is reset or cut in the middle of its body.
    """

    kind: str
    on: str = "any"
    times: int | None = 1
    status: int = 500
    code: str | None = None
    retry_after: str | None = None
    after: int = 3


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it came; ``kind`` is chat, embeddings or models."""

    kind: str
    body: JSON
    headers: dict[str, str]


class OpenAIDouble:
    """The server. Attributes may be changed while it runs."""

    def __init__(self, *, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self.api_key: str | None = None
        self.reply: str | Callable[[list[JSON]], str] | None = None
        self.models = {"gpt-4o-mini", "text-embedding-3-small", "text-embedding-3-large"}
        self.dimensions: int | None = None
        self.floats = False
        self.latency_s = 0.0
        self.token_delay_s = 0.0
        self.may_speak = asyncio.Event()  # cleared: chats wait before their first token
        self.may_speak.set()
        self.may_end = asyncio.Event()  # cleared: streams wait before their last token
        self.may_end.set()
        self.faults: list[Fault] = []
        self.requests: list[Recorded] = []
        self.concurrent = 0
        self.max_concurrent = 0
        self.abandoned = 0
        self.client_left = asyncio.Event()
        self._transports: set[asyncio.Transport] = set()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL would hold."""
        return f"http://{self.host}:{self.port}/v1"

    @property
    def connections(self) -> int:
        """How many connections ever came."""
        return len(self._transports)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        app = web.Application(client_max_size=2**26)
        models = partial(self._serve, "models", self._answer_models)
        app.router.add_get("/v1/models", models)
        app.router.add_get("/v1/models/{name:.+}", models)
        embeddings = partial(self._serve, "embeddings", self._answer_embeddings)
        app.router.add_post("/v1/embeddings", embeddings)
        app.router.add_post("/v1/chat/completions", partial(self._serve, "chat", self._answer_chat))
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Die: reset every connection and listen no more. :meth:`start` revives it."""
        for transport in self._transports:
            transport.abort()
        self._transports.clear()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def fail(self, kind: str, **how: Any) -> Fault:
        """Script a fault (see :class:`Fault`); faults are used up in their order."""
        fault = Fault(kind, **how)
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Forget every scripted fault."""
        self.faults.clear()

    def calls(self, kind: str) -> int:
        """How many requests of a kind came."""
        return sum(request.kind == kind for request in self.requests)

    def _fault(self, kind: str) -> Fault | None:
        for fault in self.faults:
            if fault.on in ("any", kind):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                return fault
        return None

    async def _serve(self, kind: str, answer: Any, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read() or b"{}")
        self.requests.append(Recorded(kind, body, dict(request.headers)))
        assert isinstance(request.transport, asyncio.Transport)
        self._transports.add(request.transport)
        self.concurrent += 1
        self.max_concurrent = max(self.max_concurrent, self.concurrent)
        try:
            return await self._refuse_or(answer, request, body, kind)
        except (asyncio.CancelledError, ConnectionResetError):
            self.abandoned += 1
            self.client_left.set()
            raise
        finally:
            self.concurrent -= 1

    async def _refuse_or(
        self, answer: Any, request: web.Request, body: JSON, kind: str
    ) -> web.StreamResponse:
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if self.api_key and request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _error(401, "invalid_api_key")
        fault = self._fault(kind)
        if fault is not None:
            if fault.kind == "hang":
                await asyncio.Event().wait()
            if fault.kind == "status":
                return _error(fault.status, fault.code, fault.retry_after)
            if fault.kind == "garbage":
                return web.Response(text="<html>It works!</html>", content_type="text/html")
            if fault.kind == "reset" and kind != "chat":
                _abort(request)
        response: web.StreamResponse = await answer(request, body, fault)
        return response

    async def _answer_models(
        self, request: web.Request, body: JSON, fault: Fault | None
    ) -> web.StreamResponse:
        name = request.match_info.get("name")
        if name and name not in self.models:
            return _error(404, "model_not_found")
        known = [{"id": m, "object": "model", "created": 0, "owned_by": "x"} for m in self.models]
        found = next((m for m in known if m["id"] == name), {"object": "list", "data": known})
        return web.json_response(found)

    async def _answer_embeddings(
        self, request: web.Request, body: JSON, fault: Fault | None
    ) -> web.StreamResponse:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        if not all(texts):
            return _error(400, "invalid_input")
        length = self.dimensions or body.get("dimensions")
        length = length or _MODEL_DIMENSIONS.get(body["model"], 1536)
        plain = self.floats or body.get("encoding_format") != "base64"
        data = []
        for index, text in enumerate(texts):
            vector = embedding(text, length)
            coded = base64.b64encode(vector.tobytes()).decode()
            shown = vector.tolist() if plain else coded
            data.append({"object": "embedding", "index": index, "embedding": shown})
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        answer = {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}
        return web.json_response(answer)

    async def _answer_chat(
        self, request: web.Request, body: JSON, fault: Fault | None
    ) -> web.StreamResponse:
        reply = self.reply if self.reply is not None else grounded_reply
        text = reply if isinstance(reply, str) else reply(body["messages"])
        kind = fault.kind if fault else ""
        text = "" if kind == "empty" else text
        finish = "length" if kind == "length" else "stop"
        tokens = re.findall(r"\s*\S+\s*", text)
        prompt = sum(len(message["content"]) // 4 + 1 for message in body["messages"])
        usage = {"prompt_tokens": prompt, "completion_tokens": len(tokens)}
        usage["total_tokens"] = sum(usage.values())
        if not body.get("stream"):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            whole = _event(body, "chat.completion", [choice], usage=usage)
            return await self._answer_whole(request, whole, fault)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._send(response, _delta(body, {"role": "assistant", "content": ""}))
        await self.may_speak.wait()
        for number, token in enumerate(tokens):
            if fault and number == fault.after and await self._break(request, response, fault):
                return response
            await asyncio.sleep(self.token_delay_s)
            if number == len(tokens) - 1:
                await self.may_end.wait()
            await self._send(response, _delta(body, {"content": token}))
        await self._send(response, _delta(body, {}, finish))
        if (body.get("stream_options") or {}).get("include_usage"):
            await self._send(response, _event(body, "chat.completion.chunk", [], usage=usage))
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _answer_whole(
        self, request: web.Request, whole: JSON, fault: Fault | None
    ) -> web.StreamResponse:
        await self.may_speak.wait()
        kind = fault.kind if fault else ""
        if fault is not None and kind == "error_mid":
            whole = _mistake(fault.code)
        elif kind == "no_choices":
            del whole["choices"]
        data = json.dumps(whole).encode()
        if kind == "malformed":
            data = data[:-9]
        elif kind == "non_utf8":
            data = data.replace(b'"content": "', b'"content": "\xff\xfe')
        if kind not in ("hang_mid", "reset", "cut"):
            return web.Response(body=data, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        if kind == "hang_mid":
            await asyncio.Event().wait()
        elif kind == "reset":
            _abort(request)
        assert request.transport is not None
        request.transport.close()
        return response

    async def _break(
        self, request: web.Request, response: web.StreamResponse, fault: Fault
    ) -> bool:
        """Do what the fault says in the middle of a stream; True where that ends it."""
        if fault.kind == "hang_mid":
            await asyncio.Event().wait()
        elif fault.kind == "reset":
            _abort(request)
        elif fault.kind == "no_choices":
            await self._send(response, {"id": "x", "object": "chat.completion.chunk"})
        elif fault.kind == "malformed":
            await response.write(b'data: {"id": "x", "choices": [{"ind\n\n')
        elif fault.kind == "non_utf8":
            await response.write(b'data: {"choices": [{"delta": {"content": "\xff\xfe"}}]}\n\n')
        elif fault.kind == "error_mid":
            await self._send(response, _mistake(fault.code))
        return fault.kind == "cut"

    async def _send(self, response: web.StreamResponse, event: JSON) -> None:
        await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")


def _abort(request: web.Request) -> None:
    assert isinstance(request.transport, asyncio.Transport)
    request.transport.abort()
    raise ConnectionResetError


def _error(status: int, code: str | None, retry_after: str | None = None) -> web.Response:
    error = {"message": "secret upstream words", "type": code, "param": None, "code": code}
    headers = {"Retry-After": retry_after} if retry_after else {}
    return web.json_response({"error": error}, status=status, headers=headers)


def _mistake(code: str | None) -> JSON:
    return {"error": {"message": "secret upstream words", "type": code, "code": code}}


def _event(body: JSON, kind: str, choices: list[JSON], **more: Any) -> JSON:
    head = {"id": "chatcmpl-double", "object": kind, "created": 0, "model": body["model"]}
    return {**head, "choices": choices, **more}


def _delta(body: JSON, delta: JSON, finish: str | None = None) -> JSON:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event(body, "chat.completion.chunk", [choice])


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--token-delay-ms", type=float, default=20.0)
    arguments = parser.parse_args()
    double = OpenAIDouble(port=arguments.port)
    double.latency_s = arguments.latency_ms / 1000
    double.token_delay_s = arguments.token_delay_ms / 1000
    async with double:
        print(double.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
