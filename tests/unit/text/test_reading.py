from backend.text.reading import render_chapter
from tests.unit.builders import make_chunk


def test_chapter_has_an_element_for_every_anchor_once():
    html = render_chapter(
        [
            make_chunk("## Start {#go}\n\nFirst.", anchor="go"),
            make_chunk("Second.", anchor="go"),
            make_chunk("## Stop\n\nThird.", anchor="stop"),
        ]
    )
    assert html.count('id="go"') == 1
    assert html.count('id="stop"') == 1
    assert "{#go}" not in html


def test_chapter_shows_html_as_text_and_drops_active_links():
    html = render_chapter(
        [make_chunk("<script>x</script> [a](javascript:x) ![p](https://evil.test/x.png)")]
    )
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "<img" not in html


def test_chapter_keeps_code_that_looks_like_an_admonition():
    html = render_chapter([make_chunk("```\n:::note\n```\n\n:::tip[Try]\nDo it.\n:::")])
    assert ":::note" in html
    assert "<strong>Try</strong>" in html
    assert html.count(":::") == 1
