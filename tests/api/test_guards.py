"""What is refused before anything reads it, over raw sockets where clients are too well-behaved."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from backend.api import protocol
from tests.api.serving import Site

HEAD = b"POST /chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
PART = b"GET /health HTTP/1.1\r\nhost: localhost\r\n"
QUESTION = b'{"query": "Why?"}'


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_large_body_is_refused_before_it_comes(site: Site) -> None:
    reply = await site.raw(HEAD + b"content-length: 1073741824\r\n\r\n")
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert "1048576" in reply.json["detail"]
    assert reply.headers["connection"] == "close"


async def test_body_one_byte_too_large_is_refused_and_the_limit_itself_taken(site: Site) -> None:
    headers = {"content-type": "application/json"}
    padded = QUESTION + b" " * (2**20 - len(QUESTION))
    assert (await site.ask("POST", "/chat", data=padded, headers=headers)).status == 200
    assert (await site.ask("POST", "/chat", data=padded + b" ", headers=headers)).status == 413


async def test_chunked_body_is_counted(site: Site) -> None:
    endless = chunk(b" " * 65_536) * 17
    reply = await site.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n" + endless)
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    small = chunk(QUESTION[:5]) + chunk(QUESTION[5:]) + b"0\r\n\r\n"
    reply = await site.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n" + small)
    assert reply.status == 200
    assert len(site.container.answering.asked) == 1


async def test_refused_body_is_no_logged_fault(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.raw(HEAD + b"transfer-encoding: chunked\r\n\r\n" + chunk(b" " * 65_536) * 17)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
async def test_compressed_bodies_are_refused(site: Site, encoding: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    reply = await site.ask("POST", "/chat", data=gzip.compress(QUESTION), headers=headers)
    assert (reply.status, reply.json["code"]) == (415, "unsupported_media")


async def test_identity_encoding_is_taken(site: Site) -> None:
    reply = await site.raw(
        HEAD + b"content-encoding: identity\r\ncontent-length: 17\r\n\r\n" + QUESTION
    )
    assert reply.status == 200


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (b"GET /health HTTP/1.1\r\n" + b"x-a: b\r\n" * 10_000, 431, "headers_too_large"),
        (b"GET /health HTTP/1.1\r\n" + b"x-a: b\r\n" * 101, 431, "headers_too_large"),
        (b"GET /health HTTP/1.1\r\nx-a: " + b"b" * 33_000 + b"\r\n", 431, "headers_too_large"),
        (b"GET /health HTTP/1.1\r\nx-a: " + b"b" * 2**20 + b"\r\n", 431, "headers_too_large"),
        (b"GET /" + b"p" * 8_192 + b" HTTP/1.1\r\n", 414, "uri_too_long"),
        (b"GET /health?" + b"q" * 8_192 + b" HTTP/1.1\r\n", 414, "uri_too_long"),
        (b"GET /health HTTP/1.1\r\n" + b"x-a: b\r\n" * 90, 200, None),
    ],
)
async def test_heads_too_large_are_refused(
    site: Site, request_head: bytes, status: int, code: str | None
) -> None:
    reply = await site.raw(request_head + b"host: localhost\r\n\r\n")
    assert (reply.status, reply.json.get("code")) == (status, code)
    assert reply.headers["x-request-id"]


async def test_smuggling_two_lengths_is_refused(site: Site) -> None:
    both = b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    reply = await site.raw(HEAD + both)
    assert (reply.status, reply.json["code"]) == (400, "bad_request")
    assert reply.json["request_id"] == reply.headers["x-request-id"]


@pytest.mark.parametrize(("whole", "part"), [(b"", b""), (b"", PART), (PART + b"\r\n", PART)])
async def test_head_that_does_not_come_ends_the_connection(
    site: Site, monkeypatch: pytest.MonkeyPatch, whole: bytes, part: bytes
) -> None:
    monkeypatch.setattr(protocol, "HEAD_TIMEOUT_S", 0.01)
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(whole + part)
    rest = await reader.read()
    assert rest.count(b"healthy") == bool(whole)
    writer.close()


async def test_client_leaving_within_its_body_is_no_fault(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(HEAD + b"content-length: 1000\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    while site.server.server_state.connections or site.server.server_state.tasks:
        await asyncio.sleep(0)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
