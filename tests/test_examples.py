"""The samples in five languages: each reads a whole list, page by page, from a live server."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import NUMBERS, Client, Server

pytestmark = pytest.mark.sqlite  # the engine makes no difference here

EXAMPLES = Path(__file__).parent.parent / "examples"
SIZE = 23
PROGRAMS = {
    "curl": (["bash", "curl", "jq"], ["bash", str(EXAMPLES / "curl.sh")]),
    "Node.js": (["node"], ["node", str(EXAMPLES / "node.mjs")]),
    "PHP": (["php"], ["php", str(EXAMPLES / "php.php")]),
    "Python": (["python3"], ["python3", str(EXAMPLES / "python.py")]),
    "Go": (["go"], []),
}


@pytest.fixture(scope="module")
def members(connect: Callable[..., Client]) -> tuple[Client, str, list[str]]:
    """A client, its list, and the lines that a sample prints for it."""
    client = connect()
    drafts = [{"number": number, "first_name": f"Name {i}"} for i, number in enumerate(NUMBERS[:SIZE])]
    contacts = client.create_contacts(*drafts)
    made = client.create_list()
    client.add_members(made["sid"], *(contact["sid"] for contact in contacts))
    return client, made["sid"], [f"{draft['number']}\t{draft['first_name']}" for draft in drafts]


@pytest.fixture(scope="module", params=PROGRAMS)
def command(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """How to run one sample; without its interpreter a laptop skips it, and CI fails."""
    needed, command = PROGRAMS[request.param]
    missing = [program for program in needed if shutil.which(program) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"{', '.join(missing)} is not installed: see examples/README.md")
    assert not missing, f"{missing} must be there in CI"
    if request.param != "Go":
        return command
    program = tmp_path_factory.mktemp("go") / "main"
    cache = {"GOCACHE": str(program.parent / "cache"), "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", program, EXAMPLES / "main.go"], check=True, env=os.environ | cache)
    return [str(program)]


def test_systemd_and_the_shell_read_the_settings_alike() -> None:
    """Unquoted, a value with a blank, `&` or `$` would be another one for each of them."""
    lines = (EXAMPLES / "systemd" / "dialbook.env").read_text().splitlines()
    values = [line.partition("=")[2] for line in lines if "DIALBOOK_" in line]

    assert [value for value in values if not re.fullmatch(r"'[^']+'", value)] == []
    assert len(values) == 3


def run(command: list[str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=60, check=False, env=os.environ | variables
    )


def account_url(server: Server, client: Client, token: str | None = None) -> str:
    address = server.url.removeprefix("http://")
    return f"http://{client.key}:{token or client.token}@{address}/v2/accounts/{client.account}"


@pytest.mark.parametrize("page_size", ["5", "23", "500"])
def test_it_reads_the_whole_list(
    page_size: str, command: list[str], members: tuple[Client, str, list[str]], server: Server
) -> None:
    client, list_sid, lines = members

    done = run(command, account_url(server, client), list_sid, page_size)

    assert (done.returncode, done.stdout.splitlines()) == (0, lines), done.stderr
    assert done.stderr.strip() == f"{SIZE} contacts"


def test_it_takes_the_address_from_the_environment(
    command: list[str], members: tuple[Client, str, list[str]], server: Server
) -> None:
    client, list_sid, lines = members

    done = run(command, "-", list_sid, DIALBOOK_URL=account_url(server, client))

    assert (done.returncode, done.stdout.splitlines()) == (0, lines), done.stderr


def test_it_says_why_it_was_refused(command: list[str], members: tuple[Client, str, list[str]], server: Server) -> None:
    client, list_sid, _ = members

    wrong_token = run(command, account_url(server, client, "wrong"), list_sid)
    unknown_list = run(command, account_url(server, client), "0" * 32)

    assert (wrong_token.returncode, unknown_list.returncode) == (1, 1)
    assert "401" in wrong_token.stderr
    assert "Authorization failed" in wrong_token.stderr
    assert "There is no list" in unknown_list.stderr
    assert wrong_token.stdout == unknown_list.stdout == ""


def test_it_says_how_to_use_it(command: list[str]) -> None:
    done = run(command)

    assert done.returncode == 2
    assert "usage" in done.stderr.lower()
