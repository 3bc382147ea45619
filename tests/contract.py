"""Checking an answer against the API's own description, `/openapi.json`."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs

import dialbook

DESCRIPTION: dict[str, Any] = json.loads((Path(dialbook.__file__).parent / "server" / "openapi.json").read_text())


def check_answer(answer: httpx2.Response) -> None:
    """Fail unless the description has this answer: its path, method, status, headers and body."""
    method, path = answer.request.method, answer.request.url.path
    operation = _operation(path, "GET" if method == "HEAD" else method)
    if operation is None:
        assert answer.status_code in {401, 404, 405}, f"{method} {path} is not described"
        _failure_validator().validate(answer.json())
        return
    status = str(answer.status_code)
    assert status in operation["responses"], f"{operation['operationId']} does not describe {status}"
    response = _resolve(operation["responses"][status])
    for name, header in response.get("headers", {}).items():
        assert name in answer.headers or not _resolve(header).get("required"), f"{name} is missing"
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    assert media_type in response.get("content", {"": None}), (
        f"{operation['operationId']} does not describe {media_type}"
    )
    if not media_type or method == "HEAD":
        assert answer.content == b""
    elif media_type == "application/json":
        _validator(operation["operationId"], status).validate(answer.json())


def _operation(path: str, method: str) -> dict[str, Any] | None:
    # A path without a parameter wins over one that has a parameter in its place.
    for template, operations in sorted(DESCRIPTION["paths"].items(), key=lambda each: each[0].count("{")):
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path):
            operation: dict[str, Any] | None = operations.get(method.lower())
            return operation
    return None


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    target: Any = DESCRIPTION
    for part in node["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return _resolve(target)


@cache
def _validator(operation_id: str, status: str) -> jsonschema_rs.Validator:
    operations = [each for path in DESCRIPTION["paths"].values() for each in path.values() if isinstance(each, dict)]
    (operation,) = [each for each in operations if each.get("operationId") == operation_id]
    schema = _resolve(operation["responses"][status])["content"]["application/json"]["schema"]
    return _compile(schema)


@cache
def _failure_validator() -> jsonschema_rs.Validator:
    return _compile(
        {"properties": {"response": {"$ref": "#/components/schemas/FailureItem"}}, "required": ["response"]}
    )


def _compile(schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DESCRIPTION["components"]})
