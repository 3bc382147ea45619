"""`dialbook migrate` and `dialbook doctor`: what is right is said to be right, and what is wrong is found."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.settings import Settings
from dialbook.store.contact_names import name_row
from tests.conftest import NUMBERS, Client, run_cli, serving
from tests.processes import run_program
from tests.sqlite import beside, path_of

ROW = name_row("acme", "0")  # of the names' index


@dataclass(frozen=True)
class Book:
    """A database with two accounts; `acme` has ten contacts, and a list with three of them."""

    url: str
    list_sid: str
    second: str  # the sid of the contact who came second to the list

    @property
    def path(self) -> Path:
        return path_of(self.url)

    def change(self, *statements: str) -> None:
        """Change the file behind Dialbook's back."""
        connection = beside(self.path)
        for statement in statements:
            connection.execute(statement, {"account": "acme", "list": self.list_sid, "row": ROW})
        connection.close()


@pytest.fixture
def book(database: str) -> Book:
    run_cli("account", "create", "other", "--database", database)
    run_cli("account", "create", "acme", "--database", database)
    made = run_cli("key", "create", "acme", "--database", database)
    auth = (made["api_key"], made["api_token"])
    with (
        serving(Settings(database=database)) as server,
        httpx2.Client(base_url=server.url, auth=auth, verify=False) as http,
    ):
        client = Client(http, "acme", *auth)
        contacts = client.create_contacts(*({"number": number} for number in NUMBERS[:10]))
        made = client.create_list()
        client.add_members(made["sid"], *(contact["sid"] for contact in contacts[:3]))
    return Book(database, made["sid"], contacts[1]["sid"])


def doctor(book: Book, *options: str) -> Result:
    return CliRunner().invoke(dialbook, ["doctor", "--database", book.url, *options], catch_exceptions=False)


def checks(result: Result) -> dict[str, dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(result.stdout)
    return {each["name"]: each for each in found}


def wrong(result: Result) -> list[str]:
    return [name for name, check in checks(result).items() if not check["ok"]]


def test_a_healthy_book_passes_every_check(book: Book) -> None:
    table, as_json = doctor(book), doctor(book, "--json")

    assert table.exit_code == as_json.exit_code == 0
    assert "wrong" not in table.stdout.lower()  # whoever looks for it finds none
    assert wrong(as_json) == []
    assert table.stdout.count("kept (10, 1), counted (10, 1)") == 2
    assert checks(as_json).keys() >= {
        "SQLite version",
        "schema",
        "kept from other users",
        "synchronous",
        "integrity",
        "foreign keys",
        "tables and indexes",
        "token secret",
        "acme: contacts and lists",
        "acme: contacts and lists by day",
        "acme: tallies",
        "acme: members of each list",
        "acme: positions",
        "acme: blocks of members",
        "acme: reports of uploads",
        "acme: names",
        "acme: custom fields",
        "other: contacts and lists",
    }
    assert [name for name in checks(as_json) if name not in table.stdout] == []


CHANGES = {
    "contacts of the book": (
        ["UPDATE books SET contact_count = contact_count + 1 WHERE account = :account"],
        "acme: contacts and lists",
        "kept (11, 1), counted (10, 1)",
    ),
    "lists of the book": (
        ["UPDATE books SET list_count = list_count - 1 WHERE account = :account"],
        "acme: contacts and lists",
        "kept (10, 0), counted (10, 1)",
    ),
    "contacts of a day": (
        ["UPDATE tallies SET live = live - 1 WHERE account = :account AND kind = 'contacts'"],
        "acme: contacts and lists by day",
        "kept (9, 1), counted (10, 1)",
    ),
    "a day that is lost": (
        ["DELETE FROM tallies WHERE account = :account AND kind IN ('contacts', 'lists')"],
        "acme: contacts and lists by day",
        "kept (0, 0), counted (10, 1)",
    ),
    "contacts of a country": (
        ["UPDATE tallies SET live = 9 WHERE account = :account AND kind = 'country'"],
        "acme: tallies",
        "miscounted: 1 of kind 'country', 0 of kind 'tag', 0 of kind 'made-day', 0 of kind 'made-moment'",
    ),
    "a tag that nobody has": (
        ["INSERT INTO tallies (account, kind, value, live) VALUES (:account, 'tag', 'gold', 1)"],
        "acme: tallies",
        "miscounted: 0 of kind 'country', 1 of kind 'tag', 0 of kind 'made-day', 0 of kind 'made-moment'",
    ),
    "contacts made at a moment": (
        ["UPDATE tallies SET live = 9 WHERE account = :account AND kind = 'made-moment'"],
        "acme: tallies",
        "miscounted: 0 of kind 'country', 0 of kind 'tag', 0 of kind 'made-day', 1 of kind 'made-moment'",
    ),
    "contacts of a list": (
        ["UPDATE lists SET contact_count = 4 WHERE account = :account AND sid = :list"],
        "acme: members of each list",
        "1 lists miscounted: {list_sid}",
    ),
    "a member past the next position": (
        ["UPDATE lists SET next_position = 2 WHERE account = :account AND sid = :list"],
        "acme: positions",
        "1 lists with a member past the last position: {list_sid}",
    ),
    "a block that was miscounted": (
        ["UPDATE member_blocks SET live = 2 WHERE account = :account AND list = :list AND level = 3"],
        "acme: blocks of members",
        "1 lists with a block miscounted: {list_sid}",
    ),
    "a report that lacks a row": (
        [
            """
            INSERT INTO uploads (account, sid, list_type, on_duplicate, dry_run, columns, status, failed, created)
            VALUES (:account, 'upload', 'static', 'skip', 0, '[]', 'completed', 1, '')
            """
        ],
        "acme: reports of uploads",
        "1 uploads with rows missing in the report: upload",
    ),
    "a name of nobody": (
        ["INSERT INTO contact_names (account, row, sid, name) VALUES (:account, :row, 'nobody', 'nobody')"],
        "acme: names",
        "1 contacts with another name in the index: nobody",
    ),
    "a custom field that is no JSON": (
        ["UPDATE contacts SET custom_field = '{broken' WHERE account = :account AND number = '+919845000001'"],
        "acme: custom fields",
        "1 contacts with one that is no JSON: {second}",
    ),
    "another that a list keeps": (
        ["UPDATE members SET variables = '{}}' WHERE account = :account AND list = :list AND position = 1"],
        "acme: custom fields",
        "1 contacts with one that is no JSON: {second}",
    ),
    "an index": (["DROP INDEX contacts_by_created"], "tables and indexes", "missing: index contacts_by_created"),
    "a member that is no contact": (
        [
            "PRAGMA foreign_keys = OFF",
            "UPDATE members SET contact = 'nobody' WHERE account = :account AND position = 0",
        ],
        "foreign keys",
        "1 rows without the row they refer to",
    ),
}


@pytest.mark.parametrize(("statements", "name", "found"), CHANGES.values(), ids=CHANGES)
def test_what_was_changed_behind_its_back_is_found(statements: list[str], name: str, found: str, book: Book) -> None:
    book.change(*statements)

    table, as_json = doctor(book), doctor(book, "--json")

    assert table.exit_code == as_json.exit_code == 1
    assert wrong(as_json) == [name]
    assert checks(as_json)[name]["found"] == found.format(list_sid=book.list_sid, second=book.second)
    (line,) = [line for line in table.stdout.splitlines() if "WRONG" in line]
    assert line.startswith(name)


@pytest.mark.parametrize("table", ["contacts", "accounts", "audit_entries", "sessions", "idempotency"])
def test_a_table_that_is_missing_is_named(table: str, book: Book) -> None:
    book.change("PRAGMA foreign_keys = OFF", f"DROP TABLE {table}")

    result = doctor(book, "--json")

    assert (result.exit_code, checks(result)["tables and indexes"]["found"]) == (1, f"missing: table {table}")


def test_keys_that_no_server_with_this_secret_could_check_are_found(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", "a secret for tests alone, 32 or more")

    result = doctor(book, "--json")

    assert result.exit_code == 1
    assert wrong(result) == ["token secret"]
    assert checks(result)["token secret"]["found"] == "1 live keys whose hash is sealed with another, or with none"


def test_a_file_that_others_can_read_is_found(book: Book) -> None:
    book.path.chmod(0o644)

    result = doctor(book, "--json")

    assert (result.exit_code, wrong(result)) == (1, ["kept from other users"])
    assert checks(result)["kept from other users"]["found"] == "mode 0644"


def test_a_book_without_a_row_for_its_counters_is_found(book: Book) -> None:
    book.change("DELETE FROM books WHERE account = :account")

    result = doctor(book, "--json")

    assert result.exit_code == 1
    assert wrong(result) == ["acme: contacts and lists"]


@pytest.mark.parametrize(
    "table",
    ["contacts", "contacts_by_created", "api_keys_by_account", "books", "accounts", "audit_entries", "audit_chains"],
)
def test_a_damaged_page_is_found(table: str, book: Book) -> None:
    """Whichever it is: doctor is there for such files, so it says what it can, and never breaks down itself."""
    _damage(book, table)

    result = run_program("doctor", "--database", book.url, "--json", folder=book.path.parent)

    found = {check["name"]: check["ok"] for check in msgspec.json.decode(result.stdout)}
    assert (result.returncode, result.stderr) == (1, "")
    assert found["SQLite version"]
    assert not found["integrity"]


def _damage(book: Book, table: str) -> None:
    connection = beside(book.path)
    size = connection.pragma("page_size")
    assert isinstance(size, int)
    sql = "SELECT (rootpage - 1) * :size FROM sqlite_schema WHERE name = :table"
    ((start,),) = connection.execute(sql, {"size": size, "table": table}).fetchall()
    connection.close()
    assert isinstance(start, int)
    with book.path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * size)


def test_migrating_makes_a_file_where_there_is_none_and_says_where(database: str) -> None:
    made = run_cli("migrate", "--database", database)
    again = run_cli("migrate", "--database", database)
    said = CliRunner().invoke(dialbook, ["migrate", "--database", database])

    assert (made["database"], made["ok"], made["made"]) == (database, True, True)
    assert again == made | {"made": False}
    assert said.stdout == f"The schema of {database} is up to date: {made['schema']}.\n"
    assert run_cli("account", "list", "--database", database) == []


def test_migrating_reads_no_more_than_the_schema(database: str) -> None:
    run_cli("account", "create", "acme", "--database", database)
    with closing(beside(database)) as connection:
        connection.execute("CREATE TABLE ballast AS SELECT zeroblob(20000000)")
    before = _bytes_read()

    run_cli("migrate", "--database", database)

    assert _bytes_read() - before < 5_000_000


def _bytes_read() -> int:
    """How much this process has read so far, from a disk or from memory (proc_pid_io(5))."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_migrating_twice_changes_nothing(book: Book) -> None:
    before = book.path.read_bytes()

    result = run_cli("migrate", "--database", book.url)

    assert result["ok"] is True
    assert book.path.read_bytes() == before
