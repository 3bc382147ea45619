"""The contract as transcripts: each request gets its answer, key by key in the same order."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from tests.conftest import Client
from tests.contract import check_answer

FILES = sorted(Path(__file__).parent.glob("transcripts/*.yaml"))

PLACEHOLDER = re.compile(r"<(request_id|time|(?:sid|etag|cursor):[a-z0-9_-]+)>")
PATTERNS = {
    "request_id": "[0-9a-f]{32}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "sid": "[0-9a-f]{32}",
    "etag": '"[!#-~]+"',
    "cursor": "[0-9a-f]+",
}


class Names:
    """What the placeholders of one transcript stand for: the account, and each sid and tag from its first sight on."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.known: dict[str, str] = {}

    def fill(self, value: Any) -> Any:
        """Replace placeholders in a request."""
        if isinstance(value, str):
            text = value.replace("{account}", self.account)
            return PLACEHOLDER.sub(lambda match: self.known[match[1]], text)
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        return value

    def match(self, expected: Any, found: Any, where: str = "$") -> None:
        """Fail unless what was found is what is expected, keys in the same order."""
        if isinstance(expected, dict):
            assert isinstance(found, dict), where
            assert list(found) == list(expected), where
            for key, value in expected.items():
                self.match(value, found[key], f"{where}.{key}")
        elif isinstance(expected, list):
            assert isinstance(found, list), where
            assert len(found) == len(expected), where
            for i, value in enumerate(expected):
                self.match(value, found[i], f"{where}[{i}]")
        elif isinstance(expected, str) and isinstance(found, str):
            self._match_text(expected.replace("{account}", self.account), found, where)
        else:
            assert found == expected, where

    def _match_text(self, expected: str, found: str, where: str) -> None:
        names: list[str] = []

        def group(match: re.Match[str]) -> str:
            name = match[1]
            names.append(name)
            return f"({re.escape(self.known[name]) if name in self.known else PATTERNS[name.partition(':')[0]]})"

        pattern = "".join(
            PLACEHOLDER.sub(group, part) if PLACEHOLDER.fullmatch(part) else re.escape(part)
            for part in re.split(r"(<[^<>]+>)", expected)
        )
        match = re.fullmatch(pattern, found)
        assert match is not None, f"{where}: {found!r} is not {expected!r}"
        for name, value in zip(names, match.groups(), strict=True):
            if ":" in name:
                assert self.known.setdefault(name, value) == value, where


def exchanges(path: Path) -> list[dict[str, Any]]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    found: list[dict[str, Any]] = document["exchanges"]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_exchange_goes_as_written(path: Path, connect: Callable[..., Client]) -> None:
    writer = connect()
    callers = {
        "write": writer.http.auth,
        "read_only": connect(writer.account, "--scope", "read").http.auth,
        "other_account": connect().http.auth,
        "wrong": httpx2.BasicAuth(writer.key, "wrong"),
        "none": None,
    }
    names = Names(writer.account)

    for exchange in exchanges(path):
        request = exchange["request"]
        answer = writer.http.request(
            request["method"],
            names.fill(request["path"]),
            auth=callers[exchange.get("credentials", "write")],
            headers=names.fill(request.get("headers")),
            content=_body(names.fill(request)),
        )

        check_answer(answer)
        expected = exchange["answer"]
        assert answer.status_code == expected["status"], f"{exchange['name']}: {answer.text[:2000]}"
        for name, value in expected.get("headers", {}).items():
            names.match(value, answer.headers.get(name), f"{exchange['name']}: {name}")
        if "body" in expected:
            names.match(expected["body"], json.loads(answer.content), exchange["name"])
        elif "text" in expected:
            names.match(expected["text"], answer.text, exchange["name"])
        else:
            assert answer.content == b"", exchange["name"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_exchange_says_how_we_know(path: Path) -> None:
    for exchange in exchanges(path):
        assert exchange["evidence"] in {"documented", "decided"}, exchange["name"]
        assert exchange["source"], exchange["name"]


def _body(request: dict[str, Any]) -> bytes | None:
    if "body" in request:
        return json.dumps(request["body"]).encode()
    if "text" in request:
        return str(request["text"]).encode()
    if "repeat" in request:
        repeat = request["repeat"]
        if "bytes" in repeat:
            return b" " * int(repeat["bytes"])
        return json.dumps({repeat["wrapper"]: [repeat["item"]] * repeat["times"]}).encode()
    return None
