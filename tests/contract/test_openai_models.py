"""The OpenAI adapters against the protocol double, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from backend.adapters.http import HttpTransport
from backend.adapters.openai_errors import Names
from backend.adapters.openai_models import OpenAIChat, OpenAIEmbedder
from backend.domain import ChatDelta, Usage
from backend.errors import (
    DimensionMismatch,
    UpstreamError,
    UpstreamMalformed,
    UpstreamQuota,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamUnavailable,
)
from tests.doubles.openai import OpenAIDouble
from tests.doubles.openai_replies import embedding

KEY = "test-key-not-real"
ASK = [{"role": "user", "content": "What is a node?"}]


@pytest.fixture
async def double() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        double.api_key = KEY
        double.reply = "A node is a process that computes [1]."
        yield double


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    await transport.aclose()


@pytest.fixture
def chat(double: OpenAIDouble, transport: HttpTransport) -> OpenAIChat:
    return OpenAIChat(transport, base_url=double.base_url, api_key=KEY, model="gpt-4o-mini")


@pytest.fixture
def embedder(double: OpenAIDouble, transport: HttpTransport) -> OpenAIEmbedder:
    return _embedder(double, transport)


def _embedder(
    double: OpenAIDouble,
    transport: HttpTransport,
    model: str = "text-embedding-3-small",
    dimensions: int | None = None,
) -> OpenAIEmbedder:
    return OpenAIEmbedder(
        transport, base_url=double.base_url, api_key=KEY, model=model, dimensions=dimensions
    )


async def _answer(chat: OpenAIChat) -> list[ChatDelta]:
    return [delta async for delta in chat.stream(ASK, max_tokens=100)]


async def _failure(chat: OpenAIChat) -> tuple[UpstreamError, str]:
    """The error of a stream, and the text that came before it."""
    texts: list[str] = []
    with pytest.raises(UpstreamError) as caught:
        await _collect(chat, texts)
    assert "secret upstream words" not in caught.value.detail
    assert KEY not in caught.value.detail
    return caught.value, "".join(texts)


async def _collect(chat: OpenAIChat, texts: list[str]) -> None:
    async for delta in chat.stream(ASK, max_tokens=100):
        texts.append(delta.text)


class TestChat:
    async def test_stream_ends_with_finish_reason_and_usage(
        self, chat: OpenAIChat, double: OpenAIDouble
    ) -> None:
        *texts, last = await _answer(chat)
        assert "".join(delta.text for delta in texts) == double.reply
        assert last == ChatDelta(finish_reason="stop", usage=Usage(4, 8))
        sent = double.requests[0]
        assert sent.body["max_tokens"] == 100
        assert sent.headers["User-Agent"] == "book-answers"

    async def test_complete_brings_text_finish_reason_and_usage_at_once(
        self, chat: OpenAIChat, double: OpenAIDouble
    ) -> None:
        whole = await chat.complete(ASK, max_tokens=100)
        assert whole == ChatDelta(str(double.reply), "stop", Usage(4, 8))
        assert (double.requests[0].body["stream"], double.requests[0].body["max_tokens"]) == (
            False, 100,
        )  # fmt: skip
        double.fail("length")
        assert (await chat.complete(ASK, max_tokens=100)).finish_reason == "length"
        assert double.connections == 1

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("cut", UpstreamUnavailable),
            ("reset", UpstreamUnavailable),
            ("malformed", UpstreamMalformed),
            ("no_choices", UpstreamMalformed),
            ("non_utf8", UpstreamMalformed),
            ("empty", UpstreamMalformed),
            ("garbage", UpstreamMalformed),
            ("error_mid", UpstreamUnavailable),
        ],
    )
    async def test_complete_is_never_half_an_answer(
        self, chat: OpenAIChat, double: OpenAIDouble, kind: str, expected: type[UpstreamError]
    ) -> None:
        double.fail(kind)
        with pytest.raises(UpstreamError) as caught:
            await chat.complete(ASK, max_tokens=100)
        assert type(caught.value) is expected
        assert "secret upstream words" not in caught.value.detail

    async def test_stream_reuses_its_connection(
        self, chat: OpenAIChat, double: OpenAIDouble
    ) -> None:
        for _ in range(3):
            await _answer(chat)
        assert double.connections == 1

    @pytest.mark.parametrize("model", ["o3-mini", "openai/gpt-5-nano"])
    async def test_stream_limits_reasoning_models_by_their_own_parameter(
        self, double: OpenAIDouble, transport: HttpTransport, model: str
    ) -> None:
        chat = OpenAIChat(
            transport, base_url=double.base_url, api_key=KEY, model=model, temperature=0.2
        )
        await _answer(chat)
        body = double.requests[0].body
        assert body["max_completion_tokens"] == 100
        assert not {"max_tokens", "temperature"} & set(body)

    async def test_stream_passes_finish_length_on(
        self, chat: OpenAIChat, double: OpenAIDouble
    ) -> None:
        double.fail("length")
        assert (await _answer(chat))[-1].finish_reason == "length"

    async def test_closing_the_stream_closes_the_upstream(
        self, chat: OpenAIChat, double: OpenAIDouble
    ) -> None:
        double.fail("hang_mid", after=1)
        async with aclosing(chat.stream(ASK, max_tokens=100)) as stream:
            await anext(stream)
        async with asyncio.timeout(5):
            await double.client_left.wait()
        assert double.concurrent == 0

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            ("cut", UpstreamMalformed),
            ("reset", UpstreamUnavailable),
            ("malformed", UpstreamMalformed),
            ("non_utf8", UpstreamMalformed),
            ("error_mid", UpstreamUnavailable),
        ],
    )
    async def test_stream_translates_what_breaks_it(
        self, chat: OpenAIChat, double: OpenAIDouble, kind: str, expected: type[UpstreamError]
    ) -> None:
        double.fail(kind, after=2)
        error, text = await _failure(chat)
        assert type(error) is expected
        # What a reset overtakes is lost.
        assert text == "A node " or (kind == "reset" and "A node ".startswith(text))

    @pytest.mark.parametrize("kind", ["empty", "garbage"])
    async def test_stream_without_text_is_no_success(
        self, chat: OpenAIChat, double: OpenAIDouble, kind: str
    ) -> None:
        double.fail(kind)
        error, _ = await _failure(chat)
        assert type(error) is UpstreamMalformed

    @pytest.mark.parametrize(
        ("status", "code", "expected", "named"),
        [
            (401, "invalid_api_key", UpstreamRejected, "GROQ_API_KEY"),
            (403, None, UpstreamRejected, "GROQ_API_KEY"),
            (400, "invalid_api_key", UpstreamRejected, "GROQ_API_KEY"),
            (402, None, UpstreamQuota, "GROQ_API_KEY"),
            (404, "model_not_found", UpstreamRejected, "OPENAI_MODEL"),
            (302, None, UpstreamRejected, "OPENAI_BASE_URL"),
            (400, "context_length_exceeded", UpstreamRejected, "too long"),
            (422, "odd", UpstreamRejected, "OPENAI_MODEL"),
            (429, "insufficient_quota", UpstreamQuota, "GROQ_API_KEY"),
            (429, "rate_limit_exceeded", UpstreamRateLimited, "GROQ_API_KEY"),
            (408, None, UpstreamUnavailable, ""),
            (500, "server_error", UpstreamUnavailable, ""),
        ],
    )
    async def test_status_becomes_an_error_that_names_the_variable(
        self,
        double: OpenAIDouble,
        transport: HttpTransport,
        status: int,
        code: str | None,
        expected: type[UpstreamError],
        named: str,
    ) -> None:
        chat = OpenAIChat(
            transport,
            base_url=double.base_url,
            api_key=KEY,
            model="gpt-4o-mini",
            names=Names(key="GROQ_API_KEY"),
        )
        double.fail("status", status=status, code=code)
        error, _ = await _failure(chat)
        assert type(error) is expected
        assert named in error.detail

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("insufficient_quota", UpstreamQuota),
            ("rate_limit_exceeded", UpstreamRateLimited),
            ("401", UpstreamRejected),
            ("502", UpstreamUnavailable),
        ],
    )
    async def test_error_inside_the_stream_is_told_apart_by_its_code(
        self, chat: OpenAIChat, double: OpenAIDouble, code: str, expected: type[UpstreamError]
    ) -> None:
        double.fail("error_mid", after=0, code=code)
        error, _ = await _failure(chat)
        assert type(error) is expected

    async def test_retry_after_is_passed_on(self, chat: OpenAIChat, double: OpenAIDouble) -> None:
        double.fail("status", status=429, retry_after="120")
        error, _ = await _failure(chat)
        assert error.retry_after_s == 120

    async def test_dead_server_is_refused_until_it_is_back(
        self, chat: OpenAIChat, double: OpenAIDouble
    ) -> None:
        await _answer(chat)
        await double.stop()
        error, _ = await _failure(chat)
        assert type(error) is UpstreamRefused
        assert "OPENAI_BASE_URL" in error.detail
        await double.start()
        assert await _answer(chat)


class TestEmbedder:
    @pytest.mark.parametrize("floats", [False, True])
    async def test_vectors_come_in_order_from_base64_and_from_numbers(
        self, embedder: OpenAIEmbedder, double: OpenAIDouble, floats: bool
    ) -> None:
        double.floats = floats
        texts = ["a robot arm", "gravity", ""]
        vectors = await embedder.embed(texts)
        assert [*map(tuple, vectors)] == [tuple(embedding(text, 1536)) for text in texts]
        assert await embedder.embed([]) == []
        assert double.calls("embeddings") == 1

    async def test_other_length_is_a_mismatch_with_both_numbers(
        self, embedder: OpenAIEmbedder, double: OpenAIDouble
    ) -> None:
        double.dimensions = 3072
        with pytest.raises(DimensionMismatch, match=r"3072.*1536"):
            await embedder.embed(["x"])

    async def test_dimensions_are_sent_where_the_model_can_shorten(
        self, double: OpenAIDouble, transport: HttpTransport
    ) -> None:
        short = _embedder(double, transport, "text-embedding-3-large", 256)
        assert len((await short.embed(["x"]))[0]) == 256
        fixed = _embedder(double, transport, "text-embedding-ada-002", 1536)
        await fixed.embed(["x"])
        assert [r.body.get("dimensions") for r in double.requests] == [256, None]

    async def test_unknown_model_tells_its_length_by_the_first_answer(
        self, double: OpenAIDouble, transport: HttpTransport
    ) -> None:
        double.dimensions = 100
        embedder = _embedder(double, transport, "house-model")
        assert embedder.dimensions is None
        await embedder.embed(["x"])
        assert embedder.dimensions == 100
