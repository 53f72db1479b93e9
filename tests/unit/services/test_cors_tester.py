from __future__ import annotations

import pytest

from backend.api.middleware.cors import Origins
from backend.services.cors_tester import judge, origin_of

ALLOWED = ("https://book.example", "https://*.preview.example", "http://localhost:3000")
PAGES = (
    "https://book.example",
    "https://book.example/docs/intro?x#y",
    "HTTPS://Book.Example:443/",
    "https://a.preview.example",
    "https://a.b.preview.example",
    "https://preview.example",
    "http://book.example",
    "https://book.example:8443",
    "https://book.example.evil.example",
    "http://localhost:3000",
    "http://localhost:3001",
    "book.example/docs",
    "http://[::1]:3000/",
)


@pytest.mark.parametrize("page", PAGES)
def test_judge_says_what_the_service_does(page: str) -> None:
    verdict = judge(page, ALLOWED, own_host="api.example", https=True)

    assert verdict.allowed is Origins(ALLOWED).allows(verdict.origin)
    assert bool(verdict.fix) is not verdict.allowed
    assert ("Access-Control-Allow-Origin", verdict.origin) in verdict.headers or not verdict.allowed


@pytest.mark.parametrize("typed", ["", "null", "ftp://x.example", "https://", "a b", "x" * 999])
def test_judge_of_what_is_no_origin_says_why(typed: str) -> None:
    verdict = judge(typed, ALLOWED, own_host="", https=True)
    assert (verdict.origin, verdict.allowed) == ("", False)
    assert verdict.why.endswith(".")


def test_judge_names_what_almost_fits() -> None:
    def fix(page: str) -> str:
        return judge(page, ALLOWED, own_host="", https=True).fix

    assert "other scheme" in fix("http://book.example")
    assert "another port" in fix("https://book.example:8443")
    assert "one label only" in fix("https://a.b.preview.example")


@pytest.mark.parametrize(
    ("page", "own", "https", "said"),
    [
        ("https://docs.site.example", "api.site.example", True, "come along"),
        ("https://a.hf.space", "b.hf.space", True, "another site's"),
        ("https://book.example", "api.example", False, "reached by http"),
    ],
)
def test_judge_tells_whether_cookies_come_along(
    page: str, own: str, https: bool, said: str
) -> None:
    assert said in judge(page, (), own_host=own, https=https).cookie


def test_origin_of_remarks_on_what_a_browser_sends() -> None:
    assert origin_of("https://book.example") == ("https://book.example", "")
    assert origin_of("bücher.example/x")[0] == "https://xn--bcher-kva.example"
