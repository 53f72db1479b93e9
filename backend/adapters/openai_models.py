"""Chat and embeddings of any OpenAI-compatible server, by raw JSON over the shared transport.

Wire format: platform.openai.com/docs/api-reference/chat and /embeddings. The SDK serves only where
no question waits for it (``openai_probe``).
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from backend.adapters.http import HttpTransport
from backend.adapters.openai_errors import Names
from backend.adapters.openai_wire import said_in, vectors_in
from backend.domain import ChatDelta, Usage, Vector
from backend.errors import DimensionMismatch, UpstreamError
from backend.text.pricing import priced
from backend.variables.prices import Price
from backend.variables.providers import dimensions_of

WHOLE_TIMEOUT_S = 60.0  # the guard's limits are narrower; these hold where there is no guard
EMBED_TIMEOUT_S = 60.0

# These count their thinking as output too, and refuse the older parameter.
_NEW_LIMIT = re.compile(r"(?:^|/)(?:o\d|gpt-(?:[5-9]|\d\d))")


class OpenAIChat:
    """A chat model behind ``POST {base_url}/chat/completions``.

    Args:
        transport: The shared HTTP client.
        base_url: Address of the API, ending in ``/v1`` or what the provider has instead.
        api_key: Sent as a bearer token; None for a server that wants none.
        model: The model's name at the provider.
        names: Circuit and variables that errors mention.
        temperature: Sampling temperature; None leaves it to the server.
        price: What its tokens cost, if that is known.
    """

    def __init__(
        self,
        transport: HttpTransport,
        *,
        base_url: str,
        api_key: str | None,
        model: str,
        names: Names | None = None,
        temperature: float | None = None,
        price: Price | None = None,
    ) -> None:
        self.name = model
        self._price = price
        self._transport = transport
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._headers = _bearer(api_key)
        self._names = names or Names()
        self._limit = "max_completion_tokens" if _NEW_LIMIT.search(model) else "max_tokens"
        self._fixed: dict[str, Any] = {"model": model}
        if temperature is not None and self._limit == "max_tokens":
            self._fixed["temperature"] = temperature

    async def stream(
        self, messages: Sequence[dict[str, str]], *, max_tokens: int
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield the answer's text as it is read, then one delta with ``finish_reason`` and usage.

        Closing the generator closes the connection, so that the server stops working.

        Raises:
            UpstreamError: From the table of ``openai_errors``; UpstreamMalformed for a stream that
                ends without ``finish_reason``, or well but without any text.
        """
        body = {
            **self._fixed,
            "messages": messages,
            self._limit: max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        finish: str | None = None
        usage: Usage | None = None
        empty = True
        async with self._transport.stream_lines(
            self._url,
            body,
            headers=self._headers,
            upstream=self._names.upstream,
            classify=self._names.classify,
            variable=self._names.url,
        ) as payloads:
            async for read in payloads:
                said = ""
                try:
                    for payload in read:
                        text, reason, counted = said_in(payload, "delta", self._names)
                        said += text
                        usage = counted or usage
                        finish = reason or finish
                except UpstreamError:
                    if said:  # what came before the fault has been said
                        yield ChatDelta(said)
                    raise
                if said:
                    empty = False
                    payloads.unhurried = True  # the first words go out at once
                    yield ChatDelta(said)
            if finish is None:
                raise self._names.unreadable()
            if empty:
                raise self._names.no_text(finish)
            yield ChatDelta(finish_reason=finish, usage=priced(usage, self._price))

    async def complete(self, messages: Sequence[dict[str, str]], *, max_tokens: int) -> ChatDelta:
        """The answer in one piece, with ``finish_reason`` and usage.

        Raises:
            UpstreamError: From the table of ``openai_errors``; UpstreamMalformed for an answer that
                cannot be read or has no text.
        """
        answer = await self._transport.post_json(
            self._url,
            {**self._fixed, "messages": messages, self._limit: max_tokens, "stream": False},
            headers=self._headers,
            timeout_s=WHOLE_TIMEOUT_S,
            upstream=self._names.upstream,
            classify=self._names.classify,
            variable=self._names.url,
        )
        text, finish, usage = said_in(answer, "message", self._names)
        if not text.strip():
            raise self._names.no_text(finish or "")
        return ChatDelta(text, finish, priced(usage, self._price))


class OpenAIEmbedder:
    """An embedding model behind ``POST {base_url}/embeddings``.

    Args:
        transport: The shared HTTP client.
        base_url: Address of the API.
        api_key: Sent as a bearer token; None for a server that wants none.
        model: The model's name at the provider.
        dimensions: Length that the vectors shall have; None for the model's own. Sent only for a
            model that is known to shorten its vectors, where it differs from its own length.
        names: Circuit and variables that errors mention.
    """

    def __init__(
        self,
        transport: HttpTransport,
        *,
        base_url: str,
        api_key: str | None,
        model: str,
        dimensions: int | None = None,
        names: Names | None = None,
    ) -> None:
        known = dimensions_of(model)
        self.model = model
        self.dimensions = dimensions or (known.native if known else None)
        self._transport = transport
        self._url = base_url.rstrip("/") + "/embeddings"
        self._headers = _bearer(api_key)
        self._names = names or Names(model="EMBEDDING_MODEL", url="EMBEDDING_BASE_URL")
        self._fixed: dict[str, Any] = {"model": model, "encoding_format": "base64"}
        if dimensions and known and dimensions != known.native and known.allows(dimensions):
            self._fixed["dimensions"] = dimensions

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Vectors of the texts, in order, by one request: ``pacing`` knows how many it may carry.

        Raises:
            UpstreamError: From the table of ``openai_errors``; UpstreamMalformed for an answer with
                another number of vectors than texts, DimensionMismatch for one of another length.
        """
        if not texts:
            return []
        answer = await self._transport.post_json(
            self._url,
            # an empty text is refused, a blank one is not
            {**self._fixed, "input": [text or " " for text in texts]},
            headers=self._headers,
            timeout_s=EMBED_TIMEOUT_S,
            upstream=self._names.upstream,
            classify=self._names.classify,
            variable=self._names.url,
        )
        vectors = vectors_in(answer, len(texts), self._names)
        if self.dimensions is None:
            self.dimensions = len(vectors[0])
        for vector in vectors:
            if len(vector) != self.dimensions:
                raise self._mismatch(len(vector))
        return vectors

    def _mismatch(self, length: int) -> DimensionMismatch:
        return DimensionMismatch(
            self._names.upstream,
            f"The model in {self._names.model} makes vectors of {length} numbers where "
            f"{self.dimensions} are expected; correct the model or EMBEDDING_DIMENSIONS.",
        )


def _bearer(api_key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {api_key}"} if api_key else {}
