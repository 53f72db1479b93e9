"""Variables of the book, the retrieval and the server."""

from __future__ import annotations

from backend.variables.addresses import bind_host, web_address
from backend.variables.base import Variable
from backend.variables.values import choice, fraction, plain_text, rate, switch, whole

_SPACES = "https://huggingface.co/docs/hub/spaces-overview#managing-secrets"

CONTENT = (
    Variable(
        "DOCS_PATH",
        kind="path",
        parse=plain_text,
        used_for="what is ingested",
        aliases=("BOOK_CONTENT_PATH",),
        default="docs",
        where=(
            "A folder with .md, .mdx or .txt files, or an https address of a repository "
            "archive or a sitemap."
        ),
        link=(
            "https://docs.github.com/repositories/working-with-files/using-"
            "files/downloading-source-code-archives"
        ),
        example="docs",
    ),
    Variable(
        "SITE_URL",
        kind="address",
        parse=web_address(),
        used_for="where citation links point",
        aliases=("DOCS_BASE_URL",),
        shown="none",
        without="Citations link to the pages that the service shows itself, under /read/.",
        where="The address under which the book's pages are published.",
        link="https://docusaurus.io/docs/api/docusaurus-config#url",
        example="https://book.example.app/docs",
    ),
    Variable(
        "BOOK_TITLE",
        kind="text",
        parse=plain_text,
        used_for="prompts and UI",
        default="Physical AI & Humanoid Robotics",
        where="As it stands on the cover.",
        link=_SPACES,
        example="Physical AI & Humanoid Robotics",
    ),
    Variable(
        "RETRIEVAL_TOP_K",
        kind="number",
        parse=whole(1, 50),
        used_for="retrieval: passages for an answer",
        default="6",
        where="More passages cost more tokens.",
        link=_SPACES,
        example="6",
    ),
    Variable(
        "SCORE_THRESHOLD",
        kind="number 0-1",
        parse=fraction,
        used_for="retrieval: below it a question is refused",
        aliases=("RELEVANCE_THRESHOLD", "SIMILARITY_THRESHOLD"),
        shown="tuned",
        where="Higher refuses more; the diagnostics show the score of each question.",
        link=_SPACES,
        example="0.35",
    ),
)

SERVER = (
    Variable(
        "PORT",
        kind="number",
        parse=whole(1, 65535),
        used_for="server",
        default="8080",
        shown="8080 (Dockerfile: 7860)",
        where="On a Space, the same as `app_port` in the README.",
        link="https://huggingface.co/docs/hub/spaces-config-reference",
        example="8080",
    ),
    Variable(
        "HOST",
        kind="name",
        parse=bind_host,
        used_for="server",
        default="0.0.0.0",
        where="0.0.0.0 is every interface; 127.0.0.1 is this machine only.",
        link="https://www.uvicorn.org/settings/#socket-binding",
        example="127.0.0.1",
    ),
    Variable(
        "RATE_LIMIT_CHAT",
        kind="rate",
        parse=rate,
        used_for="limits",
        default="30/minute",
        where="Questions of one caller in a period, or off.",
        link=_SPACES,
        example="30/minute",
    ),
    Variable(
        "RATE_LIMIT_CONTENT",
        kind="rate",
        parse=rate,
        used_for="limits",
        default="60/minute",
        where="Translations and adjustments of one caller in a period, or off.",
        link=_SPACES,
        example="60/minute",
    ),
    Variable(
        "DAILY_TOKEN_BUDGET",
        kind="number",
        parse=whole(1, 10**12),
        used_for="limits: tokens of all callers in a day",
        shown="none",
        without="Nothing bounds what a day may cost.",
        where="Your provider's price list tells what that costs.",
        link="https://platform.openai.com/docs/pricing",
        example="2000000",
    ),
    Variable(
        "INSIGHTS_RETENTION_DAYS",
        kind="number",
        parse=whole(1, 3_650),
        used_for="insights: days for which questions are kept, without who asked",
        default="90",
        where="As your privacy notice says.",
        link=_SPACES,
        example="90",
    ),
    Variable(
        "LOG_LEVEL",
        kind="word",
        parse=choice(
            "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", warn="WARNING", fatal="CRITICAL"
        ),
        used_for="operations",
        default="INFO",
        where="DEBUG writes the text of questions into the log.",
        link="https://docs.python.org/3/library/logging.html#logging-levels",
        example="INFO",
    ),
    Variable(
        "LOG_FORMAT",
        kind="word",
        parse=choice("json", "console", text="console"),
        used_for="operations",
        shown="json (console off a Space)",
        where="json is one object a line; console is for people.",
        link=_SPACES,
        example="console",
    ),
    Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        kind="address",
        parse=web_address(),
        used_for="operations: traces",
        shown="none",
        without="No traces are sent.",
        where="Your collector's OTLP/HTTP address.",
        link="https://opentelemetry.io/docs/languages/sdk-configuration/otlp-exporter/",
        example="http://localhost:4318",
    ),
    Variable(
        "STRICT_CONFIG",
        kind="true/false",
        parse=switch,
        used_for="refusing to start with a wrong configuration",
        default="false",
        where="true: exit status 78 with every problem listed.",
        link=_SPACES,
        example="true",
    ),
)
