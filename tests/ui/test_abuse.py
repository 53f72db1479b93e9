"""What somebody tries who means harm, against the running product; and where each case is tried.

The admin UI
28 routes without a credential   tests/ui/test_gradio_routes.py::test_no_route_answers_an_anonymous_caller
                                 tests/ui/test_gradio_routes.py::test_only_the_routes_that_the_page_needs_exist
                                 tests/ui/test_abuse.py::test_no_path_below_the_mount_answers_somebody_without_the_token
29 every handler                 tests/ui/test_gradio_routes.py::test_every_handler_is_refused_to_anonymous_callers_by_both_locks
                                 tests/ui/test_gradio_routes.py::test_a_visitor_of_a_space_reaches_nothing_that_changes_anything
                                 tests/ui/test_abuse.py::test_a_reader_with_an_account_is_no_maintainer
30 foreign origins               tests/ui/test_gradio_routes.py::test_no_foreign_origin_is_granted_anything
                                 tests/unit/ui/test_guard.py::test_a_foreign_page_can_send_nothing
                                 tests/ui/test_abuse.py::test_a_foreign_origin_is_told_nothing
31 uploads                       tests/ui/test_abuse.py::test_an_endless_upload_is_cut_and_leaves_nothing_behind
                                 tests/ui/test_abuse.py::test_many_uploads_are_refused_and_leave_nothing_behind
                                 tests/unit/services/test_uploads.py::test_add_stores_nothing_of_an_archive_that_leaves_its_folder
32 heartbeats                    tests/ui/test_abuse.py::test_a_thousand_streams_are_capped_and_the_api_answers
                                 tests/unit/ui/test_guard.py::test_streams_are_capped_per_address
33 targets that lie              tests/ui/test_abuse.py::test_a_target_that_lies_changes_no_decision
                                 tests/unit/ui/test_guard.py::test_host_cannot_change_the_decision
34 guessing the token            tests/unit/ui/test_signin.py::test_five_wrong_tokens_shut_an_address_out_for_a_minute
                                 tests/unit/ui/test_signin.py::test_wrong_tokens_in_headers_end_in_a_lockout_too
                                 tests/unit/services/test_admin.py::test_wrong_tokens_lock_out_one_address_for_a_while
                                 tests/unit/services/test_admin.py::test_every_guess_is_compared_whole_whatever_its_length
                                 tests/unit/services/test_admin.py::test_the_comparison_is_the_one_that_takes_constant_time

Injection and output
35 orders in documents           tests/e2e/test_injection.py::test_an_order_in_a_document_stays_data
36 a selection that breaks out   tests/e2e/test_injection.py::test_a_selection_cannot_leave_its_block
                                 tests/unit/text/test_prompts.py::test_prompt_keeps_passages_and_selection_inside_their_blocks
37 a stored "system:"            tests/unit/text/test_prompts.py::test_prompt_replays_a_stored_turn_never_as_system
                                 tests/e2e/test_injection.py::test_an_earlier_turn_is_never_replayed_as_the_system
38 secrets asked for             tests/e2e/test_injection.py::test_no_secret_is_there_to_be_told
39 output that fetches or runs   tests/unit/text/test_sanitize.py::test_sanitize_leaves_nothing_that_a_renderer_would_fetch_or_run
                                 tests/ui/test_browser.py::test_a_hostile_answer_fetches_and_runs_nothing
40 addresses of nobody           tests/unit/ui/test_links.py::test_an_address_that_no_source_has_is_no_link
                                 tests/ui/test_browser.py::test_a_hostile_answer_fetches_and_runs_nothing
41 escapes and masses            tests/unit/text/test_sanitize.py::test_strip_controls_removes_escapes_and_overrides
                                 tests/unit/text/test_sanitize.py::test_sanitize_cuts_what_is_too_long_and_says_so
                                 tests/unit/text/test_sanitize.py::test_sanitize_takes_linear_time
42 events inside a token         tests/api/test_stream.py::test_token_is_one_event_whatever_it_holds
43 poisoned chunks               tests/unit/adapters/test_points.py::test_chunk_from_skips_what_is_no_chunk
                                 tests/e2e/test_injection.py::test_a_poisoned_chunk_is_capped_and_shown_as_text
44 formulas in exports           tests/unit/ui/test_csv_export.py::test_a_formula_becomes_text
                                 tests/ui/test_tabs.py::test_insights_are_exported_without_formulas
"""  # noqa: E501  the name of a test is longer than a line

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from backend.container import Container
from backend.server import gate_of
from backend.settings import load
from tests.api.serving import UNLIMITED, Site, serving
from tests.e2e.product import until, write_book
from ui.guard import MAX_STREAMS, MAX_STREAMS_PER_ADDRESS
from ui.mount import AdminUI, State

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
TOKEN = "test-token-not-real-0123456789"
AFAR = {"x-forwarded-for": "203.0.113.9"}
"""A caller who is not on this machine."""
SPACE = {"SPACE_ID": "somebody/book", "SPACE_HOST": "somebody-book.hf.space"}
HOUSES = {"token": {"ADMIN_TOKEN": TOKEN}, "no token": {}, "space": SPACE}
NAMED = re.findall(r"(tests/\S+\.py)::(test_\w+)", __doc__ or "")
EVIL = "https://evil.example"
MORE_THAN_ANYTHING = 1 << 30
BLOCK = b"x" * (64 * 1024)
UPLOADS = ("/admin/gradio_api/upload", "/api/documents")
FORM = (
    '--b\r\ncontent-disposition: form-data; name="files"; filename="{name}"\r\n'
    "content-type: text/markdown\r\n\r\n# Eve\n\r\n--b--\r\n"
)
TARGETS = (
    "/", "/config", "/info", "/login_check", "/queue/status", "/monitoring", "/monitoring/summary",
    "/token", "/user", "/app_id", "/theme.css", "/robots.txt", "/manifest.json", "/openapi.json",
    "/docs", "/static/x.css", "/assets/x.js", "/gradio_api/info", "/gradio_api/upload",
    "/gradio_api/upload_progress", "/gradio_api/queue/join", "/gradio_api/queue/data",
    "/gradio_api/heartbeat/a", "/gradio_api/run/ask", "/gradio_api/call/ask", "/gradio_api/api/ask",
    "/gradio_api/file=/etc/passwd", "/gradio_api/file/etc/passwd", "/gradio_api/stream/a/b/c",
    "/gradio_api/proxy=http://169.254.169.254/", "/gradio_api/component_server",
    "/gradio_api/startup-events", "/gradio_api/deep_link", "/gradio_api/vibe-code/",
    "/gradio_api/mcp/sse", "/gradio_api/dev/reload", "/svelte/x/y.js", "/custom_component/a/b/c/d",
)  # fmt: skip


@asynccontextmanager
async def house(folder: Path, environ: dict[str, str]) -> AsyncIterator[Site]:
    """The whole product with its page, as ``app.py`` puts it together."""
    docs, data = write_book(folder / "docs"), folder / "data"
    loaded = load({"DOCS_PATH": str(docs), "DATA_DIR": str(data), **environ})
    container, gate = Container(loaded), gate_of(loaded.settings)
    ui = AdminUI(container, gate=gate, limits=UNLIMITED)
    async with serving(container, ui=ui, gate=gate) as site:  # type: ignore[arg-type]
        await container.ready()
        await until(lambda: container.ingestion.last is not None)
        async with asyncio.timeout(90):
            while ui.state is State.LOADING:
                await asyncio.sleep(0.05)
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(HOUSES))
async def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    async with house(tmp_path_factory.mktemp("house"), HOUSES[request.param]) as site:
        yield site


@pytest.fixture
def is_space(site: Site) -> bool:
    return bool(site.container.settings.on_space)


def files_of(site: Site) -> set[Path]:
    """Every file that an upload could have left: in DATA_DIR and where frameworks spool them."""
    data = Path(site.container.settings.data_dir)
    spooled = set(Path(tempfile.gettempdir()).glob("*gradio*/**/*"))
    uploads = {path for path in data.rglob("*") if "upload" in str(path.relative_to(data))}
    return spooled | uploads


async def test_no_path_below_the_mount_answers_somebody_without_the_token(
    site: Site, is_space: bool
) -> None:
    open_to_visitors = {
        "/", "/theme.css", "/assets/x.js", "/app_id", "/gradio_api/info", "/gradio_api/queue/join",
        "/gradio_api/queue/data", "/gradio_api/heartbeat/a",
    }  # fmt: skip
    for path in TARGETS:
        if is_space and path in open_to_visitors:
            continue
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            reply = await site.ask(method, f"/admin{path}", headers=AFAR, data=b"{}")
            assert reply.status in (400, 401, 403, 404, 405), (method, path, reply.status)
            assert b"root:" not in reply.body


async def test_a_reader_with_an_account_is_no_maintainer(site: Site, is_space: bool) -> None:
    if is_space:
        pytest.skip("without secrets there are no accounts on a Space")
    body = {"name": "Eve", "email": "eve@x.test", "password": "a-password-not-real"}
    signed_up = await site.ask("POST", "/api/auth/sign-up/email", json=body)
    assert signed_up.status == 200, signed_up.body
    cookies = "; ".join(part.split(";")[0] for part in signed_up.headers.getall("set-cookie"))
    token = signed_up.json["token"]
    for headers in ({"cookie": cookies}, {"authorization": f"Bearer {token}"}):
        for index in range(25):
            call = {"fn_index": index, "session_hash": "s", "data": []}
            reply = await site.ask(
                "POST", "/admin/gradio_api/queue/join", json=call, headers={**AFAR, **headers}
            )
            assert reply.status in (401, 403, 429), (index, reply.status)


async def test_a_foreign_origin_is_told_nothing(site: Site) -> None:
    for path in ("/admin/", "/admin/gradio_api/info", "/admin/gradio_api/queue/join"):
        for method in ("GET", "POST", "OPTIONS"):
            headers = {"origin": EVIL, "access-control-request-method": "POST"}
            reply = await site.ask(method, path, headers=headers)
            assert "access-control-allow-origin" not in reply.headers, (method, path)


async def sent_until_refused(site: Site, path: str, head: bytes) -> tuple[int, int]:
    """Send a gigabyte in chunks until an answer comes: its status, and how much was taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    start = f"POST {path} HTTP/1.1\r\nhost: book.example\r\nx-forwarded-for: 203.0.113.9\r\n"
    answer = asyncio.create_task(reader.readline())
    sent = 0
    try:
        writer.write(start.encode() + head + b"transfer-encoding: chunked\r\n\r\n")
        while sent < MORE_THAN_ANYTHING and not answer.done():
            writer.write(b"%x\r\n" % len(BLOCK) + BLOCK + b"\r\n")
            await writer.drain()
            sent += len(BLOCK)
            await asyncio.sleep(0)
    except ConnectionError:
        pass  # it hung up, which is what it should
    finally:
        writer.close()
    status = (await answer).split(b" ")
    return int(status[1]) if len(status) > 1 else 0, sent


@pytest.mark.parametrize(
    "path", ["/admin/gradio_api/upload", "/admin/upload", "/admin/login", "/api/documents"]
)
async def test_an_endless_upload_is_cut_and_leaves_nothing_behind(
    site: Site, is_space: bool, path: str
) -> None:
    before = files_of(site)
    form = b"content-type: multipart/form-data; boundary=b\r\n"

    async with asyncio.timeout(60):
        status, sent = await sent_until_refused(site, path, form)

    assert status in (0, 303, 400, 401, 403, 404, 413, 415, 429, 503), status
    assert sent < 64 * 2**20, "a part of the gigabyte at most"
    assert files_of(site) == before
    assert (await site.ask("GET", "/health")).status == 200


@pytest.mark.timeout(600)  # some twenty seconds of computing; more where others compute as well
async def test_many_uploads_are_refused_and_leave_nothing_behind(
    site: Site, is_space: bool
) -> None:
    # All ten thousand where strangers get furthest; elsewhere they end at the same first check.
    count = 10_000 if is_space else 1_000
    before = files_of(site)
    statuses: set[int] = set()

    names = ("../../x.md", "..\\..\\x.md", "/etc/cron.d/x", "x.md")
    forms = [FORM.format(name=name).encode() for name in names]
    headers = {**AFAR, "content-type": "multipart/form-data; boundary=b"}

    async def upload(number: int) -> None:
        path, form = UPLOADS[number % 2], forms[number % 4]
        async with site.http.post(path, data=form, headers=headers, allow_redirects=False) as reply:
            statuses.add(reply.status)

    for start in range(0, count, 50):
        await asyncio.gather(*(upload(start + number) for number in range(50)))

    assert statuses <= {401, 403, 404, 429, 503}
    assert files_of(site) == before


async def test_a_thousand_streams_are_capped_and_the_api_answers(
    site: Site, is_space: bool
) -> None:
    if not is_space:
        pytest.skip("without the token nobody gets a stream at all")
    head = (
        "GET /admin/gradio_api/heartbeat/s{n} HTTP/1.1\r\nhost: somebody-book.hf.space\r\n{who}\r\n"
    )
    kept: list[asyncio.StreamWriter] = []

    async def open_stream(number: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        kept.append(writer)
        same = number < 200  # a crowd from one address, and one from everywhere
        who = "9.9.9.9" if same else f"8.{number // 250}.{number % 250}.7"
        writer.write(head.format(n=number, who=f"x-forwarded-for: {who}\r\n").encode())
        return int((await reader.readline()).split()[1])

    try:
        async with asyncio.timeout(100):
            statuses = []
            for start in range(0, 1_000, 100):
                batch = (open_stream(start + number) for number in range(100))
                statuses += await asyncio.gather(*batch)
            answer = await site.ask("POST", "/chat", json={"query": "What is a topic?"})
    finally:
        for writer in kept:
            writer.close()

    assert set(statuses) == {200, 429}
    assert statuses[:200].count(200) == MAX_STREAMS_PER_ADDRESS
    assert statuses.count(200) == MAX_STREAMS
    assert answer.status == 200


@pytest.mark.parametrize(
    "line",
    [
        "GET @evil/admin HTTP/1.1",
        "GET http://evil.example/admin/gradio_api/upload HTTP/1.1",
        "GET //admin/gradio_api/upload HTTP/1.1",
        "GET /health/../admin/gradio_api/upload HTTP/1.1",
        "GET /admin/assets/../gradio_api/upload HTTP/1.1",
        "GET /admin/assets/%2e%2e/gradio_api/upload HTTP/1.1",
        "GET /admin/gradio_api/file=/etc/passwd HTTP/1.1",
        "GET /ADMIN/gradio_api/upload HTTP/1.1",
        "GET /admin%2fgradio_api/upload HTTP/1.1",
    ],
)
@pytest.mark.parametrize("host", ["book.example", "x/../admin", "evil@localhost", "localhost:1"])
async def test_a_target_that_lies_changes_no_decision(site: Site, line: str, host: str) -> None:
    head = f"{line}\r\nhost: {host}\r\nx-forwarded-for: 203.0.113.9\r\nconnection: close\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(head.encode())
    answer = await reader.read()
    writer.close()

    assert int(answer.split(b" ")[1]) in (400, 401, 403, 404, 405), answer[:200]
    assert b"root:" not in answer


async def test_a_visitors_queue_takes_no_handler_of_the_maintainers(
    site: Site, is_space: bool
) -> None:
    if not is_space:
        pytest.skip("only a Space without the token has visitors")
    page = (await site.ask("GET", "/admin/", headers=AFAR)).body.decode()
    found = re.search(r"window\.gradio_config = (.*?);</script>", page)
    assert found is not None
    shown = json.dumps([part["props"] for part in json.loads(found[1])["components"]])

    for words in ("Ingest now", "Re-index", "Delete", "Export as CSV", "Upload"):
        assert words not in shown
    for path in ("/api/documents", "/ingest", "/api/insights", "/health/config?probe=true"):
        method = "POST" if path == "/ingest" else "GET"
        assert (await site.ask(method, path, headers=AFAR)).status in (401, 403, 503), path


@pytest.mark.parametrize(("path", "name"), NAMED)
async def test_every_test_that_the_list_names_is_there(path: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE)
