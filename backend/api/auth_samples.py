"""Examples for the account routes in the OpenAPI document, made from their schemas."""

from __future__ import annotations

from typing import Any

_VALUES: dict[str, Any] = {
    "id": "5f2b7c1e-8d34-4c5a-9a0e-6b1f0f1d2c3b",
    "userId": "5f2b7c1e-8d34-4c5a-9a0e-6b1f0f1d2c3b",
    "email": "ada@example.org",
    "name": "Ada",
    "password": "eight characters or more",
    "currentPassword": "eight characters or more",
    "newPassword": "another eight or more",
    "proficiency": "beginner",
    "token": "the-session-token",
    "accessToken": "the-access-token",
    "tokenType": "bearer",
    "ipAddress": "203.0.113.7",
    "userAgent": "Mozilla/5.0",
    "code": "INVALID_EMAIL_OR_PASSWORD",
    "message": "Invalid email or password",
    "detail": "Invalid email or password",
    "request_id": "3f1c2a9be0d14c57",
}
_MOMENT = "2026-11-23T12:00:00.000Z"
_BY_TYPE: dict[str, Any] = {"boolean": True, "integer": 1, "number": 1.0, "array": [], "null": None}


def sample(schema: dict[str, Any], schemas: dict[str, Any], name: str = "") -> Any:
    """A value that fits the schema; ``schemas`` are what its references lead to."""
    if "$ref" in schema:
        return sample(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, name)
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], schemas, name)
    if schema.get("type") == "object":
        fields = schema.get("properties", {})
        return {field: sample(part, schemas, field) for field, part in fields.items()}
    if schema.get("type") == "array" and "items" in schema:
        return [sample(schema["items"], schemas, name)]
    if schema.get("type") == "string":
        return _MOMENT if name.endswith("At") else _VALUES.get(name, "as you like")
    return _BY_TYPE.get(schema.get("type", "null"))


def complete(document: dict[str, Any]) -> None:
    """Give every JSON content below ``/api/auth`` and the account export an example."""
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        if not path.startswith(("/api/auth/", "/api/account/")):
            continue
        for operation in operations.values():
            holders = [operation.get("requestBody", {}), *operation["responses"].values()]
            for holder in holders:
                for content in holder.get("content", {}).values():
                    content.setdefault("example", sample(content["schema"], schemas))
