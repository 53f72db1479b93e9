"""Archives and sites, served over loopback; and every way in which they must not be followed."""

from __future__ import annotations

import io
import ipaddress
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from backend.adapters import remote_sources
from backend.adapters.remote_fetch import Fetcher, is_public
from backend.adapters.remote_html import page_markdown
from backend.adapters.remote_sources import ArchiveSource, SitemapSource
from backend.domain import SourceFile, UnreadableFile
from backend.errors import AppError, NotConfigured, UpstreamError
from tests.unit.text.markdown_files import chunks

PUBLIC = "93.184.216.34"


@dataclass
class Site:
    """Answers by path: a body, or (status, headers, body); notes every request's headers."""

    url: str = ""
    answers: dict[str, bytes | tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.requests.append((self.path, dict(self.headers)))
            answer = served.answers.get(self.path, (404, {}, b""))
            status, headers, body = answer if isinstance(answer, tuple) else (200, {}, answer)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def local() -> Fetcher:
    return Fetcher(allow_loopback=True)


def zipped(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), 86_400
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("repo/docs/link.md")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return data.getvalue()


def read(source: ArchiveSource | SitemapSource) -> dict[str, str]:
    return {
        item.path: item.text if isinstance(item, SourceFile) else item.reason
        for item in source.files()
    }


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_archive_gives_its_docs_folder(
    site: Site, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    site.answers["/main"] = pack(
        {
            "repo/README.md": b"not the book",
            "repo/web/docs/b/two.md": b"two",
            "repo/web/docs/a.mdx": b"one",
            "repo/web/docs/_x/p.md": b"partial",
            "repo/web/docs/a.png": b"image",
            "repo/web/docs/bad.md": b"\xff",
            "repo/web/docs/docs/c.md": b"three",
        }
    )
    found = read(ArchiveSource(f"{site.url}/main", fetcher=local()))
    assert list(found) == ["a.mdx", "b/two.md", "bad.md", "docs/c.md"]
    assert found["b/two.md"] == "two"
    assert "not valid UTF-8" in found["bad.md"]


def test_archive_without_docs_folder_gives_the_shallowest_one_with_markdown(site: Site) -> None:
    site.answers["/a.zip"] = zipped({"r/src/x.py": b"", "r/book/z/1.md": b"1", "r/book/2.md": b"2"})
    assert read(ArchiveSource(f"{site.url}/a.zip", fetcher=local())) == {"2.md": "2", "z/1.md": "1"}


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize(
    "name", ["repo/docs/../../../../evil.md", "/abs/evil.md", "a/b\\..\\evil.md"]
)
def test_archive_entries_that_lead_out_are_refused(
    site: Site, pack: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    site.answers["/a"] = pack({name: b"evil", "repo/docs/a.md": b"good"})
    found = read(ArchiveSource(f"{site.url}/a", fetcher=local()))
    assert found.pop("a.md") == "good"
    assert list(found.values()) == ["Its path leads out of the archive."]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>sign in</html>", "neither a .zip nor a .tar.gz"),
        (zipped({"a/x.py": b"1"}), "no Markdown"),
        (zipped({"a/x.md": b"1" * 900})[:-30], "damaged"),
        (tarred({"a/x.md": bytes(range(256)) * 50})[:-40], "damaged"),
        (b"\x1f\x8b" + b"\0" * 40, "damaged"),
    ],
)
def test_archive_that_cannot_be_used_is_said_in_a_sentence(
    site: Site, body: bytes, message: str
) -> None:
    site.answers["/a"] = body
    with pytest.raises(AppError, match=message):
        read(ArchiveSource(f"{site.url}/a", fetcher=local()))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_decompression_bomb_is_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    monkeypatch.setattr(remote_sources, "MAX_UNPACKED_BYTES", 100_000)
    site.answers["/a"] = pack({f"a/{n}.md": b"0" * 60_000 for n in range(9)})
    with pytest.raises(NotConfigured, match="holds more than"):
        read(ArchiveSource(f"{site.url}/a", fetcher=local()))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_is_public_knows_private_addresses_in_every_dress(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize("answers", [["10.0.0.7"], [PUBLIC, "127.0.0.1"], ["::1"]])
def test_name_that_resolves_to_a_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    found = [(2, 1, 6, "", (address, 443)) for address in answers]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(NotConfigured, match="private network"):
        Fetcher().fetch("https://docs.example.org/a.zip", io.BytesIO(), 100)


def test_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def resolve(host: str, *args: Any, **kwargs: Any) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", (PUBLIC, 443))]

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        asked.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(UpstreamError, match="cannot be reached"):
        Fetcher().fetch("https://docs.example.org/a.zip", io.BytesIO(), 100)
    assert asked == ["docs.example.org", PUBLIC]


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/x", "https://[fd00::1]/", "file:///etc/passwd"]
)
def test_redirect_is_checked_like_the_first_address(site: Site, target: str) -> None:
    site.answers["/a"] = (302, {"Location": target}, b"")
    with pytest.raises(NotConfigured, match="private network|https"):
        local().fetch(f"{site.url}/a", io.BytesIO(), 100)


def test_redirects_are_followed_and_credentials_stay_at_home(site: Site) -> None:
    other = site.url.replace("127.0.0.1", "localhost")
    site.answers |= {
        "/a": (301, {"Location": "/b"}, b""),
        "/b": (307, {"Location": f"{other.replace('//', '//me:x@')}/c"}, b""),
        "/c": b"there",
        "/loop": (302, {"Location": "/loop"}, b""),
    }
    target = io.BytesIO()
    start = site.url.replace("//", "//me:test-key-not-real@")
    fetched = local().fetch(f"{start}/a", target, 100)
    assert (target.getvalue(), fetched.url) == (b"there", f"{other}/c")
    assert ["Authorization" in headers for _, headers in site.requests] == [True, True, False]
    with pytest.raises(NotConfigured, match="redirects too often"):
        local().fetch(f"{site.url}/loop", io.BytesIO(), 100)


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        ((404, {}, b""), NotConfigured, "status 404"),
        ((503, {}, b""), UpstreamError, "status 503"),
        (b"x" * 2_000_000, NotConfigured, "larger than 1 MB"),
        ((200, {"Content-Length": "50"}, b"short"), UpstreamError, "cannot be read"),
    ],
)
def test_answer_that_is_no_document_is_said_in_a_sentence(
    site: Site, answer: Any, kind: type[AppError], message: str
) -> None:
    site.answers["/a"] = answer
    with pytest.raises(kind, match=message):
        local().fetch(f"{site.url}/a", io.BytesIO(), 2**20)


def test_slow_server_is_left_after_the_total_time(site: Site) -> None:
    site.answers["/a"] = b"x" * 10
    times = iter([0.0, 1_000.0])
    with pytest.raises(UpstreamError, match="in time"):
        Fetcher(allow_loopback=True, clock=lambda: next(times)).fetch(
            f"{site.url}/a", io.BytesIO(), 100
        )


def test_sitemap_gives_its_pages_as_markdown(site: Site) -> None:
    page = "<title>{0} | Book</title><nav>menu</nav><article><h1>{0}</h1><p>Text.</p></article>"
    urls = ["/docs/01-a/", "/", "/docs/b.html", "/docs/gone", "/docs/../../up", "/docs/deep"]
    locations = "".join(f"<url><loc>{site.url}{path}</loc></url>" for path in urls)
    site.answers |= {
        "/sitemap.xml": (
            f"<sitemapindex><sitemap><loc> {site.url}/pages.xml </loc></sitemap></sitemapindex>"
        ).encode(),
        "/pages.xml": (
            f"<urlset>{locations}<url><loc>https://elsewhere.example.org/x</loc></url></urlset>"
        ).encode(),
        "/docs/01-a/": page.format("Ä").encode(),
        "/": page.format("Home").encode(),
        "/docs/b.html": page.format("B").encode(),
        "/docs/deep": b"<div>" * 3_000,
    }
    found = list(SitemapSource(f"{site.url}/sitemap.xml", fetcher=local()).files())
    assert [item.path for item in found] == [
        "docs/01-a.md", "docs/b.md", "docs/deep.md", "docs/gone.md", "index.md", "up.md",
    ]  # fmt: skip
    first = found[0]
    assert isinstance(first, SourceFile)
    assert first.text == '---\ntitle: "Ä"\nslug: /docs/01-a\n---\n\n# Ä\n\nText.\n'
    reasons = [item.reason for item in found if isinstance(item, UnreadableFile)]
    assert "nested too deeply" in reasons[0]
    assert "status 404" in reasons[1]
    assert "status 404" in reasons[2]


def test_sitemap_without_pages_is_said_in_a_sentence(site: Site) -> None:
    site.answers["/sitemap.xml"] = b"<urlset/>"
    with pytest.raises(NotConfigured, match="lists no page"):
        read(SitemapSource(f"{site.url}/sitemap.xml", fetcher=local()))


def test_page_markdown_reads_what_a_documentation_page_holds() -> None:
    html = """
    <html><head><title>Nodes | The Book</title><style>p {}</style></head><body>
    <nav>Menu</nav><main><article><div class="theme-doc-markdown">
    <header><h1>Nodes &amp; topics</h1></header>
    <p>A <strong>node</strong> is a <a href="/x">process</a>, see
    <code>rclpy</code>.<!-- no --></p>
    <h2 id="make-one">Make one<a class="hash-link" href="#make-one">#</a></h2>
    <ul><li>first<ul><li>nested</li></ul></li><li><p>second</p><pre><code>x</code></pre></li></ul>
    <div class="language-python"><pre><code><span>a = 1<br></span><span>b = "```"</span></code>
    </pre><button>Copy</button></div>
    <table><tr><th>k</th><th>v</th></tr><tr><td>a|b</td><td>1</td></tr></table>
    <blockquote><p>quoted</p></blockquote>loose <em>words</em>
    <p># no heading</p><img alt="an arm" src="a.png"><script>evil()</script>
    </div></article></main><footer>Imprint</footer></body></html>
    """
    assert page_markdown(html, "docs/nodes") == (
        '---\ntitle: "Nodes & topics"\nslug: /docs/nodes\n---\n\n'
        "# Nodes & topics\n\n"
        "A node is a process, see `rclpy`.\n\n"
        "## Make one {#make-one}\n\n"
        "- first\n\n  - nested\n- second\n\n  ```\n  x\n  ```\n\n"
        '````python\na = 1\nb = "```"\n````\n\n'
        "| k | v |\n|---|---|\n| a\\|b | 1 |\n\n"
        "> quoted\n\nloose words\n\n\\# no heading\n\nan arm\n"
    )


def test_page_markdown_is_cut_with_the_pages_own_anchors() -> None:
    html = "<main><h1>T</h1><p>a</p><h2 id='Own_ID'>Two: parts</h2><p>b</p></main>"
    found = chunks(page_markdown(html, "docs/t"), "docs/t.md")
    assert [(c.page, c.anchor) for c in found] == [("docs/t", ""), ("docs/t", "Own_ID")]


def test_page_markdown_of_an_empty_page_is_front_matter_only() -> None:
    assert page_markdown("", "x") == '---\ntitle: ""\nslug: /x\n---\n\n'
