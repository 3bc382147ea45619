"""The command line as somebody uses it against a server: an account in the environment, and a home of his own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.client import Client
from tests.client.conftest import address
from tests.conftest import Client as Caller
from tests.conftest import Server

Dial = Callable[..., Result]


def read(result: Result) -> Any:
    """What a command that went well prints as JSON."""
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Where profiles and mirrors are kept: folders that do not exist yet."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")}


@pytest.fixture
def url(server: Server, api: Caller) -> str:
    return address(server, api)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A client of the same account."""
    with Client(url) as client:
        yield client


@pytest.fixture
def dial(url: str, home: dict[str, str]) -> Dial:
    """Run a command against a fresh account of a live server."""

    def dial(*arguments: str, input: bytes | str | None = None, **variables: str) -> Result:  # noqa: A002  # as click's
        env = {"DIALBOOK_URL": url, **home, **variables}
        return CliRunner(env=env).invoke(dialbook, arguments, input=input, catch_exceptions=False)

    return dial
