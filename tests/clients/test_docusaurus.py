"""Every citation's address exists on the pages that Docusaurus builds of the same sources."""

from __future__ import annotations

import os
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from backend.adapters.sources import FolderSource
from backend.domain import Chunk, SourceFile
from backend.services.retrieval import Retrieval, RetrievalOptions
from backend.text.markdown import chunk_file
from tests.unit.services.fakes import FakeIndex

SITE = Path(__file__).parent / "docusaurus"
ADDRESS = "https://book.example"

pytestmark = pytest.mark.timeout(600)


class Ids(HTMLParser):
    """The ids of a page's elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name == "id" and value}


def books() -> dict[str, Path]:
    """Pages made to be difficult, and the book of the data pack where PACK names its folder."""
    found = {"difficult": SITE / "docs"}
    pack = os.environ.get("PACK")
    return found | ({"textbook": Path(pack, "textbook").resolve()} if pack else {})


@pytest.fixture(scope="module", params=books())
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A book's folder, and the folder of the site that Docusaurus made of it."""
    modules = SITE / "node_modules"
    if not (modules / "@docusaurus").is_dir():
        pytest.skip("Docusaurus is not installed: run `npm ci` in tests/clients/docusaurus")
    book, site = books()[request.param], tmp_path_factory.mktemp("site")
    for name in ("docusaurus.config.mjs", "package.json"):
        shutil.copy(SITE / name, site)
    shutil.copytree(book, site / "docs")
    (site / "node_modules").symlink_to(modules)
    done = subprocess.run(
        ["node_modules/.bin/docusaurus", "build", "--no-minify"],
        cwd=site,
        env={
            "PATH": os.environ["PATH"],
            "NO_UPDATE_NOTIFIER": "1",
            "DOCUSAURUS_NO_PERSISTENT_CACHE": "true",  # it mixes sites up that share their modules
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return book, site / "build"


def chunks(book: Path) -> list[Chunk]:
    """The chunks of the files that Docusaurus reads, too."""
    files = [file for file in FolderSource(book).files() if file.path.endswith((".md", ".mdx"))]
    readable = [file for file in files if isinstance(file, SourceFile)]
    assert len(readable) == len(files)
    return [chunk for file in readable for chunk in chunk_file(file).chunks]


def test_docusaurus_has_every_page_and_anchor_of_a_citation(built: tuple[Path, Path]) -> None:
    book, site = built
    link = Retrieval(FakeIndex(), None, RetrievalOptions(5, 0.5, ADDRESS)).link
    addresses = {link(chunk): f"{chunk.source}:{chunk.start_line}" for chunk in chunks(book)}
    pages: dict[Path, set[str]] = {}
    dead = []
    for address, place in addresses.items():
        parts = urlsplit(address)
        page = site / unquote(parts.path).strip("/") / "index.html"
        if page not in pages:
            text = page.read_text(encoding="utf-8") if page.is_file() else ""
            pages[page] = Ids(text).found
        if not page.is_file() or (parts.fragment and unquote(parts.fragment) not in pages[page]):
            dead.append(f"{address} of {place}")
    assert len(addresses) > 20
    assert not dead, "\n".join(dead)
