from __future__ import annotations

import logging

import pytest

from backend.logs import request_id
from tests.api.fakes import FakeContainer, FakeUi
from tests.api.serving import Site, serving


async def test_faults_say_nothing_of_the_inside(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.container.answering.events = [RuntimeError("postgresql://user:pw@host/db in /srv/x.py")]
    reply = await site.ask("POST", "/chat", json={"query": "Why?"})
    assert reply.status == 500
    assert reply.json == {
        "detail": "Something went wrong on our side; the log knows more under this request id.",
        "code": "internal_error",
        "request_id": reply.headers["x-request-id"],
    }
    record = next(record for record in caplog.records if record.exc_info)
    assert record.name == "backend.api.middleware.last_resort"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/chat/", 404, "not_found"),
        ("GET", "/%00", 404, "not_found"),
        ("GET", "/%ff%fe", 404, "not_found"),
        ("GET", "/ingest/job-1/../../etc", 404, "not_found"),
        ("PUT", "/chat", 405, "method_not_allowed"),
        ("GET", "/chat", 405, "method_not_allowed"),
        ("TRACE", "/health", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
async def test_unknown_paths_and_methods_have_our_body(
    site: Site, method: str, path: str, status: int, code: str
) -> None:
    reply = await site.ask(method, path)
    assert (reply.status, reply.json["code"]) == (status, code)
    assert reply.json["request_id"] == reply.headers["x-request-id"]
    assert ("allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("given", ["abc", "A.b_c-1", "x" * 64])
async def test_request_id_of_the_caller_is_kept(site: Site, given: str) -> None:
    reply = await site.ask("GET", "/nowhere", headers={"x-request-id": given})
    assert reply.headers["x-request-id"] == reply.json["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\xe9", '"}', "a;b"])
async def test_request_id_that_is_not_sane_is_replaced(site: Site, given: str) -> None:
    reply = await site.raw(
        b"GET /health HTTP/1.1\r\nhost: x\r\nx-request-id: " + given.encode("latin-1") + b"\r\n\r\n"
    )
    assert len(reply.headers["x-request-id"]) == 32


async def test_request_id_is_in_the_context_of_the_services(site: Site) -> None:
    seen = []
    retrieval = site.container.retrieval
    search = retrieval.search

    async def noting_search(*args: object, **kwargs: object) -> object:
        seen.append(request_id.get())
        return await search(*args, **kwargs)

    retrieval.search = noting_search
    headers = {"x-request-id": "mine"}
    await site.ask("POST", "/api/search", json={"query": "Why?"}, headers=headers)
    assert seen == ["mine"]


async def test_each_request_is_one_log_line_without_what_was_asked(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "backend")
    await site.ask("POST", "/chat?q=canary", json={"query": "canary"})
    await site.ask("GET", "/health/ready")
    chat, ready = (record for record in caplog.records if record.name == "backend.access")
    assert (chat.levelno, ready.levelno) == (logging.INFO, logging.DEBUG)
    facts = chat.__dict__
    assert (facts["method"], facts["path"], facts["status"]) == ("POST", "/chat", 200)
    assert facts["bytes"] > 100
    assert facts["ms"] > 0
    assert not any("canary" in str(record.__dict__) for record in caplog.records)


async def test_every_response_protects_its_reader(site: Site) -> None:
    for path in ("/", "/health", "/nowhere", "/docs", "/read/guide/nodes"):
        headers = (await site.ask("GET", path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "frame-ancestors 'self' https://huggingface.co" in policy
        assert headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in headers
        assert "strict-transport-security" not in headers
    assert (
        "default-src 'none'"
        in (await site.ask("GET", "/health")).headers["content-security-policy"]
    )


async def test_space_asks_for_https_and_leaves_the_ui_its_caching() -> None:
    async with serving(FakeContainer(on_space=True), ui=FakeUi()) as site:
        headers = (await site.ask("GET", "/admin/x")).headers
        assert headers["strict-transport-security"] == "max-age=31536000"
        assert "cache-control" not in headers
