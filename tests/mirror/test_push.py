"""`dialbook push`: an account on a server becomes what a local book is."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from dialbook.client import Client
from tests.client.conftest import address, fill
from tests.conftest import NUMBERS, Server, execute, run_cli, work_off
from tests.conftest import Client as Caller
from tests.mirror.conftest import Mirror, opened, saved
from tests.mirror.test_pull import changes, rows


@pytest.fixture
def full(mirror: Mirror) -> Mirror:
    """Both sides hold the same: 25 contacts in a list, and a list without any."""
    fill(mirror.client, 25)
    mirror.client.create_lists([{"name": "Empty", "tag": "t"}])
    mirror.pull()
    return mirror


@pytest.fixture
def empty(full: Mirror, there: Server, new_client: Callable[..., Caller]) -> Iterator[Mirror]:
    """The same book, and another account on the server, which is empty."""
    caller = new_client(there)
    url = address(there, caller)
    with Client(url) as client:
        yield Mirror(client, saved(full.home, url), full.account, full.there, full.here, full.home)


def test_everything_arrives(empty: Mirror, full: Mirror) -> None:
    report = empty.push("--account", full.account)

    assert rows(report)["contacts"] == (25, 25)
    assert changes(report) == {"contacts made": 25, "members added": 25}
    assert [each.number for each in empty.client.iter_members(empty.client.list_lists().items[0].sid)] == NUMBERS[:25]


def test_a_second_run_changes_nothing(empty: Mirror, full: Mirror) -> None:
    empty.push("--account", full.account)

    assert changes(empty.push("--account", full.account)) == {}


def test_what_differs_is_put_right(full: Mirror) -> None:
    friends, _ = full.client.list_lists()
    sids = [each.sid for each in full.client.iter_contacts()]
    full.client.update_contact(sids[0], tag="vip")
    full.client.delete_contact(sids[1])
    full.client.create_contacts([{"number": NUMBERS[30]}])
    full.client.update_list(friends.sid, tag="new")
    full.client.create_lists([{"name": "Extra"}])

    report = full.push("--yes")

    assert changes(report) == {
        "contacts made": 1,
        "contacts changed": 1,
        "contacts removed": 1,
        "lists removed": 1,
        "members removed": 23,
        "members added": 24,
    }
    full.check()


def test_a_list_of_another_type_takes_the_place_of_one(full: Mirror) -> None:
    execute(
        full.here,
        "UPDATE lists SET type = 'dynamic' WHERE account = :account AND name = 'Friends'",
        account=full.account,
    )

    full.push("--yes")

    full.check()


@pytest.fixture
def dues(mirror: Mirror, caller: Caller, there: Server) -> Mirror:
    """Both sides have a dynamic list that keeps something of each of its four members."""
    rows = "".join(f"{number},{due}\n" for due, number in enumerate(NUMBERS[:4]))
    caller.upload(f"number,due\n{rows}".encode(), "Dues", type="dynamic")
    work_off(there)
    mirror.pull()
    return mirror


def members(client: Client) -> dict[str | None, Any]:
    """Who is in the only list, in order, and what is shown of each."""
    (found,) = client.list_lists()
    return {each.number: each.custom_field for each in client.iter_members(found.sid)}


def test_who_stays_in_a_dynamic_list_stays_what_he_is_in_it(dues: Mirror) -> None:
    (found,) = dues.client.list_lists()
    before = members(dues.client)
    for member in [*dues.client.iter_members(found.sid)][:2]:
        dues.client.remove_member(found.sid, member.sid)
    with opened(dues.here, dues.account) as book:
        (here,) = book.list_lists()
        book.remove_member(here.sid, next(book.iter_members(here.sid)).sid)

    result = dues.run("push", "--to", dues.url, "--yes", "--json")

    report = msgspec.json.decode(result.stdout)
    assert result.exit_code == 1
    assert changes(report) == {"members added": 1}
    assert {each["what"] for each in report["refused"]} == {"order of Dues", f"member {NUMBERS[1]} of Dues"}
    assert list(members(dues.client).items()) == [
        *((number, before[number]) for number in NUMBERS[2:4]),
        (NUMBERS[1], None),
    ]


def test_what_a_dynamic_list_keeps_of_somebody_is_told_where_it_differs(dues: Mirror) -> None:
    same = dues.run("push", "--to", dues.url, "--yes")
    with opened(dues.here, dues.account) as book:
        (here,) = book.list_lists()
    execute(
        dues.here,
        "UPDATE members SET variables = :changed WHERE account = :account AND list = :list AND position = 2",
        account=dues.account,
        list=here.sid,
        changed='{"due":"9"}',
    )
    other = dues.run("push", "--to", dues.url)

    assert (same.exit_code, same.stderr) == (0, "")
    assert other.exit_code == 1
    assert f"Refused: member {NUMBERS[2]} of Dues: What the list keeps of it differs" in other.stderr


def test_a_dynamic_list_gives_way_to_no_static_one(dues: Mirror) -> None:
    execute(dues.here, "UPDATE lists SET type = 'static' WHERE account = :account", account=dues.account)
    before = members(dues.client)

    result = dues.run("push", "--to", dues.url, "--yes")

    assert result.exit_code == 1
    assert "Refused: list Dues: It is dynamic on the server" in result.stderr
    assert members(dues.client) == before


def test_an_account_with_something_in_it_is_asked_about(full: Mirror) -> None:
    full.client.create_contacts([{"number": NUMBERS[30]}])

    refused = full.run("push", "--to", full.url, input="n\n")
    taken = full.run("push", "--to", full.url, input="y\n")

    assert refused.exit_code == 1
    said = f"Delete there what account {full.account} does not have: 1 contact and 0 lists? [y/N]"
    assert f"The server holds 26 contacts and 2 lists. {said}" in refused.stderr
    assert (taken.exit_code, full.run("push", "--to", full.url).exit_code) == (0, 0)
    full.check()


def test_a_book_that_was_made_anew_is_asked_about(full: Mirror) -> None:
    full.push("--yes")
    same = full.run("push", "--to", full.url)
    execute(
        full.here,
        "UPDATE accounts SET created = :later WHERE account = :account",
        later="2099-01-05T09:00:00Z",
        account=full.account,
    )

    refused = full.run("push", "--to", full.url)

    assert (same.exit_code, refused.exit_code) == (0, 1)
    assert "does not have: 0 contacts and 0 lists?" in refused.stderr


def test_an_empty_book_does_not_empty_the_server_in_silence(full: Mirror) -> None:
    full.push("--yes")
    for command in (["delete", full.account, "--yes"], ["create", full.account]):
        run_cli("account", *command, "--database", full.here)

    refused = full.run("push", "--to", full.url)

    assert refused.exit_code == 1
    assert "does not have: 25 contacts and 2 lists?" in refused.stderr
    assert full.client.list_contacts(limit=1).total == 25


def test_more_than_half_is_asked_about_each_time(empty: Mirror, full: Mirror) -> None:
    empty.push("--account", full.account)
    with opened(full.here, full.account) as book:
        sids = [contact.sid for contact in book.iter_contacts()]
        for sid in sids[:12]:
            book.delete_contact(sid)
        half = empty.run("push", "--to", empty.url, "--account", full.account)
        for sid in sids[12:19]:
            book.delete_contact(sid)
        more = empty.run("push", "--to", empty.url, "--account", full.account)

    assert (half.exit_code, more.exit_code) == (0, 1)
    assert "The server holds 13 contacts and 2 lists. Delete there" in more.stderr
    assert empty.client.list_contacts(limit=1).total == 13


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_a_book_that_is_not_there_is_one_line(options: list[str], full: Mirror) -> None:
    result = full.run("push", "--to", full.url, "--account", "nobody", *options)

    assert (result.exit_code, result.stderr) == (1, "Error: There is no account 'nobody'.\n")
