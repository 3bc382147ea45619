"""The API's description and the page that shows it, without a network."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dialbook.server.app import OPERATIONS, PREFIX
from tests.conftest import Server

pytestmark = pytest.mark.sqlite  # the engine makes no difference here

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def described(server: Server) -> dict[str, Any]:
    document: dict[str, Any] = httpx2.get(f"{server.url}/openapi.json").json()
    return document


def test_every_route_is_described_and_nothing_else(server: Server) -> None:
    routes = {
        (PREFIX + path, method.lower(), handler.__name__)
        for path, each in OPERATIONS.items()
        for method, handler in each.items()
    }

    found = {
        (path, method, operation["operationId"])
        for path, item in described(server)["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    }

    assert found == routes


def test_every_operation_has_an_answer_that_was_run_as_its_example(server: Server) -> None:
    for path, item in described(server)["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                answer = operation["responses"].get("200") or operation["responses"]["202"]
                assert answer["content"]["application/json"]["examples"], f"{method} {path}"


@pytest.mark.parametrize("path", ["/docs", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/docs.js"])
def test_the_page_and_its_files_are_served(path: str, server: Server) -> None:
    answer = httpx2.get(server.url + path)

    assert answer.status_code == 200
    assert answer.content


def test_the_page_may_load_nothing_from_elsewhere(server: Server) -> None:
    policy = httpx2.get(f"{server.url}/docs").headers["content-security-policy"]

    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path", ["/docs/assets/nothing.js", "/docs/assets/../app.py", "/docs/assets/%2e%2e/app.py", "/docs/"]
)
def test_an_unknown_file_is_refused_in_the_envelope(path: str, server: Server) -> None:
    answer = httpx2.get(server.url + path)

    assert (answer.status_code, answer.json()["response"]["error_data"]["code"]) == (404, 1000)


def test_a_browser_shows_every_operation(server: Server, tmp_path: Path) -> None:
    if CHROMIUM is None and "CI" not in os.environ:
        pytest.skip("Chromium is not installed")
    assert CHROMIUM is not None, "Chromium must be there in CI"

    shown = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *(f"--user-data-dir={tmp_path}", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
            *("--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom", f"{server.url}/docs"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    for item in described(server)["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                assert operation["operationId"] in shown.stdout
    console = [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
    assert console == []
