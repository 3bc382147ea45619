"""A filter that is empty chooses nobody: it is refused where it would have brought everybody."""

import io
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from dialbook import Client
from dialbook.cli.main import dialbook

URL = "http://key:secret@127.0.0.1:1/v2/accounts/acme"


@pytest.mark.parametrize("name", ["number", "name", "tag"])
@pytest.mark.parametrize(
    "call",
    [
        lambda client, query: client.list_members("a", **query),
        lambda client, query: list(client.iter_members("a", **query)),
        lambda client, query: client.export_members("a", io.BytesIO(), **query),
    ],
)
def test_of_members(call: Callable[[Client, dict[str, str]], object], name: str) -> None:
    with Client(URL) as client, pytest.raises(ValueError, match=f"{name} must not be empty"):
        call(client, {name: ""})


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.list_contacts(name=""),
        lambda client: list(client.iter_contacts(name="")),
        lambda client: client.list_lists(name=""),
        lambda client: list(client.iter_lists(name="")),
    ],
)
def test_of_contacts_and_lists(call: Callable[[Client], object]) -> None:
    with Client(URL) as client, pytest.raises(ValueError, match="name must not be empty"):
        call(client)


@pytest.mark.parametrize(
    "command",
    [
        ["members", "export", "Friends", "--number", ""],
        ["members", "export", "Friends", "--tag", ""],
        ["members", "list", "Friends", "--name", ""],
        ["contacts", "list", "--name", ""],
        ["lists", "list", "--name", ""],
    ],
)
def test_on_the_command_line(command: list[str]) -> None:
    result = CliRunner(env={"DIALBOOK_URL": URL}).invoke(dialbook, command)

    assert result.exit_code == 2
    assert "It must not be empty; without it, all are meant." in result.stderr


def test_no_list_has_an_empty_name() -> None:
    result = CliRunner(env={"DIALBOOK_URL": URL}).invoke(dialbook, ["lists", "get", ""])

    assert (result.exit_code, result.stderr) == (1, "Error: There is no list named ''.\n")
