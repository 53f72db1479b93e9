"""The OpenAPI document, and the answers held to it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from backend.api import about, answers, examples
from backend.api.schemas import ChatRequest, SearchRequest
from backend.server import create_app, openapi
from tests.api.fakes import RECORD, FakeContainer
from tests.api.serving import Site

ROOT = Path(__file__).parent.parent.parent
PUBLIC = {
    "/", "/health", "/health/ready", "/health/circuits", "/health/config", "/chat", "/chat/stream",
    "/api/search", "/translate", "/translate/batch", "/adjust-content", "/adjust-content/batch",
    "/api/feedback", "/read/{page}", "/docs", "/docs/oauth2-redirect", "/openapi.json",
}  # fmt: skip
ADMIN = {"/metrics", "/ingest", "/ingest/{job_id}", "/ingest/{job_id}/events", "/api/documents",
         "/api/documents/{document_id}", "/api/documents/{document_id}/reindex",
         "/api/insights"}  # fmt: skip
OWN = {"/api/chat/sessions", "/api/chat/sessions/{session_id}", "/api/chat/history",
       "/api/chat/sessions/{session_id}/title",
       "/api/chat/sessions/{session_id}/export"}  # fmt: skip


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(openapi())
    return loaded


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_document_is_stable_and_names_no_server(document: dict[str, Any]) -> None:
    assert openapi() == openapi()
    assert json.loads(json.dumps(create_app(FakeContainer()).openapi())) == document
    assert "servers" not in document
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert document["info"]["version"] == about.VERSION == project["version"]


def test_every_operation_is_described_with_every_status(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["operationId"].replace("_", "").isalpha(), name
        assert {"413", "414", "415", "431", "500"} <= operation["responses"].keys(), name
        if "requestBody" in operation:
            assert {"400", "408", "422", "429", "503"} <= operation["responses"].keys(), name
            body = operation["requestBody"]["content"]
            assert "multipart/form-data" in body or "example" in body["application/json"], name
        for status, response in operation["responses"].items():
            assert response["description"], (name, status)
            for kind, content in response.get("content", {}).items():
                if kind != "text/html" and (name, status) != ("get /health/ready", "503"):
                    assert "example" in content, (name, status)


def test_references_lead_somewhere_and_every_schema_is_used(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used == set(document["components"]["schemas"])


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids))


def test_errors_have_one_schema(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            if status >= "400" and (name, status) != ("get /health/ready", "503"):
                schema = response["content"]["application/json"]["schema"]["$ref"]
                wanted = "InvalidBody" if status == "422" else "ErrorBody"
                if " /api/auth/" in name or " /api/account/" in name:
                    wanted = "AuthErrorOut"  # Better Auth's code and message on top
                assert schema.endswith(f"/{wanted}"), (name, status)


def test_every_route_is_public_or_for_its_owner_or_for_admins() -> None:
    """A new route must be put on one of the lists on purpose."""
    app = create_app(FakeContainer())
    listed = set(app.openapi()["paths"])
    accounts = {path for path in listed if path.startswith(("/api/auth/", "/api/account/"))}
    assert listed - PUBLIC - accounts == ADMIN | OWN
    for path in ADMIN | OWN:
        for operation in app.openapi()["paths"][path].values():
            assert operation["security"], path
            assert "401" in operation["responses"], path
    hidden = {route.path for route in app.routes if hasattr(route, "path")} - listed
    assert hidden <= PUBLIC | {"/read/{page:path}"} | {""}, hidden
    assert not any(isinstance(route, APIRoute) and route.path == "/admin" for route in app.routes)


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (ChatRequest, examples.CHAT_REQUEST),
        (SearchRequest, examples.SEARCH_REQUEST),
        (answers.ChatAnswer, examples.CHAT_ANSWER),
        (answers.SearchAnswer, examples.SEARCH_ANSWER),
        (answers.JobOut, examples.JOB),
        (answers.DocumentList, examples.DOCUMENT_LIST),
        (answers.DocumentDeleted, examples.DOCUMENT_DELETED),
        (answers.ServiceInfo, examples.SERVICE_INFO),
        (answers.ReadinessOut, examples.READINESS),
        (answers.ConfigReport, examples.CONFIG_REPORT),
        (answers.Circuits, examples.CIRCUITS),
    ],
)
def test_examples_fit_their_schemas(model: Any, example: Any) -> None:
    fits(model, example)


def fits(model: type[BaseModel], value: Any) -> None:
    """The value is what the model describes, with no field more or less."""
    loaded = model.model_validate(value, strict=True)
    if model is answers.Circuits:
        for circuit in value.values():
            fits(answers.CircuitOut, circuit)
    elif issubclass(model, ChatRequest | SearchRequest):
        assert set(value) == set(model.model_fields)
    else:
        assert loaded.model_dump() == value


@pytest.mark.parametrize(
    ("method", "path", "body", "model"),
    [
        ("GET", "/", None, answers.ServiceInfo),
        ("GET", "/health", None, answers.Health),
        ("GET", "/health/ready", None, answers.ReadinessOut),
        ("GET", "/health/circuits", None, answers.Circuits),
        ("GET", "/health/config", None, answers.ConfigReport),
        ("POST", "/chat", {"query": "Why?"}, answers.ChatAnswer),
        ("POST", "/ingest", None, answers.JobStarted),
        ("GET", "/ingest/job-1", None, answers.JobOut),
        ("GET", "/api/documents", None, answers.DocumentList),
        ("DELETE", f"/api/documents/{RECORD.id}", None, answers.DocumentDeleted),
        ("GET", "/nowhere", None, answers.ErrorBody),
        ("POST", "/chat", {}, answers.InvalidBody),
    ],
)
async def test_answers_fit_their_schemas(
    site: Site, method: str, path: str, body: Any, model: Any
) -> None:
    fits(model, (await site.ask(method, path, json=body)).json)


async def test_documentation_is_served(site: Site) -> None:
    assert b"swagger" in (await site.ask("GET", "/docs")).body
    assert (await site.ask("GET", "/openapi.json")).json["info"]["title"] == about.SERVICE
