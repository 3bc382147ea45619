"""`dialbook pull`: a local book becomes what an account on a server is, and stays so, run after run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.types import ASGIApp, Receive, Scope, Send

from dialbook.cli.main import dialbook
from dialbook.client import Client, Contact
from dialbook.settings import Settings
from tests.client.conftest import address, fill
from tests.client.peer import peer, refusal
from tests.conftest import NUMBERS, Server, execute, run_cli, serving, work_off
from tests.conftest import Client as Caller
from tests.mirror.conftest import Mirror, content, new_home, saved


def changes(report: dict[str, Any]) -> dict[str, int]:
    return {what: count for what, count in report["changes"].items() if count}


def rows(report: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {line["what"]: (line["there"], line["here"]) for line in report["counts"]}


def members(mirror: Mirror, list_sid: str) -> list[Contact]:
    return list(mirror.client.iter_members(list_sid))


def test_everything_arrives(mirror: Mirror, caller: Caller, there: Server) -> None:
    fill(mirror.client, 45)
    mirror.client.create_lists([{"name": "Empty", "tag": "t"}])
    mirror.client.create_contacts([{"number": NUMBERS[50], "first_name": "Ünal", "custom_field": {"a": [1, None]}}])
    caller.upload(f"number,city\n{NUMBERS[0]},Kochi\n{NUMBERS[60]},\n".encode(), "Dynamic", type="dynamic")
    work_off(there)

    report = mirror.pull()

    assert rows(report) == {
        "contacts": (47, 47),
        "lists": (3, 3),
        "members of Friends": (45, 45),
        "members of Empty": (0, 0),
        "members of Dynamic": (2, 2),
    }
    assert report["refused"] == []
    mirror.check()


def test_a_profile_knows_the_key_and_the_token(mirror: Mirror, caller: Caller, there: Server) -> None:
    plain = f"{there.url}/v2/accounts/{caller.account}"
    add = ["profile", "add", "work", plain, "--key", caller.key]
    assert CliRunner(env=mirror.home).invoke(dialbook, add, input=f"{caller.token}\n").exit_code == 0

    by_name, by_address = (mirror.run("pull", "--from", given, "--json") for given in ("work", plain))
    unknown = mirror.run("pull", "--from", f"{there.url}/v2/accounts/nobody")

    assert (by_name.exit_code, by_address.exit_code, unknown.exit_code) == (0, 0, 1)
    assert "No profile has the key and token of" in unknown.stderr


def test_an_empty_account_is_an_empty_book(mirror: Mirror) -> None:
    assert rows(mirror.pull()) == rows(mirror.pull()) == {"contacts": (0, 0), "lists": (0, 0)}
    mirror.check()


def test_a_second_run_changes_nothing(mirror: Mirror) -> None:
    fill(mirror.client, 45)
    mirror.pull()
    before = content(mirror.here, mirror.account)

    assert changes(mirror.pull()) == {}
    assert content(mirror.here, mirror.account) == before


def test_what_it_changes_is_in_the_audit_log(mirror: Mirror) -> None:
    fill(mirror.client, 45)
    mirror.pull()

    log = run_cli("audit", "query", mirror.account, "--all", "--database", mirror.here)
    mirror.pull()

    assert {entry["via"] for entry in log} == {"command line"}
    assert {entry["action"] for entry in log} >= {"create_account", "put_contacts", "put_list", "join"}
    assert len({sid for entry in log if entry["action"] == "put_contacts" for sid in entry["touched"]}) == 45
    again = run_cli("audit", "query", mirror.account, "--all", "--database", mirror.here)
    assert {entry["action"] for entry in again[: -len(log)]} <= {"put_list"}


def test_a_second_run_moves_what_changed(mirror: Mirror) -> None:
    list_sid, sids = fill(mirror.client, 45)
    mirror.pull()
    mirror.client.update_contact(sids[3], first_name="Asha", tag="vip")
    mirror.client.create_contacts([{"number": NUMBERS[50]}])
    mirror.client.remove_member(list_sid, sids[10])
    mirror.client.update_list(list_sid, tag="new")

    assert changes(mirror.pull()) == {"contacts made": 1, "contacts changed": 1, "members removed": 1}
    mirror.check()


def test_what_left_the_server_leaves_the_book(mirror: Mirror) -> None:
    _, sids = fill(mirror.client, 45)
    other, _ = mirror.client.create_lists([{"name": "Gone"}, {"name": "Stays"}]).raise_for_failures()
    mirror.pull()
    for sid in sids[:3]:
        mirror.client.delete_contact(sid)
    mirror.client.delete_list(other.sid)

    assert changes(mirror.pull()) == {"contacts removed": 3, "lists removed": 1}
    mirror.check()


def test_as_many_as_left_came_and_that_is_seen(mirror: Mirror) -> None:
    list_sid, sids = fill(mirror.client, 25)
    mirror.pull()
    mirror.client.delete_contact(sids[0])
    mirror.client.create_contacts([{"number": NUMBERS[30]}])
    mirror.client.update_contact(sids[1], number=NUMBERS[31])
    mirror.client.remove_member(list_sid, sids[2])
    mirror.client.add_members(list_sid, [sids[2]])

    mirror.pull()

    mirror.check()


@pytest.mark.parametrize("leaving", [0, 1])
def test_a_number_that_somebody_else_has_now_leads_to_its_new_owner(leaving: int, mirror: Mirror) -> None:
    """The list does not tell, neither by its date nor by its count."""
    _, sids = fill(mirror.client, 25)
    made, _ = mirror.client.create_lists([{"name": "One"}, {"name": "Later"}]).raise_for_failures()
    mirror.client.add_members(made.sid, [sids[0]])
    # A list that is as new as anything else is read again in any case.
    execute(
        mirror.there,
        "UPDATE lists SET updated = '2026-01-05T09:00:00Z' WHERE account = :account",
        account=mirror.account,
    )
    mirror.pull()
    mirror.client.update_contact(sids[0], number=NUMBERS[40])
    mirror.client.create_contacts([{"number": NUMBERS[0], "first_name": "Asha"}])
    for sid in sids[5 : 5 + leaving]:  # so that all contacts are read
        mirror.client.delete_contact(sid)

    mirror.pull()

    mirror.check()


def test_a_list_that_was_renamed_and_one_that_took_its_name(mirror: Mirror) -> None:
    list_sid, _ = fill(mirror.client, 3)
    mirror.pull()
    mirror.client.update_list(list_sid, name="Kin")
    mirror.client.create_lists([{"name": "Friends", "type": "dynamic"}])

    mirror.pull()

    mirror.check()


def test_what_was_changed_in_the_book_is_put_right(mirror: Mirror) -> None:
    fill(mirror.client, 25)
    mirror.pull()
    execute(
        mirror.here,
        "UPDATE contacts SET first_name = 'X' WHERE account = :account AND number = :number",
        account=mirror.account,
        number=NUMBERS[7],
    )

    assert changes(mirror.pull()) == {"contacts changed": 1}
    mirror.check()


def test_what_a_dynamic_list_keeps_of_a_member_follows(mirror: Mirror, caller: Caller, there: Server) -> None:
    mirror.client.create_contacts([{"number": NUMBERS[0], "custom_field": {"own": 1}}])
    for row in ("Kochi", "Pune"):
        caller.upload(f"number,city\n{NUMBERS[0]},{row}\n".encode(), "Dynamic", type="dynamic", on_duplicate="update")
        work_off(there)

        mirror.pull()

        assert content(mirror.here, mirror.account)["members"]["Dynamic"][0]["custom_field"] == {"city": row}
        mirror.check()


def test_a_number_that_no_plan_allows_is_told_and_is_a_difference(mirror: Mirror, there: Server) -> None:
    list_sid, sids = fill(mirror.client, 3)
    for number, sid in (("12", sids[1]), ("098450 00000", sids[2])):  # the second is the first contact's
        execute(
            there.database,
            "UPDATE contacts SET number = :number WHERE account = :account AND sid = :sid",
            account=mirror.account,
            number=number,
            sid=sid,
        )

    results = [mirror.run("pull", "--from", mirror.url) for _ in range(2)]

    for result in results:
        assert result.exit_code == 1, result.output
        assert ["contacts", "3", "1", "DIFFERENT"] in [line.split() for line in result.stdout.splitlines()]
        assert f"Refused: contact {sids[1]}: number '12' is not a phone number" in result.stderr
    assert len(members(mirror, list_sid)) == 3


def test_a_book_with_something_in_it_is_asked_about_once(mirror: Mirror) -> None:
    fill(mirror.client, 2)
    mirror.pull()
    other = Mirror(mirror.client, mirror.url, mirror.account, mirror.there, mirror.here, {**mirror.home})
    other.home["XDG_STATE_HOME"] += "-new"
    mirror.client.delete_contact(mirror.client.list_contacts().items[0].sid)

    refused = other.run("pull", "--from", other.url, input="n\n")
    taken = other.run("pull", "--from", other.url, input="y\n")

    assert refused.exit_code == 1
    assert "holds 2 contacts and 1 list. Remove what the server does not have?" in refused.stderr
    assert taken.exit_code == 0
    assert "Remove" not in other.run("pull", "--from", other.url).stderr
    mirror.check()


def test_full_reads_everything(mirror: Mirror) -> None:
    fill(mirror.client, 25)
    mirror.pull()

    assert changes(mirror.pull("--full")) == {}
    mirror.check()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nobody", "There is no profile 'nobody'. Saved are: http"),
        ("http://127.0.0.1:1/v2/accounts/acme", "No profile has the key and token of"),
        ("https://key:s3cret@example.com/v2/accounts/acme", "without key and token, which dialbook profile add"),
        ("https://key:s3cr/ettoken@example.com/v2/accounts/acme", "is to be without key and token"),
        ("http://key:s3cret@[::1/v2/accounts/acme", "is to be without key and token"),
    ],
)
@pytest.mark.parametrize("command", [["pull", "--from"], ["push", "--to"]])
def test_a_server_that_is_none_is_one_line(command: list[str], source: str, said: str, mirror: Mirror) -> None:
    result = mirror.run(*command, source)

    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert "s3cr" not in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Error: Who are you?"),
        (["--region", "zz"], "Error: Region 'ZZ' is no"),
        (["--account", "a b"], "Error: Account sid 'a b' must be"),
        (["--account", ""], "Error: Account sid '' must be"),
    ],
)
def test_a_pull_that_cannot_begin_leaves_no_database(options: list[str], said: str, tmp_path: Path) -> None:
    here = tmp_path / "here.db"
    home = new_home(tmp_path)
    with peer(refusal(401, 1010, description="Who are you?")) as there:
        command = ["pull", "--from", saved(home, there.url), "--database", f"sqlite:///{here}", *options]
        result = CliRunner(env=home).invoke(dialbook, command, catch_exceptions=False)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(said)
    assert not here.exists()


def test_what_was_changed_by_a_server_whose_clock_is_behind_is_not_missed(
    mirror: Mirror, caller: Caller, there: Server
) -> None:
    behind = datetime.now(UTC) - timedelta(minutes=10)
    with (
        serving(Settings(database=there.database), clock=lambda: behind) as late,
        Client(address(late, caller)) as client,
    ):
        _, sids = fill(client, 3)
        mirror.client.create_contacts([{"number": NUMBERS[3]}])
        mirror.pull()
        client.update_contact(sids[0], tag="late")

        mirror.pull()

    mirror.check()


def test_a_server_that_tells_changes_in_no_order_is_read_each_time(
    mirror: Mirror, caller: Caller, there: Server
) -> None:
    def unsorted(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            query = scope.get("query_string", b"").split(b"&")
            kept = b"&".join(part for part in query if not part.startswith(b"sort_by=date_updated"))
            await app({**scope, "query_string": kept}, receive, send)

        return call

    settings = Settings(database=there.database, page_limit=20)
    with serving(settings, before=unsorted) as other:
        mirror.url = saved(mirror.home, address(other, caller))
        _, sids = fill(mirror.client, 45)
        execute(
            mirror.there,
            "UPDATE contacts SET updated = :minute || substr(number, 12, 2) || 'Z' WHERE account = :account",
            minute="2026-01-05T09:00:",
            account=mirror.account,
        )
        mirror.pull()
        mirror.check()
        mirror.client.update_contact(sids[30], first_name="Asha")
        mirror.client.delete_contact(sids[3])
        mirror.client.create_contacts([{"number": NUMBERS[50]}])

        mirror.pull()

        mirror.check()
