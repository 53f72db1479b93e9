"""A Qdrant-protocol server on loopback: exact, scriptable, in the test's own loop.

``async with QdrantDouble() as double: ... double.url``; for manual trials
``python -m tests.doubles.qdrant --port 16333``. It speaks as much of the REST protocol as Qdrant's
own client and the raw queries of this service need, and refuses what it does not know, so that no
test passes on something a real server was never asked. What it stores is ``double.collections``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from tests.doubles.qdrant_store import JSON, Collection, Refused

_LIMIT = 64 * 2**20


@dataclass(slots=True)
class Fault:
    """A scripted fault for requests whose ``METHOD /path`` matches ``on``.

    ``kind``: status (with ``status``, ``error`` and ``retry_after``), hang (no answer ever), reset
    (the connection breaks), garbage (a 200 that is no JSON), late (the request is carried out, then
    the connection breaks). ``times`` None: always; ``skip``: let so many pass first.
    """

    kind: str
    on: str = "."
    times: int | None = 1
    skip: int = 0
    status: int = 500
    error: str = "Service internal error: scripted"
    retry_after: str | None = None


class QdrantDouble:
    """The server. Attributes may be changed while it runs."""

    def __init__(self, *, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self.api_key: str | None = None
        self.latency_s = 0.0
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        """``METHOD /path`` of every request, in order."""
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Address of the running server."""
        return f"http://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; again on the same port after ``stop``."""
        app = web.Application(middlewares=[self._middleware], client_max_size=_LIMIT)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, reuse_address=True)
        await site.start()
        server = site._server
        assert server is not None
        self.port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        """Stop listening and break every connection; what was stored stays."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def asked(self, pattern: str) -> int:
        """How many requests matched."""
        return sum(bool(re.search(pattern, request)) for request in self.requests)

    def collection(self, name: str) -> Collection:
        """The collection of this name or alias."""
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return found

    @web.middleware
    async def _middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        line = f"{request.method} {request.path}"
        self.requests.append(line)
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if (fault := self._fault(line)) is not None:
            if fault.kind == "late":
                await handler(request)
            return await _apply(fault, request)
        if self.api_key is not None and request.headers.get("api-key") != self.api_key:
            return web.Response(status=401, text="Invalid API key or JWT")
        try:
            return await handler(request)
        except Refused as refused:
            return _error(refused.status, str(refused))

    def _fault(self, line: str) -> Fault | None:
        for fault in self.faults:
            if fault.times == 0 or not re.search(fault.on, line):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    async def _answer(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            raise Refused(400, "Format error in JSON body") from None
        path = request.path
        if path == "/":
            return web.json_response(
                {"title": "qdrant - vector search engine", "version": "1.17.0"}
            )
        if path in ("/aliases", "/collections/aliases"):
            return _ok(self._aliases(request.method, body))
        if path == "/collections":
            return _ok({"collections": [{"name": name} for name in self.collections]})
        match = re.fullmatch(r"/collections/([^/]+)(/.*)?", path)
        if match is None:
            raise Refused(404, "")
        return _ok(self._collection(request.method, match[1], match[2] or "", body))

    def _aliases(self, method: str, body: JSON) -> Any:
        if method == "GET":
            pairs = self.aliases.items()
            return {"aliases": [{"alias_name": a, "collection_name": c} for a, c in pairs]}
        after = dict(self.aliases)
        for action in body["actions"]:
            if create := action.get("create_alias"):
                if create["alias_name"] in self.collections:
                    raise Refused(409, "Wrong input: Collection with the alias' name exists!")
                self.collection(create["collection_name"])
                after[create["alias_name"]] = create["collection_name"]
            elif delete := action.get("delete_alias"):
                if after.pop(delete["alias_name"], None) is None:
                    raise Refused(404, "Not found: Alias doesn't exist!")
        self.aliases = after
        return True

    def _collection(self, method: str, name: str, rest: str, body: JSON) -> Any:
        if rest == "/exists":
            return {"exists": self.aliases.get(name, name) in self.collections}
        if rest == "" and method == "PUT":
            if self.aliases.get(name, name) in self.collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            self.collections[name] = Collection(body)
            return True
        if rest == "" and method == "DELETE":
            if self.collections.pop(name, None) is None:
                return False
            self.aliases = {a: c for a, c in self.aliases.items() if c != name}
            return True
        collection = self.collection(name)
        if rest == "" and method == "GET":
            return collection.info()
        return collection.points_call(method, rest, body)


async def _apply(fault: Fault, request: web.Request) -> web.StreamResponse:
    if fault.kind == "status":
        response = _error(fault.status, fault.error)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = fault.retry_after
        return response
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if fault.kind in ("reset", "late"):
        transport = request.transport
        assert transport is not None
        transport.abort()
    return web.Response(text="<html>not what you are looking for</html>", content_type="text/html")


def _ok(result: Any) -> web.Response:
    return web.json_response({"result": result, "status": "ok", "time": 0.0001})


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"status": {"error": message}, "time": 0.0001}, status=status)


async def _serve(port: int) -> None:
    async with QdrantDouble(port=port) as double:
        print(double.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=16333)
    asyncio.run(_serve(parser.parse_args().port))
