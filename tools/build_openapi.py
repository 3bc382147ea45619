"""Builds src/dialbook/server/openapi.json: docs/openapi.yaml, with exchanges of the transcripts as its examples."""

import copy
import json
import re
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import yaml
from generated import ROOT, publish

Node = dict[str, Any]

SPEC = ROOT / "docs/openapi.yaml"
TRANSCRIPTS = ROOT / "tests/transcripts"
TARGET = ROOT / "src/dialbook/server/openapi.json"

# What a request looks like is shown by those that were understood, not by those refused for their form or credentials.
UNDERSTOOD = {200, 202, 207, 404, 409}
PLACEHOLDER = re.compile(r"<(?:time|request_id|(?:sid|cursor):\w+)>|\{account\}")
FIXED = {"{account}": "exotel8u3", "<time>": "2026-01-05T09:00:00Z", "<cursor:second>": "1"}


def main() -> None:
    publish(Path(__file__).name, TARGET, json.dumps(build(), indent=1, ensure_ascii=False) + "\n")


def build() -> Node:
    document: Node = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    operations = dict(inline_parameters(document))
    for exchange in read_examples():
        route, operation = operations[exchange["operation"]]
        if exchange["answer"]["status"] in UNDERSTOOD:
            add_parameters(route, operation, exchange)
            add_body(operation, exchange)
        add_answer(document, operation, exchange)
    return document


def inline_parameters(document: Node) -> Iterator[tuple[str, tuple[str, Node]]]:
    """Give each operation all its parameters; yield its id, its route and itself."""
    for route, item in document["paths"].items():
        shared = item.pop("parameters", [])
        for operation in item.values():
            parameters = shared + operation.get("parameters", [])
            operation["parameters"] = [inline_parameter(document, parameter) for parameter in parameters]
            yield operation["operationId"], (route, operation)


def inline_parameter(document: Node, parameter: Node) -> Node:
    """One that brings its own example stays shared; the others are copied, to show the operation's."""
    found = resolve(document, parameter)
    return parameter if "example" in found else found


def read_examples() -> Iterator[Node]:
    for path in sorted(TRANSCRIPTS.glob("*.yaml")):
        for exchange in yaml.safe_load(path.read_text(encoding="utf-8"))["exchanges"]:
            if exchange.get("example"):
                yield fill(exchange)


def fill(node: Any) -> Any:
    """Put invented values, the same ones every time, in the place of placeholders."""
    if isinstance(node, dict):
        return {key: fill(value) for key, value in node.items()}
    if isinstance(node, list):
        return [fill(value) for value in node]
    return PLACEHOLDER.sub(invent, node) if isinstance(node, str) else node


def invent(placeholder: re.Match[str]) -> str:
    text = placeholder[0]
    return FIXED.get(text) or sha256(text.encode()).hexdigest()[:32]


def add_parameters(route: str, operation: Node, exchange: Node) -> None:
    given = read_parameters(route, exchange["request"]["path"])
    for parameter in operation["parameters"]:
        if (name := parameter.get("name")) in given:
            add_example(parameter, exchange, read_value(parameter["schema"], given[name]))


def read_parameters(route: str, address: str) -> dict[str, str]:
    path, query = urlsplit(address)[2:4]
    parts = zip(route.split("/"), path.split("/"), strict=True)
    return {name.strip("{}"): part for name, part in parts if name.startswith("{")} | dict(parse_qsl(query))


def read_value(schema: Node, text: str) -> object:
    return text.split(",") if schema.get("type") == "array" else text


def add_body(operation: Node, exchange: Node) -> None:
    if "body" in exchange["request"]:
        add_example(operation["requestBody"]["content"]["application/json"], exchange, exchange["request"]["body"])


def add_answer(document: Node, operation: Node, exchange: Node) -> None:
    """A response that operations share is copied first, so that each shows its own examples."""
    responses, status = operation["responses"], str(exchange["answer"]["status"])
    responses[status] = resolve(document, responses[status])
    if "body" in exchange["answer"]:
        add_example(responses[status]["content"]["application/json"], exchange, exchange["answer"]["body"])


def add_example(holder: Node, exchange: Node, value: object) -> None:
    examples, name = holder.setdefault("examples", {}), exchange["name"]
    key = re.sub(r"\W+", "-", name.lower())
    if key in examples:
        sys.exit(f"{exchange['operation']} has two examples named '{name}' in one place")
    if all(value != example["value"] for example in examples.values()):
        examples[key] = {"summary": name[0].upper() + name[1:], "value": value}


def resolve(document: Node, node: Node) -> Node:
    if "$ref" not in node:
        return node
    found = document
    for key in node["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return copy.deepcopy(found)


if __name__ == "__main__":
    main()
