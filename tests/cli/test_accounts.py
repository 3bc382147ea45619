"""`dialbook account`: making, showing and deleting accounts, at the terminal and for programs."""

import re
from contextlib import closing
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, run_cli, serving, turns, work_off
from tests.sqlite import beside, path_of

TABLES = """
    SELECT t.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
    WHERE t.type = 'table' AND c.name = 'account' AND t.name NOT LIKE 'audit_%'
"""


def run(*arguments: str, typed: str | None = None) -> Result:
    """What a person sees who types this."""
    return CliRunner().invoke(dialbook, arguments, input=typed, catch_exceptions=False)


def fill(database: str, account: str, numbers: list[str]) -> None:
    """An account with contacts, a list that holds them all, a key and whatever else there can be."""
    run_cli("account", "create", account, "--database", database)
    made = run_cli("key", "create", account, "--database", database)
    auth = (made["api_key"], made["api_token"])
    with (
        serving(Settings(database=database)) as server,
        httpx2.Client(base_url=server.url, auth=auth, verify=False) as http,
    ):
        client = Client(http, account, *auth)
        contacts = client.create_contacts(*({"number": number, "first_name": "Asha"} for number in numbers))
        client.add_members(client.create_list()["sid"], *(contact["sid"] for contact in contacts))
        client.request("DELETE", f"/contacts/{contacts[0]['sid']}", headers={"Idempotency-Key": "once"})
        client.upload(b"number\nnone\n")
        work_off(server)
        client.upload(f"number\n{numbers[0]}\n{NUMBERS[-1]}\n".encode(), on_duplicate="update")
        next(turns(server, chunk=1))  # so that half of it is still to be done
        client.http.post("/console/sign-in", data={"key": client.key, "token": client.token})


def rows(database: str, account: str) -> dict[str, object]:
    """How many rows of an account are in each table but those of the audit log, which stays."""
    found: dict[str, object] = {}
    with closing(beside(database)) as connection:
        for table in (str(name) for (name,) in connection.execute(TABLES).fetchall()):
            sql = f"SELECT count(*) FROM {table} WHERE account = :account"  # noqa: S608  # a name that SQLite gave
            ((found[table],),) = connection.execute(sql, {"account": account}).fetchall()
    return found


def test_making_an_account_says_what_comes_next(database: str) -> None:
    result = run("account", "create", "acme", "--database", database)

    assert result.stdout == "Account acme is made. Next: dialbook key create acme\n"
    assert result.exit_code == 0


def test_a_program_gets_the_account_that_was_made(database: str) -> None:
    made = run_cli("account", "create", "acme", "--database", database)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made.pop("date_created"))
    assert made == {"account_sid": "acme", "region": "IN"}


@pytest.mark.parametrize("written", ["SG", "sg"])
def test_a_region_is_taken_in_either_case(written: str, database: str) -> None:
    assert run_cli("account", "create", "acme", "--region", written, "--database", database)["region"] == "SG"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["taken"], "Account 'taken' exists."),
        (["two words"], "must be 1 to 64 letters"),
        (["-dash", "--"], "No such option"),
        (["a" * 65], "must be 1 to 64 letters"),
        ([""], "must be 1 to 64 letters"),
        (["acme", "--region", "XX"], "such as IN or SG"),
        ([], "Missing argument 'ACCOUNT_SID'"),
    ],
)
def test_an_account_that_cannot_be_is_refused(arguments: list[str], says: str, database: str) -> None:
    run_cli("account", "create", "taken", "--database", database)

    result = run("account", "create", "--database", database, *arguments)

    assert result.exit_code != 0
    assert result.stdout == ""
    assert says in result.stderr
    assert [each["account_sid"] for each in run_cli("account", "list", "--database", database)] == ["taken"]


def test_the_list_shows_every_account_and_how_much_is_in_its_book(database: str) -> None:
    fill(database, "zebra", NUMBERS[:3])
    run_cli("account", "create", "ant", "--region", "SG", "--database", database)

    table = run("account", "list", "--database", database)
    listed: list[dict[str, Any]] = run_cli("account", "list", "--database", database)

    first, second = (each.pop("date_created") for each in listed)
    assert listed == [
        {"account_sid": "ant", "region": "SG", "contacts": 0, "lists": 0},
        {"account_sid": "zebra", "region": "IN", "contacts": 3, "lists": 1},
    ]
    assert [line.split() for line in table.stdout.splitlines()] == [
        ["ACCOUNT", "REGION", "CONTACTS", "LISTS", "CREATED"],
        ["ant", "SG", "0", "0", first],
        ["zebra", "IN", "3", "1", second],
    ]


def test_a_book_without_accounts_has_an_empty_list(database: str) -> None:
    assert run("migrate", "--database", database).exit_code == 0

    assert run_cli("account", "list", "--database", database) == []
    assert run("account", "list", "--database", database).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("n\n", "Aborted!"),
        ("\n", "Aborted!"),
        ("", "\nError: Nobody can be asked: standard input has ended. Give --yes."),
    ],
    ids=["no", "return", "end of input"],
)
def test_nothing_is_deleted_without_a_yes(typed: str, said: str, database: str) -> None:
    fill(database, "acme", NUMBERS[:2])
    before = rows(database, "acme")

    result = run("account", "delete", "acme", "--database", database, typed=typed)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Delete account acme with all its contacts, lists and keys?" in result.stderr
    assert said in result.stderr
    assert rows(database, "acme") == before


@pytest.mark.parametrize(("options", "typed"), [([], "y\n"), (["--yes"], None)], ids=["asked", "--yes"])
def test_deleting_an_account_removes_all_that_was_in_it(options: list[str], typed: str | None, database: str) -> None:
    fill(database, "acme", NUMBERS[:20])
    fill(database, "other", NUMBERS[20:30])
    others = rows(database, "other")

    result = run("account", "delete", "acme", *options, "--database", database, typed=typed)

    assert result.stdout == "Account acme is deleted.\n"
    assert rows(database, "acme") == dict.fromkeys(others, 0)
    assert rows(database, "other") == others
    assert [table for table, count in others.items() if count == 0] == []


def test_a_deleted_account_leaves_no_number_in_the_file(database: str) -> None:
    fill(database, "acme", NUMBERS[:50])
    path = path_of(database)
    assert NUMBERS[0].encode() in path.read_bytes()

    run_cli("account", "delete", "acme", "--yes", "--database", database)

    left = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert [number for number in NUMBERS[:50] if number.encode() in left] == []


def test_a_deleted_account_can_be_made_anew_and_is_empty(database: str) -> None:
    fill(database, "acme", NUMBERS[:2])
    run_cli("account", "delete", "acme", "--yes", "--database", database)

    run_cli("account", "create", "acme", "--database", database)

    (again,) = run_cli("account", "list", "--database", database)
    assert (again["contacts"], again["lists"]) == (0, 0)
    assert run_cli("key", "list", "acme", "--database", database) == []


def test_an_account_that_does_not_exist_cannot_be_deleted(database: str) -> None:
    fill(database, "acme", NUMBERS[:1])

    result = run("account", "delete", "nobody", "--yes", "--database", database)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: There is no account 'nobody'.\n"
