"""A server with ``POST /v2/rerank`` on loopback, as Cohere and Jina have it; scriptable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

JSON = dict[str, Any]
Score = Callable[[str, str], float]


class RerankDouble:
    """Scores by ``score(query, document)``; ``reply`` or ``status`` come instead where set."""

    def __init__(self, api_key: str, score: Score) -> None:
        self.api_key = api_key
        self.score = score
        self.reply: JSON | None = None
        self.status = 200
        self.asked: list[JSON] = []
        self.base_url = ""

    async def __aenter__(self) -> RerankDouble:
        app = web.Application()
        app.router.add_post("/v2/rerank", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}/v2"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.asked.append(body)
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return web.json_response({"message": "invalid api token"}, status=401)
        if self.status != 200 or self.reply is not None:
            return web.json_response(self.reply or {"message": "no"}, status=self.status)
        scored = [
            {"index": index, "relevance_score": self.score(body["query"], document)}
            for index, document in enumerate(body["documents"])
        ]
        scored.sort(key=lambda item: -item["relevance_score"])
        return web.json_response({"id": "1", "results": scored[: body["top_n"]], "meta": {}})
