"""`dialbook push`: an account on a server becomes what a local book is."""

from collections.abc import Callable, Iterator

import pytest

from dialbook.client import Client
from tests.client.conftest import address, fill
from tests.conftest import NUMBERS, Server, execute
from tests.conftest import Client as Caller
from tests.mirror.conftest import Mirror
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
        yield Mirror(client, url, full.account, full.there, full.here, full.home)


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


def test_an_account_with_something_in_it_is_asked_about(full: Mirror) -> None:
    full.client.create_contacts([{"number": NUMBERS[30]}])

    refused = full.run("push", "--to", full.url, input="n\n")
    taken = full.run("push", "--to", full.url, input="y\n")

    assert refused.exit_code == 1
    assert "The server holds 26 contacts and 2 lists. Delete there" in refused.stderr
    assert (taken.exit_code, full.run("push", "--to", full.url).exit_code) == (0, 0)
    full.check()


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_a_book_that_is_not_there_is_one_line(options: list[str], full: Mirror) -> None:
    result = full.run("push", "--to", full.url, "--account", "nobody", *options)

    assert (result.exit_code, result.stderr) == (1, "Error: There is no account 'nobody'.\n")
