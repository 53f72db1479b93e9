"""With no secret set: the embedded engines, real files, the real API."""

from tests.e2e.product import CHAPTERS, ask, ingest, product, write_book


def assert_grounded(answer, docs):
    assert answer["sources"] == answer["citations"]
    for citation in answer["citations"]:
        assert f"[{citation['n']}]" in answer["response"]
        assert citation["quote"] in (docs / citation["source"]).read_text()


async def test_question_is_answered_by_a_quote_with_a_link_that_works(tmp_path):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data") as site:
        answer = await ask(site, "How do I stop a node?")
        assert answer["mode"] == "extractive"
        assert "node.destroy_node()" in answer["response"]
        assert_grounded(answer, docs)
        url = answer["citations"][0]["url"]
        assert url == "/read/nodes#stopping-a-node"
        page = await site.ask("GET", url.partition("#")[0])
        assert page.status == 200
        assert 'id="stopping-a-node"' in page.body.decode()


async def test_question_beyond_the_book_is_refused_with_the_closest_sections(tmp_path):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data") as site:
        answer = await ask(site, "Which node of the Paris metro has the best restaurant?")
        assert answer["mode"] == "refused"
        assert "could not find" in answer["response"]
        assert_grounded(answer, docs)


async def test_ingest_takes_only_what_changed(tmp_path):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data") as site:
        again = await ingest(site)
        assert (again["embedded"], again["deleted"]) == (0, 0)
        assert again["skipped"] == again["chunks"]
        edited = CHAPTERS["topics.md"].replace("10 messages", "12 messages")
        write_book(docs, {"topics.md": edited})
        assert (await ingest(site))["embedded"] == 1
        answer = await ask(site, "What is the default history depth of a topic?")
        assert "12 messages" in answer["response"]
        (docs / "topics.md").unlink()
        assert (await ingest(site))["deleted"] == 2
        found = await site.ask("POST", "/api/search", json={"query": "topic history depth"})
        assert all(hit["source"] != "topics.md" for hit in found.json["results"])


async def test_ingest_skips_a_file_that_cannot_be_decoded_and_names_it(tmp_path):
    docs = write_book(tmp_path / "docs")
    (docs / "broken.md").write_bytes(b"# Broken\n\n\xff\xfe\xfa text \x80")
    async with product(docs, tmp_path / "data") as site:
        job = await ingest(site)
        assert [error["path"] for error in job["errors"]] == ["broken.md"]
        assert job["documents"] == len(CHAPTERS)
        ready = (await site.ask("GET", "/health/ready")).json
        said = next(row for row in ready["checks"] if row["name"] == "docs")
        assert said["status"] == "degraded"
        assert "broken.md" in said["detail"]
        assert (await ask(site, "What is a topic?"))["mode"] == "extractive"


async def test_index_is_there_again_after_a_restart_and_nothing_is_written_anew(tmp_path):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data") as site:
        first = await ingest(site)
    async with product(docs, tmp_path / "data") as site:
        job = await ingest(site)
        assert (job["embedded"], job["chunks"]) == (0, first["chunks"])
        assert (await ask(site, "What is a topic?"))["mode"] == "extractive"


async def test_questions_in_other_scripts_find_their_passages(tmp_path):
    chapters = {
        "ur.md": "# روبوٹ\n\nمصنوعی ذہانت روبوٹ کو چلنا سکھاتی ہے۔\n",
        "zh.md": "# 机器人\n\n人形机器人使用传感器保持平衡。\n",
        "tr.md": "# Robotlar\n\nİnsansı robotlar dengeyi algılayıcılarla sağlar.\n",
    }
    docs = write_book(tmp_path / "docs", chapters)
    async with product(docs, tmp_path / "data") as site:
        for query, source in (
            ("مصنوعی ذہانت کیا سکھاتی ہے؟", "ur.md"),
            ("机器人怎样保持平衡", "zh.md"),
            ("robotlar dengeyi nasıl sağlar", "tr.md"),
        ):
            answer = await ask(site, query)
            assert [c["source"] for c in answer["citations"]][0] == source, query


async def test_status_says_in_words_what_is_embedded_and_what_is_missing(tmp_path):
    docs = write_book(tmp_path / "docs")
    async with product(docs, tmp_path / "data") as site:
        report = (await site.ask("GET", "/health/config")).json
        modes = {row["name"]: row["mode"] for row in report["upstreams"]}
        assert (modes["qdrant"], modes["database"]) == ("embedded", "embedded")
        key = next(row for row in report["variables"] if row["name"] == "OPENAI_API_KEY")
        assert "Not set" in key["problem"]
        assert key["fix"]
        ready = await site.ask("GET", "/health/ready")
        assert ready.status == 200, ready.body
        assert {row["name"]: row["status"] for row in ready.json["checks"]}["qdrant"] == "ok"


async def test_lost_docs_path_does_not_replace_the_book_by_the_service_s_own_docs(
    tmp_path, monkeypatch
):
    docs = write_book(tmp_path / "mine")
    async with product(docs, tmp_path / "data") as site:
        assert (await ask(site, "What is a topic?"))["mode"] == "extractive"
    write_book(tmp_path / "docs", {"other.md": "# Other\n\nAnother text.\n"})
    monkeypatch.chdir(tmp_path)
    async with product(None, tmp_path / "data") as site:
        answer = await ask(site, "What is a topic?")
        assert answer["citations"][0]["source"] == "topics.md"
        ready = (await site.ask("GET", "/health/ready")).json
        said = next(row for row in ready["checks"] if row["name"] == "docs")
        assert "another book" in said["detail"]
    async with product(tmp_path / "docs", tmp_path / "data") as site:  # chosen on purpose
        assert (await ask(site, "What is another text?"))["citations"][0]["source"] == "other.md"


async def test_a_refusal_names_what_answers_come_from(tmp_path, monkeypatch):
    question = "Who won the chess championship of 1972?"
    docs = write_book(tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    async with product(None, tmp_path / "data") as site:
        own = await ask(site, question)
    async with product(docs, tmp_path / "more", BOOK_TITLE="Walking Robots") as site:
        book = await ask(site, question)

    assert (own["mode"], book["mode"]) == ("refused", "refused")
    assert "“the documentation of this service”" in own["response"]
    assert "“Walking Robots”" in book["response"]
