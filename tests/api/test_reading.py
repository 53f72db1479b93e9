from __future__ import annotations

import base64
import hashlib
import re

from tests.api.serving import Site


async def test_chapter_is_a_page_with_its_anchors(site: Site) -> None:
    reply = await site.ask("GET", "/read/guide/nodes")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    text = reply.body.decode()
    assert '<h1 id="nodes">Nodes {x}</h1>' in text
    assert "<title>Nodes &amp; &lt;topics&gt;</title>" in text


async def test_chapter_runs_and_loads_nothing(site: Site) -> None:
    reply = await site.ask("GET", "/read/guide/nodes")
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "frame-ancestors 'self' https://huggingface.co" in policy
    style = re.search(rb"<style>(.*)</style>", reply.body, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert f"'sha256-{digest}'" in policy


async def test_unknown_chapter_is_a_page_for_people_and_json_for_programs(site: Site) -> None:
    program = await site.ask("GET", "/read/nowhere")
    assert (program.status, program.json["code"]) == (404, "not_found")
    for path in ("/read/nowhere", "/read/", "/read/../../etc/passwd", "/read/%00%0d%0ax"):
        person = await site.ask("GET", path, headers={"accept": "text/html"})
        assert person.status == 404
