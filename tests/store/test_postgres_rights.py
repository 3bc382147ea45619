"""A role that may not do all with the tables, as after a dump was restored by another: a line says what it lacks."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, run_cli, serving
from tests.postgres import ask

DOCUMENT = Path(__file__).parents[2] / "docs/postgresql.md"
SAID = re.findall(r"^ *(?:GRANT|ALTER DEFAULT PRIVILEGES) .+;", DOCUMENT.read_text(), re.MULTILINE)
ALL = "\n".join(SAID).replace("dialbook_server", "clerk")


@pytest.fixture
def clerks(url: str) -> Iterator[str]:
    """The URL of a book in which a role that owns nothing has connected; only it may be told what to do."""
    ask(url, "DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN")
    yield url.replace("//dialbook:", "//clerk:")
    ask(url, "DROP OWNED BY clerk; DROP ROLE clerk")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dialbook, arguments, catch_exceptions=False)


@pytest.mark.parametrize("command", [["account", "list"], ["doctor"], ["migrate"], ["serve", "--port", "0"]])
def test_a_role_without_any_right_is_told_which_it_lacks(command: list[str], clerks: str) -> None:
    result = run(*command, "--database", clerks)

    table = "schema_steps" if command == ["migrate"] else "accounts, and lacks rights on 16 more"
    said = (
        f"Error: The database's user 'clerk' may not SELECT on table {table}: docs/postgresql.md says what it needs.\n"
    )
    assert (result.exit_code, result.stderr) == (1, said)


def test_a_role_that_may_not_look_into_the_schema_is_told_so(clerks: str, url: str) -> None:
    ask(url, "REVOKE ALL ON SCHEMA public FROM PUBLIC")

    for command in ("account", "list"), ("migrate",):
        result = run(*command, "--database", clerks)

        assert result.exit_code == 1
        assert result.stderr.startswith("Error: The database's user 'clerk' may use no schema of it: ")


def test_a_role_that_may_only_read_reads(clerks: str, url: str) -> None:
    ask(url, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO clerk")

    made = run("account", "create", "acme", "--database", clerks)
    found = {check["name"]: check for check in json.loads(run("doctor", "--json", "--database", clerks).stdout)}

    assert run_cli("account", "list", "--database", clerks) == []
    assert (made.exit_code, made.stderr) == (
        1,
        "Error: The database cannot be used now (permission denied for table accounts).\n",
    )
    assert [name for name, check in found.items() if not check["ok"]] == ["rights"]
    says = "clerk may not INSERT, UPDATE, DELETE on table accounts, and lacks rights on 15 more"
    assert found["rights"]["found"] == says


def test_all_that_a_server_needs_is_granted_by_what_the_document_says(
    clerks: str, url: str, new_client: Callable[..., Client]
) -> None:
    ask(url, ALL)

    with serving(Settings(database=clerks)) as server:
        client = new_client(server)
        client.create_contacts({"number": NUMBERS[0]})

        assert httpx2.get(f"{server.url}/readyz").status_code == 200
    assert all(check["ok"] for check in run_cli("doctor", "--database", clerks))


def test_what_the_document_says_holds_for_a_table_that_an_update_makes(clerks: str, url: str) -> None:
    ask(url, ALL)
    ask(url, "CREATE TABLE added (account text)")

    ask(clerks, "INSERT INTO added VALUES ('acme'); UPDATE added SET account = 'other'; DELETE FROM added")

    assert ask(clerks, "SELECT account FROM added") == []


def test_a_right_that_is_taken_from_a_running_server_is_named_and_given_back(
    clerks: str, url: str, new_client: Callable[..., Client]
) -> None:
    """Those who ask for something else at the same moment are answered as ever."""
    ask(url, ALL)
    with serving(Settings(database=clerks)) as server:
        client = new_client(server)
        client.create_contacts({"number": NUMBERS[0]})
        ask(url, "REVOKE INSERT ON contacts FROM clerk; REVOKE SELECT ON lists FROM clerk")
        with ThreadPoolExecutor(16) as pool:
            asked = [pool.submit(client.get, path) for path in ("/lists", "/contacts") * 16]
            statuses = [call.result().status_code for call in asked]
        refused = client.post("/contacts", {"contacts": [{"number": NUMBERS[1]}]})
        ready = httpx2.get(f"{server.url}/readyz")
        ask(url, ALL)
        made = client.post("/contacts", {"contacts": [{"number": NUMBERS[1]}]})

        assert statuses == [503, 200] * 16
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert "(permission denied for table contacts)" in refused.text
        assert ready.status_code == 503
        assert ready.json()["reasons"] == [
            "The database's user may not INSERT on table contacts, and lacks rights on 1 more: "
            "docs/postgresql.md says what it needs."
        ]
        assert (made.status_code, httpx2.get(f"{server.url}/readyz").status_code) == (200, 200)
