"""`dialbook copy`: all of a book arrives, an interrupted copy goes on, and any difference is told."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.settings import Settings
from dialbook.store.copy import CHUNK, TABLES
from dialbook.store.spool import open_spool
from tests.cli.backup.files import ask
from tests.conftest import NUMBERS, Client, Server, run_cli, serving, work_off
from tests.sqlite import beside, path_of

pytestmark = pytest.mark.sqlite

CONTACTS = CHUNK + 50  # more than one chunk
KEYED = {"lists": [{"name": "Made once"}]}
KEY = {"Idempotency-Key": "once"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, connect: Callable[..., Client]) -> tuple[Server, Client]:
    """A book with gaps in a list, every kind of value, and a revoked key; its server has ended."""
    database = f"sqlite:///{tmp_path_factory.mktemp('source') / 'book.db'}"
    with serving(Settings(database=database, body_limit=2**25)) as server:
        client = connect(to=server)
        texts = {"first_name": "Éva \U0001f600", "last_name": '"=1', "custom_field": {"a": 1.50}, "tag": "x"}
        first = client.create_contacts(*({"number": number, **texts} for number in NUMBERS[:5000]))
        client.create_contacts(*({"number": number} for number in NUMBERS[5000:CONTACTS]))
        made = client.create_list("Ünïcode", tag="t")["sid"]
        client.add_members(made, *(contact["sid"] for contact in first[:200]))
        for contact in first[10:60]:
            client.delete(f"/lists/{made}/contacts/{contact['sid']}")
        client.upload(f"number,city\n{NUMBERS[0]},Kochi\nbad,\n".encode(), "Dynamic", type="dynamic")
        work_off(server)
        client.upload(b"number\n", "Waiting")
        old = run_cli("key", "create", client.account, "--allow", "192.0.2.0/24", "--database", database)
        client.request("POST", "/lists", json=KEYED, headers=KEY)
        run_cli("key", "revoke", client.account, old["api_key"], "--database", database)
        run_cli("account", "create", "second", "--region", "SG", "--database", database)
        run_cli("account", "create", "gone", "--database", database)
        run_cli("account", "delete", "gone", "--yes", "--database", database)
        client.http.get("/v2/accounts/nobody/contacts", auth=("nobody", "nothing"))
    return server, client


def copy(source: str, target: str, *options: str) -> Result:
    return CliRunner().invoke(dialbook, ["copy", "--from", source, "--to", target, *options], catch_exceptions=False)


def rows(result: Result) -> dict[str, int]:
    found: list[dict[str, Any]] = msgspec.json.decode(result.stdout)
    return {f"{each['account']} {each['table']}": each["rows"] for each in found if each["equal"]}


def test_everything_arrives(source: tuple[Server, Client], database: str) -> None:
    server, client = source

    result = copy(server.database, database, "--json")

    assert result.exit_code == 0, result.output
    found = rows(result)
    assert found[f"{client.account} contacts"] == CONTACTS
    assert found[f"{client.account} members"] == 151
    assert found[f"{client.account} uploads"] == 2
    assert found[f"{client.account} upload_reports"] == found[f"{client.account} upload_queue"] == 1
    assert found[f"{client.account} api_keys"] == 2
    assert found[f"{client.account} idempotency"] == 1
    assert found["second books"] == 1
    assert found[f"{client.account} audit_chains"] == 1
    logs = [run_cli("audit", "verify", "--database", each) for each in (server.database, database)]
    assert logs[0] == logs[1]
    assert {each["account"] for each in logs[1]} == {"-", client.account, "gone", "second"}
    assert [check for check in run_cli("doctor", "--database", database) if not check["ok"]] == []


def test_no_column_is_left_behind(database: str) -> None:
    run_cli("migrate", "--database", database)
    connection = beside(database)
    there = {table.name: {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")} for table in TABLES}
    connection.close()

    assert {table.name: {*table.columns} for table in TABLES} == there


def test_a_book_moves_to_the_other_engine_and_back(
    source: tuple[Server, Client], databases: Callable[[str], str], database: str
) -> None:
    server, client = source
    between = databases("postgres")

    there = copy(server.database, between, "--json")
    back = copy(between, database, "--json")

    assert rows(there) == rows(back) == rows(copy(server.database, database, "--json"))
    assert rows(there)[f"{client.account} contacts"] == CONTACTS
    assert [check for check in run_cli("doctor", "--database", between) if not check["ok"]] == []


def test_a_copy_is_served_like_its_source(
    source: tuple[Server, Client], database: str, connect: Callable[..., Client]
) -> None:
    server, client = source
    copy(server.database, database)

    def answers(database: str) -> list[Any]:
        with serving(Settings(database=database)) as running:
            there = Client(connect(to=running).http, client.account, client.key, client.token)
            there.http.auth = (client.key, client.token)
            made, *_ = there.get("/lists").json()["response"]
            again = there.request("POST", "/lists", json=KEYED, headers=KEY)
            paths = ["/contacts?limit=5000", f"/lists/{made['data']['sid']}/contacts?offset=100&limit=50"]
            return [again.content, *(there.request("GET", path).json()["response"] for path in paths)]

    assert answers(database) == answers(server.database)


def test_an_upload_under_way_goes_on_once_its_folder_is_where_the_copy_says(
    database: str, tmp_path: Path, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALBOOK_UPLOAD_FOLDER", str(tmp_path / "uploads"))
    before, after = (
        Settings(database=url, upload_folder=str(tmp_path / "uploads"))
        for url in (f"sqlite:///{tmp_path / 'source.db'}", database)
    )
    with serving(before) as server:
        connect(to=server).upload(f"number\n{NUMBERS[0]}\n".encode())

    result = copy(before.database, after.database)
    here, there = (open_spool(each.upload_folder, each.database).folder for each in (before, after))

    assert f"1 upload under way, with files in {here}. " in result.stderr
    assert f"move that folder to {there}, " in result.stderr
    here.rename(there)
    with serving(after) as server:
        work_off(server)
    assert ask(path_of(database), "SELECT status, success FROM uploads") == [("completed", 1)]


def test_an_interrupted_copy_goes_on(source: tuple[Server, Client], database: str) -> None:
    server, client = source
    copy(server.database, database)
    _remove_the_end(database, client.account)

    result = copy(server.database, database)

    assert result.exit_code == 0, result.output
    assert "DIFFERENT" not in result.stdout


def _remove_the_end(database: str, account: str) -> None:
    """Leave what a copy that was killed in the middle of the contacts would have left."""
    connection = beside(database)
    connection.execute(
        """
        DELETE FROM member_blocks WHERE account = :account;
        DELETE FROM members WHERE account = :account;
        DELETE FROM lists WHERE account = :account;
        DELETE FROM contacts WHERE account = :account AND sid > (
            SELECT c.sid FROM contacts AS c WHERE c.account = :account ORDER BY c.sid LIMIT 1 OFFSET 99
        );
        DELETE FROM contact_names WHERE account = :account AND sid NOT IN (
            SELECT c.sid FROM contacts AS c WHERE c.account = :account
        );
        INSERT INTO name_trigrams (name_trigrams) VALUES ('rebuild')
        """,
        {"account": account},
    )
    connection.close()


OTHERS = {
    "contacts": "UPDATE contacts SET tag = 'other' WHERE account = :account AND number = :number",
    "api_keys": "UPDATE api_keys SET name = 'theirs' WHERE account = :account AND key = :key",
    "lists": "INSERT INTO lists (account, sid, name, type, created, updated, search_key) VALUES "
    "('second', 'f', 'Their own', 'static', '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z', '')",
    "third": "INSERT INTO accounts (account, region, created) VALUES ('third', 'IN', '2026-01-01T00:00:00Z')",
}


@pytest.mark.parametrize("named", OTHERS)
def test_a_target_that_has_something_else_is_refused_and_left_as_it_is(
    named: str, source: tuple[Server, Client], database: str
) -> None:
    server, client = source
    copy(server.database, database)
    _change(database, OTHERS[named], account=client.account, number=NUMBERS[7], key=client.key)
    before = _dump(database)

    result = copy(server.database, database)

    assert result.exit_code == 1
    assert named in result.stderr
    assert "Nothing was written." in result.stderr
    assert _dump(database) == before


def test_a_difference_is_told(source: tuple[Server, Client], database: str) -> None:
    server, client = source
    run_cli("migrate", "--database", database)
    _change(
        database,
        """
        CREATE TRIGGER meddler AFTER INSERT ON contacts WHEN NEW.tag IS NULL
        BEGIN UPDATE contacts SET tag = 'other' WHERE account = NEW.account AND sid = NEW.sid; END
        """,
    )

    result = copy(server.database, database)

    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "DIFFERENT" in line]
    assert line.split()[:3] == [client.account, "contacts", str(CONTACTS)]
    assert "begin anew" in result.stderr


def test_an_account_that_has_gone_meanwhile_is_not_brought_back(database: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path / 'source.db'}"
    for account in ("going", "staying"):
        run_cli("account", "create", account, "--database", source)
    copy(source, database)
    run_cli("account", "delete", "going", "--yes", "--database", source)

    result = copy(source, database)

    assert result.exit_code == 1
    assert "accounts that the source has not, as 'going'" in result.stderr


def _change(database: str, sql: str, **values: str) -> None:
    with closing(beside(database)) as connection:
        connection.execute(sql, values)


def _dump(database: str) -> list[str]:
    with closing(sqlite3.connect(path_of(database))) as connection:
        return list(connection.iterdump())


def test_what_cannot_be_copied_is_refused(database: str, tmp_path: Path) -> None:
    nothing = f"sqlite:///{tmp_path / 'nothing.db'}"

    assert "to itself" in copy(database, database).output
    assert "There is no database" in copy(nothing, database).output
    assert "cannot be opened" in copy("mysql://x", database).output
