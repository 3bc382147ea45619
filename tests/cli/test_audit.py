"""`dialbook audit`: what is looked for is found, and whatever somebody did to the log is noticed."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from dialbook.cli.database import write
from dialbook.cli.main import dialbook
from dialbook.model.audit import Author, Effect, Entry, Head, Via, write_runs
from dialbook.store.accounts import create_account
from dialbook.store.audit import note
from dialbook.store.audit_log import CHUNK
from dialbook.store.engines import open_database
from tests.conftest import NUMBERS, Client, Server, execute, run_cli

OPERATE = Path(__file__).parents[2] / "docs/operate.md"
COLUMNS = [*(field for field in Entry.__struct_fields__ if field not in ("account", "number")), "hash"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dialbook, ["audit", *arguments], catch_exceptions=False)


@pytest.fixture
def logged(api: Client) -> tuple[Client, str]:
    """An account with seven entries, and the sid of a contact."""
    contact, _ = api.create_contacts({"number": NUMBERS[0]}, {"number": NUMBERS[1]})
    for tag in "abc":
        api.put(f"/contacts/{contact['sid']}", {"tag": tag})
    api.delete(f"/contacts/{contact['sid']}")
    return api, contact["sid"]


Logged = tuple[Client, str]


def query(server: Server, account: str, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run_cli("audit", "query", account, *options, "--database", server.database)
    return found


def broken(server: Server, account: str, *options: str) -> str:
    """What is said of a log that is not whole."""
    result = run("verify", account, *options, "--database", server.database)
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if line.startswith(account)]
    return line.partition("BROKEN: ")[2]


def broken_in_all(server: Server) -> dict[str, str]:
    """What is said of all logs that are not whole."""
    result = run("verify", "--json", "--database", server.database)
    found = {each["account"]: each["broken"] for each in json.loads(result.stdout) if each["broken"]}
    assert result.exit_code == (1 if found else 0)
    return found


def doctor_on_log(server: Server, account: str) -> tuple[bool, str]:
    result = CliRunner().invoke(dialbook, ["doctor", "--json", "--database", server.database])
    (check,) = [check for check in json.loads(result.stdout) if check["name"] == f"{account}: audit log"]
    return check["ok"], check["found"]


def statement_of(beginning: str) -> str:
    """The statement in docs/operate.md that begins so."""
    _, found, rest = OPERATE.read_text().partition(beginning)
    return found + rest.partition(";")[0]


def head(server: Server, account: str) -> str:
    (found,) = run_cli("audit", "verify", account, "--database", server.database)
    return str(found["head"])


def places(server: Server, account: str) -> list[Head]:
    """The chain after each of its entries."""
    chain = [Head(0, "")]
    for found in query(server, account, "--all")[::-1]:
        entry = Entry(**found | {"touched": write_runs(found["touched"])})
        chain.append(Head(entry.number, entry.hash(chain[-1].hash)))
    return chain


# Looking for entries


def test_the_newest_come_first_and_as_many_as_are_asked_for(logged: Logged, server: Server) -> None:
    client, _ = logged

    found = query(server, client.account, "--limit", "3")

    assert [entry["number"] for entry in found] == [7, 6, 5]
    assert len(query(server, client.account)) == len(query(server, client.account, "--all")) == 7


def test_each_condition_finds_what_it_says(logged: Logged, server: Server, connect: Callable[..., Client]) -> None:
    client, sid = logged
    other = connect(client.account)
    other.create_contacts({"number": NUMBERS[2]})

    def numbers(*options: str) -> list[int]:
        return [entry["number"] for entry in query(server, client.account, *options)]

    assert numbers("--key", client.key) == [7, 6, 5, 4, 3]
    assert numbers("--key", other.key) == [9]
    assert numbers("--sid", other.key) == [8]
    assert numbers("--action", "update_contact") == [6, 5, 4]
    assert numbers("--sid", sid) == [7, 6, 5, 4, 3]
    assert numbers("--sid", sid, "--action", "update_contact", "--limit", "2") == [6, 5]
    assert numbers("--sid", f"{int(sid, 16) + 1:032x}") == [3]
    assert numbers("--since", "2020-01-01", "--until", "2020-01-02T00:00:00Z") == []
    assert numbers("--since", query(server, client.account)[0]["moment"]) != []
    assert numbers("--until", query(server, client.account)[-1]["moment"]) == []
    assert numbers("--since", "2020-01-01") == numbers()


def test_an_action_that_nobody_took_is_answered_with_those_that_somebody_took(logged: Logged, server: Server) -> None:
    client, _ = logged

    done = run("query", client.account, "--action", "update_contacts", "--json", "--database", server.database)

    assert (done.exit_code, done.stdout) == (0, "[]\n")
    actions = "create_account, create_contacts, create_key, delete_contact, update_contact"
    assert done.stderr == f"No such entry. Actions that are in this log: {actions}.\n"


def test_more_than_are_read_at_once_come_once_and_in_order(api: Client, server: Server) -> None:
    made = api.create_list()
    for i in range(CHUNK + 5):
        api.put(f"/lists/{made['sid']}", {"tag": str(i)})

    found = query(server, api.account, "--all")

    assert [entry["number"] for entry in found] == list(range(CHUNK + 8, 0, -1))
    assert run("verify", api.account, "--database", server.database).exit_code == 0


def test_people_get_a_table(logged: Logged, server: Server) -> None:
    client, sid = logged

    result = run("query", client.account, "--database", server.database)

    first, *_, create, _, _ = result.stdout.splitlines()[1:]
    assert first.split()[0] == "7"
    assert first.endswith(sid)
    assert create.endswith(f"{sid} and 1 other")


def test_the_command_line_is_named(server: Server) -> None:
    run_cli("account", "create", "made-here", "--database", server.database)
    key = run_cli("key", "create", "made-here", "--name", "Canary", "--database", server.database)["api_key"]
    run_cli("key", "revoke", "made-here", key, "--database", server.database)
    run_cli("account", "delete", "made-here", "--yes", "--database", server.database)

    found = query(server, "made-here")[::-1]

    assert [(entry["via"], entry["action"], entry["touched"]) for entry in found] == [
        ("command line", "create_account", []),
        ("command line", "create_key", [key]),
        ("command line", "revoke_key", [key]),
        ("command line", "delete_account", []),
    ]
    assert "Canary" not in str(found)
    run_cli("account", "create", "made-here", "--database", server.database)
    assert [entry["number"] for entry in query(server, "made-here")] == [5, 4, 3, 2, 1]


# Seeing that it is whole


def test_a_whole_log_is_said_to_be_whole(logged: Logged, server: Server) -> None:
    client, _ = logged

    (found,) = run_cli("audit", "verify", client.account, "--database", server.database)

    assert (found["entries"], found["pruned"], found["broken"]) == (7, 0, None)
    assert found["head"].startswith("7:")
    assert run("verify", client.account, "--head", found["head"], "--database", server.database).exit_code == 0
    checks = run_cli("doctor", "--database", server.database)
    assert [check["ok"] for check in checks if check["name"] == f"{client.account}: audit log"] == [True]


@pytest.mark.parametrize("column", COLUMNS)
def test_an_entry_that_is_not_what_was_written_is_named(column: str, logged: Logged, server: Server) -> None:
    client, _ = logged
    before = head(server, client.account)
    is_text = column not in ("succeeded", "failed", "refusal")
    change = f"substr({column}, 1, length({column}) - 1) || 'X'" if is_text else f"COALESCE({column}, 0) + 1"

    sql = f"UPDATE audit_entries SET {column} = {change}"  # noqa: S608  # a name out of COLUMNS
    change_log(server, client.account, sql, "number = 5")

    assert broken(server, client.account) == "entry 5 is not what was written"
    assert broken(server, client.account, "--head", before) == "entry 5 is not what was written"
    result = CliRunner().invoke(dialbook, ["doctor", "--database", server.database])
    (line,) = [line for line in result.stdout.splitlines() if line.startswith(f"{client.account}: audit log")]
    assert line.split("WRONG")[1].strip() == "entry 5 is not what was written"
    _forget(server, client.account)


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        ("number = 1", "entry 1 is missing"),
        ("number = 4", "entry 4 is missing"),
        ("number = 7", "entry 7 is missing, and all that came after it"),
        ("number >= 5", "entry 5 is missing, and all that came after it"),
        ("number > 0", "entry 1 is missing, and all that came after it"),
    ],
)
def test_entries_that_are_gone_are_missed(gone: str, says: str, logged: Logged, server: Server) -> None:
    client, _ = logged

    change_log(server, client.account, "DELETE FROM audit_entries", gone)

    assert broken(server, client.account) == says
    _forget(server, client.account)


@pytest.mark.parametrize("account_is", ["there", "gone"])
def test_a_log_of_which_the_end_is_not_kept_is_named(account_is: str, logged: Logged, server: Server) -> None:
    client, _ = logged
    if account_is == "gone":
        run_cli("account", "delete", client.account, "--yes", "--database", server.database)

    execute(server.database, "DELETE FROM audit_chains WHERE account = :account", account=client.account)

    says = "where it ends is not kept any more"
    assert broken(server, client.account) == says
    assert broken_in_all(server) == {client.account: says}
    assert doctor_on_log(server, client.account) == (False, says)
    assert len(query(server, client.account, "--all")) == (8 if account_is == "gone" else 7)
    _forget(server, client.account)


def test_a_log_that_is_missing_as_a_whole_is_named(logged: Logged, server: Server) -> None:
    client, _ = logged

    for table in ("audit_chains", "audit_entries"):
        change_log(server, client.account, f"DELETE FROM {table}", "number > 0")  # noqa: S608  # one of two names

    refused = client.post("/contacts", {"contacts": [{"number": NUMBERS[5]}]})

    assert refused.status_code == 503
    assert broken(server, client.account) == "all of it is missing"
    assert broken_in_all(server) == {client.account: "all of it is missing"}
    assert doctor_on_log(server, client.account) == (False, "all of it is missing")
    anew = statement_of("INSERT INTO audit_chains (account, number, hash, pruned, pruned_hash) VALUES")
    execute(server.database, anew.replace("'acme'", ":account"), account=client.account)
    assert client.post("/contacts", {"contacts": [{"number": NUMBERS[5]}]}).status_code == 200
    assert [entry["number"] for entry in query(server, client.account)] == [1]


def test_nothing_is_changed_while_it_is_not_known_where_the_log_ends(logged: Logged, server: Server) -> None:
    """It goes on after the last entry once an operator says so, by the statement of docs/operate.md."""
    client, _ = logged
    execute(server.database, "DELETE FROM audit_chains WHERE account = :account", account=client.account)

    answers = [
        client.request("POST", "/contacts", json={"contacts": [{"number": NUMBERS[5]}]}, headers=headers)
        for headers in ({}, {"Idempotency-Key": "once"})
    ]
    made = CliRunner().invoke(dialbook, ["key", "create", client.account, "--database", server.database])

    says = "The account's audit log is damaged ('dialbook audit verify' says how): nothing can be changed until it is"
    for answer in answers:
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, False)
        assert says in answer.text
    assert (made.exit_code, made.stderr) == (1, f"Error: {says} mended.\n")
    assert client.get("/contacts").json()["metadata"]["total"] == 1
    mend = statement_of("INSERT INTO audit_chains").replace("'acme'", ":account")
    execute(server.database, mend, account=client.account)
    assert client.post("/contacts", {"contacts": [{"number": NUMBERS[5]}]}).status_code == 200
    assert run("verify", client.account, "--database", server.database).exit_code == 0
    assert [entry["number"] for entry in query(server, client.account)] == [8, 7, 6, 5, 4, 3, 2, 1]


def test_an_account_has_a_log_from_its_beginning_on(server: Server) -> None:
    """Also one that was made by what notes nothing."""
    made = f"made-{uuid4().hex}"
    with closing(open_database(server.database)) as db:
        write(db, create_account, made, region="IN", now=datetime.now(UTC))

    (found,) = run_cli("audit", "verify", made, "--database", server.database)

    assert (found["entries"], found["broken"]) == (0, None)


def test_a_beginning_that_somebody_else_cut_off_is_missed(logged: Logged, server: Server) -> None:
    client, _ = logged
    (third,) = [place for place in places(server, client.account) if place.number == 3]
    cut = "UPDATE audit_chains SET pruned = 3, pruned_hash = :hash"
    change_log(server, client.account, cut, "number > 0", hash=third.hash)
    change_log(server, client.account, "DELETE FROM audit_entries", "number <= 3")

    assert broken(server, client.account) == "no entry says that those up to entry 3 were pruned"
    _forget(server, client.account)


def test_a_log_that_was_written_anew_is_told_by_a_head_that_was_kept(logged: Logged, server: Server) -> None:
    """Whoever can write to the database can make a chain that is whole in itself."""
    client, _ = logged
    kept = head(server, client.account)
    _write_anew(server, client.account, until=7)
    anew = run("verify", client.account, "--database", server.database)
    changed = broken(server, client.account, "--head", kept)
    _write_anew(server, client.account, until=5)
    cut = broken(server, client.account, "--head", kept)

    assert anew.exit_code == 0
    assert changed == "entry 7 is another than the one that was written down"
    assert cut == "entry 6 is missing, and all that came after it"


def test_a_log_that_is_said_to_be_pruned_up_to_a_head_that_was_kept_is_told_by_it(
    logged: Logged, server: Server
) -> None:
    client, _ = logged
    kept = head(server, client.account)
    number, forged = int(kept.partition(":")[0]), "0" * 64
    change_log(server, client.account, "DELETE FROM audit_entries", "number > 0")
    cut = "UPDATE audit_chains SET hash = :hash, pruned = number, pruned_hash = :hash"
    change_log(server, client.account, cut, "number > 0", hash=forged)
    author, effect = Author(Via.JOB, datetime.now(UTC)), Effect([f"{number}:{forged}"], succeeded=number)
    with closing(open_database(server.database)) as db:
        write(db, note, client.account, author, "prune_audit", effect)

    assert run("verify", client.account, "--database", server.database).exit_code == 0
    says = f"entry {number} is another than the one that was written down"
    assert broken(server, client.account, "--head", kept) == says
    older = run("verify", client.account, "--head", f"{number - 1}:{forged}", "--database", server.database)
    assert (older.exit_code, older.stderr) == (
        1,
        f"Error: Entry {number - 1} was pruned: nothing is left to compare its hash with.\n",
    )


@pytest.mark.parametrize("command", ["query", "verify"])
def test_the_log_of_an_account_that_never_was_is_refused(command: str, server: Server) -> None:
    done = CliRunner().invoke(dialbook, ["audit", command, "nobody", "--database", server.database])

    assert (done.exit_code, done.output) == (1, "Error: There is no account 'nobody'.\n")


def test_a_head_that_is_none_is_refused(logged: Logged, server: Server) -> None:
    client, _ = logged

    for none in ("7", ""):
        result = run("verify", client.account, "--head", none, "--database", server.database)
        assert (result.exit_code, f"--head is '{none}'" in result.stderr) == (2, True)
    assert "Give the account" in run("verify", "--head", f"7:{'0' * 64}", "--database", server.database).stderr


def change_log(server: Server, account: str, change: str, which: str, **params: object) -> None:
    """Change some of an account's log behind Dialbook's back."""
    execute(server.database, f"{change} WHERE account = :account AND {which}", account=account, **params)


def _write_anew(server: Server, account: str, until: int) -> None:
    """Take all keys out of the log, and all entries after one, and make the hashes anew."""
    place = Head(0, "")
    for found in query(server, account, "--all")[::-1][:until]:
        entry = Entry(**found | {"touched": write_runs(found["touched"]), "key": None})
        place = Head(entry.number, entry.hash(place.hash))
        change = "UPDATE audit_entries SET key = NULL, touched = :touched, hash = :hash"
        change_log(
            server, account, change, "number = :number", touched=entry.touched, hash=place.hash, number=place.number
        )
    change_log(server, account, "DELETE FROM audit_entries", "number > :number", number=until)
    change = "UPDATE audit_chains SET number = :until, hash = :hash"
    change_log(server, account, change, "number > 0", until=until, hash=place.hash)


def _forget(server: Server, account: str) -> None:
    """Leave no broken log to the tests that look at all of them."""
    change_log(server, account, "DELETE FROM audit_entries", "number > 0")
    anew = "INSERT INTO audit_chains (account, number, hash, pruned, pruned_hash) VALUES (:account, 0, '', 0, '')"
    on_conflict = "ON CONFLICT (account) DO UPDATE SET number = 0, hash = '', pruned = 0, pruned_hash = ''"
    execute(server.database, f"{anew} {on_conflict}", account=account)


def test_nobodys_log_is_there_before_anybody_was_refused(database: str) -> None:
    run_cli("account", "create", "acme", "--database", database)

    assert run_cli("audit", "query", "-", "--database", database) == []
    (found,) = run_cli("audit", "verify", "-", "--database", database)
    assert (found["entries"], found["broken"]) == (0, None)
