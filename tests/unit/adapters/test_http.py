"""The transport over real sockets, against bytes that a test writes itself."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from backend.adapters import http, http_pool, http_stream
from backend.adapters.http import HttpTransport
from backend.adapters.http_connection import (
    STREAM_BUFFER_BYTES,
    AnswerTooLarge,
    Connection,
    NotHttp,
)
from backend.adapters.http_errors import translate
from backend.adapters.http_pool import NotAnAddress, NotConnected, NotTrusted, address_of
from backend.errors import (
    ShuttingDown,
    UpstreamError,
    UpstreamMalformed,
    UpstreamRefused,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSE = b""
"""In place of a piece: close the connection."""
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Teapot(UpstreamError):
    """What ``_classify`` makes of any status."""


def _classify(status: int, headers: Mapping[str, str], body: bytes) -> UpstreamError:
    return Teapot("qdrant", f"{status} {headers.get('x-why')} {len(body)}")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


class RawServer:
    """Answers each request with the pieces given, one write each; then stays silent or resets.

    An event among the pieces is waited for.
    """

    def __init__(self, pieces: tuple[bytes | asyncio.Event, ...], *, reset: bool) -> None:
        self.pieces = pieces
        self.reset = reset
        self.requests: list[bytes] = []
        self.connections = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.left = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                for piece in self.pieces:
                    if isinstance(piece, asyncio.Event):
                        await piece.wait()
                        continue
                    if piece == CLOSE:
                        writer.close()
                        return
                    writer.write(piece)
                    await writer.drain()
                if self.reset:
                    writer.transport.abort()
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def _server(
    *pieces: bytes | asyncio.Event, reset: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    raw = RawServer(pieces, reset=reset)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0, ssl=tls)
    raw.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
    async with server:
        yield raw


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    await transport.aclose()


@pytest.fixture(scope="module")
def stranger_tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What a server needs whose certificate nobody has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def _post(transport: HttpTransport, url: str, timeout_s: float = 5.0) -> bytes:
    return await transport.post_json(
        url, {"a": 1}, headers={"api-key": "k"}, timeout_s=timeout_s,
        upstream="qdrant", classify=_classify,
    )  # fmt: skip


async def _lines(transport: HttpTransport, url: str) -> list[bytes]:
    async with transport.stream_lines(
        url, b"{}", upstream="openai", classify=_classify
    ) as payloads:
        return [payload async for read in payloads for payload in read]


async def test_post_sends_json_and_keeps_the_connection(transport: HttpTransport) -> None:
    async with _server(OK) as server:
        assert [await _post(transport, server.url) for _ in range(3)] == [b"{}"] * 3
    assert server.connections == 1
    assert server.requests[0].endswith(b'\r\n\r\n{"a":1}')
    assert b"User-Agent: book-answers" in server.requests[0]
    assert b"api-key: k" in server.requests[0]


@pytest.mark.parametrize("status", [b"302", b"404", b"503"])
async def test_status_goes_to_the_adapter(transport: HttpTransport, status: bytes) -> None:
    head = b"Location: http://127.0.0.1:9/\r\nX-Why: because\r\nContent-Length: 3\r\n\r\nwhy"
    async with _server(b"HTTP/1.1 " + status + b" X\r\n" + head) as server:
        for ask in (_post, _lines):
            with pytest.raises(Teapot, match=f"{status.decode()} because 3"):
                await ask(transport, server.url)


@pytest.mark.parametrize("ask", [_post, _lines])
async def test_connection_faults_are_translated(transport: HttpTransport, ask: Any) -> None:
    async with _server() as silent:
        with pytest.raises(UpstreamTimeout):
            await _post(transport, silent.url, 0.01)
    async with _server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nda", reset=True) as broken:
        with pytest.raises(UpstreamUnavailable):
            await ask(transport, broken.url)
    async with _server(b"SSH-2.0-OpenSSH\r\n\r\n") as stranger:
        with pytest.raises(UpstreamMalformed):
            await ask(transport, stranger.url)
    with pytest.raises(UpstreamRefused, match="_URL"):
        await ask(transport, stranger.url)
    with pytest.raises(UpstreamRejected):
        await ask(transport, "nonsense://127.0.0.1/")


async def test_odd_key_and_odd_text_are_rejected(transport: HttpTransport) -> None:
    async with _server(OK) as server:
        for headers, body in (({"api-key": "a\r\nb"}, {}), ({}, {"text": "\ud800"})):
            with pytest.raises(UpstreamRejected):
                await transport.post_json(
                    server.url, body, headers=headers, timeout_s=5,
                    upstream="qdrant", classify=_classify,
                )  # fmt: skip


async def test_answer_without_end_is_cut_off(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1000)
    monkeypatch.setattr(http_stream, "MAX_LINE_BYTES", 1000)
    async with _server(STREAM, *[_chunk(b"x" * 400)] * 5) as server:
        for ask in (_post, _lines):
            with pytest.raises(UpstreamMalformed, match="too large"):
                await ask(transport, server.url)


async def test_stream_yields_payloads_however_they_are_cut(transport: HttpTransport) -> None:
    text = b': comment\r\n\r\nevent: x\r\ndata: {"a": "\xc3\xa9"}\r\n\r\ndata:2\n\ndata: [DONE]\n\n'
    cut = [_chunk(text[n : n + 5]) for n in range(0, len(text), 5)]
    for pieces in ((STREAM, _chunk(text), b"0\r\n\r\n"), (STREAM, *cut, b"0\r\n\r\n")):
        async with _server(*pieces) as server:
            assert await _lines(transport, server.url) == ['{"a": "é"}'.encode(), b"2"]
            assert await _lines(transport, server.url)
            assert server.connections == 1


async def test_finished_stream_waits_a_moment_for_its_end_to_keep_the_connection(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DRAIN_S", 5)
    end = asyncio.Event()
    async with _server(STREAM, _chunk(b"data: 1\n\ndata: [DONE]\n\n"), end, b"0\r\n\r\n") as server:
        async with transport.stream_lines(
            server.url, b"{}", upstream="openai", classify=_classify
        ) as payloads:
            assert [read async for read in payloads] == [[b"1"]]
            end.set()
        assert await _lines(transport, server.url) == [b"1"]
    assert server.connections == 1


async def test_stream_ends_with_the_answer_where_done_is_missing(transport: HttpTransport) -> None:
    async with _server(STREAM, _chunk(b"data: 1\n\ndata: 2"), b"0\r\n\r\n") as server:
        assert await _lines(transport, server.url) == [b"1", b"2"]


async def test_leaving_the_stream_closes_the_connection(transport: HttpTransport) -> None:
    async with _server(STREAM, _chunk(b"data: 1\n\n")) as server, asyncio.timeout(5):
        async with transport.stream_lines(
            server.url, b"{}", upstream="openai", classify=_classify
        ) as payloads:
            assert await anext(payloads) == [b"1"]
        await server.left.wait()


async def test_unhurried_stream_reads_at_once_what_has_come_meanwhile(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "GATHER_S", 0.1)
    pieces, first = [_chunk(b"data: %d\n\n" % n) for n in range(3)], asyncio.Event()
    async with _server(STREAM, pieces[0], first, *pieces[1:], b"0\r\n\r\n") as server:
        async with transport.stream_lines(
            server.url, b"{}", upstream="openai", classify=_classify
        ) as payloads:
            assert await anext(payloads) == [b"0"]
            payloads.unhurried = True
            first.set()
            assert [read async for read in payloads] == [[b"1", b"2"]]
        assert await _post(transport, server.url, timeout_s=5)
        assert transport._streams == 0


async def test_held_socket_is_read_again_on_the_next_request(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "GATHER_S", 60)
    answer = STREAM + _chunk(b"data: 0\n\n") + _chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    async with _server(answer) as server:
        for _ in range(2):
            async with transport.stream_lines(
                server.url, b"{}", upstream="openai", classify=_classify
            ) as payloads:
                payloads.unhurried = True
                async with asyncio.timeout(5):
                    assert [read async for read in payloads] == [[b"0"]]
        assert server.connections == 1


async def test_stream_left_with_much_unread_hands_on_a_connection_that_reads(
    transport: HttpTransport,
) -> None:
    go, more = asyncio.Event(), b":" * (STREAM_BUFFER_BYTES - 1) + b"\n"
    answer = (STREAM, _chunk(b"data: 1\n\n"), go, _chunk(more) + b"0\r\n\r\n")
    async with _server(*answer) as server, asyncio.timeout(5):
        async with transport.stream_lines(
            server.url, b"{}", upstream="openai", classify=_classify
        ) as payloads:
            assert await anext(payloads) == [b"1"]
            go.set()
            while not payloads._connection.finished:
                await asyncio.sleep(0)
        assert await _lines(transport, server.url) == [b"1"]
        assert server.connections == 1


async def test_closed_transport_asks_nobody() -> None:
    transport = HttpTransport()
    await transport.aclose()
    with pytest.raises(ShuttingDown):
        await _post(transport, "http://127.0.0.1:9/")


async def test_server_that_closes_an_idle_connection_is_asked_over_a_new_one(
    transport: HttpTransport,
) -> None:
    async with _server(OK) as server:
        assert await _post(transport, server.url) == b"{}"
        for writer in server.writers:
            writer.close()
        async with asyncio.timeout(5):
            await server.left.wait()
            while transport._pool.idle_connections:
                await asyncio.sleep(0)
        assert await _post(transport, server.url) == b"{}"
        assert server.connections == 2


async def test_server_that_hangs_up_at_once_is_unavailable(transport: HttpTransport) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        for ask in (_post, _lines) * 5:
            with pytest.raises(UpstreamUnavailable):
                await ask(transport, url)


async def test_closed_connection_takes_no_request() -> None:
    connection = Connection()
    with pytest.raises(ConnectionResetError):
        await connection.ask(b"", 1)


async def test_connection_that_the_server_will_close_is_not_used_again(
    transport: HttpTransport,
) -> None:
    async with _server(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    ) as server:
        assert [await _post(transport, server.url) for _ in range(2)] == [b"{}"] * 2
        assert server.connections == 2


@pytest.mark.parametrize("ask", [_post, _lines])
async def test_answer_may_end_with_its_connection(transport: HttpTransport, ask: Any) -> None:
    async with _server(b"HTTP/1.0 200 OK\r\n\r\ndata: 1\n", CLOSE) as server:
        assert await ask(transport, server.url) in (b"data: 1\n", [b"1"])


async def test_interim_answer_is_passed_over(transport: HttpTransport) -> None:
    async with _server(b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n", OK) as server:
        assert await _post(transport, server.url) == b"{}"


async def test_second_answer_that_nobody_asked_for_ends_the_connection(
    transport: HttpTransport,
) -> None:
    async with _server(OK + OK) as server:
        assert [await _post(transport, server.url) for _ in range(2)] == [b"{}"] * 2
        assert server.connections == 2


async def test_no_more_connections_than_allowed_are_open_at_once() -> None:
    transport, go = HttpTransport(max_connections=2), asyncio.Event()
    async with _server(go, OK) as server:
        asking = [asyncio.create_task(_post(transport, server.url)) for _ in range(5)]
        async with asyncio.timeout(5):
            while len(server.requests) < 2:
                await asyncio.sleep(0)
            go.set()
            assert await asyncio.gather(*asking) == [b"{}"] * 5
        assert server.connections == 2
    await transport.aclose()


async def test_caller_that_gives_up_leaves_no_connection_behind(transport: HttpTransport) -> None:
    async with _server() as server, asyncio.timeout(5):
        asking = asyncio.create_task(_post(transport, server.url))
        while not server.requests:
            await asyncio.sleep(0)
        asking.cancel()
        await server.left.wait()


async def test_certificate_of_nobody_known_is_not_trusted(
    transport: HttpTransport, stranger_tls: ssl.SSLContext
) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0, ssl=stranger_tls)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(UpstreamRejected, match="certificate"):
            await _post(transport, f"https://127.0.0.1:{port}/")


async def test_encrypted_answer_is_read_like_any_other(
    transport: HttpTransport, stranger_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
    async with _server(OK, tls=stranger_tls) as server:
        assert [await _post(transport, server.url) for _ in range(2)] == [b"{}"] * 2
        assert server.connections == 1


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://model.example/v1/chat", "/v1/chat", "model.example"),
        ("https://model.example:443", "/", "model.example"),
        ("http://model.example:8080/a b?q=\u00e9#part", "/a%20b?q=%C3%A9", "model.example:8080"),
        ("http://[::1]:6333/x%2Fy", "/x%2Fy", "[::1]:6333"),
        ("https://b\u00fccher.example/", "/", "xn--bcher-kva.example"),
    ],
)
def test_address_is_written_as_http_wants_it(url: str, target: str, host: str) -> None:
    address = address_of(url)
    assert (address.target, address.host_header) == (target, host)


def test_no_word_of_a_library_reaches_a_sentence() -> None:
    kinds = (
        OSError, ValueError, TimeoutError, ConnectionResetError, NotConnected, NotTrusted,
        NotAnAddress, NotHttp, AnswerTooLarge,
    )  # fmt: skip
    for kind in kinds:
        ours = translate(kind("driver words"), "qdrant")
        assert isinstance(ours, UpstreamError)
        assert "driver words" not in ours.detail
        assert "{" not in ours.detail


async def test_what_a_wave_needed_is_closed_when_it_is_over(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_pool, "SURPLUS_S", 0.01)
    go = asyncio.Event()
    async with _server(go, OK) as server, asyncio.timeout(5):
        asking = [asyncio.create_task(_post(transport, server.url)) for _ in range(12)]
        while len(server.requests) < 12:
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*asking)
        while transport._pool.idle_connections != http_pool.KEPT:
            await asyncio.sleep(0)
        assert await _post(transport, server.url) == b"{}"
        assert server.connections == 12
