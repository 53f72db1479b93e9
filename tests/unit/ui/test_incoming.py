from __future__ import annotations

import pytest

from tests.unit.ui.asgi import scope_of
from ui.incoming import credentials, from_own_site, is_https, is_plain, local_path, wants_page

OWN = {"host": "book.example:7860"}


@pytest.mark.parametrize(
    "path",
    [
        "/../x",
        "/a/../../etc/passwd",
        "/..",
        "/a/.",
        "/./a",
        "//evil.example/x",
        "/a//b",
        "/a\\b",
        "/%2e%2e/x",
        "/a%2fb",
        "/a\x00b",
        "/a\nb",
        "/a b",
    ],
)
def test_is_plain_refuses_what_two_readers_could_read_differently(path: str) -> None:
    assert not is_plain(path)


@pytest.mark.parametrize("path", ["/", "/assets/index-D.js", "/gradio_api/queue/join", "/a..b"])
def test_is_plain_takes_ordinary_paths(path: str) -> None:
    assert is_plain(path)


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        ("http://book.example:7860", True),
        ("https://book.example:7860", True),
        ("HTTP://BOOK.EXAMPLE:7860", True),
        ("https://book.example", False),
        ("https://evil.example", False),
        ("https://book.example:7860.evil.example", False),
        ("https://evil.example#book.example:7860", False),
        ("https://book.example:7860@evil.example", False),
        ("https://book.example:7860/x", False),
        ("http://book.example:port", False),
        ("null", False),
        ("", False),
    ],
)
def test_from_own_site_compares_host_and_port(origin: str, own: bool) -> None:
    assert from_own_site(scope_of("POST", headers={**OWN, "origin": origin})) is own


def test_from_own_site_knows_default_ports() -> None:
    headers = {"host": "book.example", "origin": "https://book.example:443"}

    assert from_own_site(scope_of("POST", headers=headers))


@pytest.mark.parametrize(
    ("method", "headers", "own"),
    [
        ("POST", {}, True),
        ("POST", {"sec-fetch-site": "cross-site", "accept": "text/html"}, False),
        ("GET", {"sec-fetch-site": "cross-site"}, False),
        (
            "GET",
            {"sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe", "accept": "text/html"},
            True,
        ),
        ("GET", {"sec-fetch-site": "same-origin"}, True),
    ],
)
def test_from_own_site_reads_fetch_metadata_where_no_origin_came(
    method: str, headers: dict[str, str], own: bool
) -> None:
    assert from_own_site(scope_of(method, headers=headers)) is own


def test_is_https_believes_the_proxy_before_us() -> None:
    assert is_https(scope_of(headers={"x-forwarded-proto": "https, http"}))
    assert is_https(scope_of(scheme="https"))
    assert not is_https(scope_of(scheme="https", headers={"x-forwarded-proto": "http"}))


def test_wants_page_is_for_navigation_only() -> None:
    page = {"accept": "text/html,*/*"}

    assert wants_page(scope_of(headers=page))
    assert not wants_page(scope_of("POST", headers=page))
    assert not wants_page(scope_of(headers={"accept": "*/*"}))
    assert not wants_page(scope_of(headers={**page, "sec-fetch-dest": "empty"}))


def test_local_path_is_what_is_below_the_mount() -> None:
    assert local_path(scope_of(path="/gradio_api/info")) == "/gradio_api/info"
    assert local_path({"path": "/admin", "root_path": "/admin"}) == ""
    assert local_path({"path": "/x/admin/a", "root_path": "/x/admin"}) == "/a"


def test_credentials_find_the_cookie_among_odd_ones() -> None:
    headers = {"cookie": 'a={"x": "y"}; bad cookie; book_admin=1.2.3; z=1'}

    assert credentials(scope_of(headers=headers)).cookie == "1.2.3"


def test_credentials_take_both_token_headers() -> None:
    headers = {"authorization": "bearer  one ", "x-admin-token": "two"}

    assert credentials(scope_of(headers=headers)).tokens == ("one", "two")
    assert credentials(scope_of(headers={"authorization": "Basic b25l"})).tokens == ()


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"host": "[::1]:7860"}, True),
        ("127.0.0.1", {"host": "rebound.example:7860"}, False),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, False),
        ("203.0.113.9", {}, False),
    ],
)
def test_credentials_are_local_only_without_proxy_and_by_a_loopback_name(
    client: str, headers: dict[str, str], local: bool
) -> None:
    assert credentials(scope_of(client=client, headers=headers)).direct_loopback is local
