"""What happens on a server between two requests of a pull, or before one that was broken off goes on."""

from collections.abc import Callable, Iterator

import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from dialbook.settings import Settings
from tests.client.conftest import address, fill
from tests.conftest import NUMBERS, Server, execute, serving
from tests.conftest import Client as Caller
from tests.mirror.conftest import Mirror, saved
from tests.mirror.test_pull import rows

OLD, LATER, NEW = "2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z", "2026-01-05T11:00:00Z"

pytestmark = [
    pytest.mark.sqlite,
    pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"]),
]

Act = Callable[[], ASGIApp | None]  # done before a request; it may give an answer in place of the server's


@pytest.fixture
def acts(mirror: Mirror, caller: Caller, there: Server) -> Iterator[dict[str, Act]]:
    """What is done, once, before the first request for a path below the account."""
    acts: dict[str, Act] = {}

    def before(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            act = acts.pop(scope.get("path", "").removeprefix(f"/v2/accounts/{caller.account}"), lambda: None)
            await (act() or app)(scope, receive, send)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        mirror.url = saved(mirror.home, address(other, caller))
        yield acts


def break_off() -> ASGIApp:
    return Response(status_code=401)


def date(mirror: Mirror, table: str, moment: str, sid: str = "%") -> None:
    """Say when the contacts or the lists of the server, or one of them, were made and changed."""
    sql = f"UPDATE {table} SET created = :moment, updated = :moment WHERE account = :account AND sid LIKE :sid"  # noqa: S608
    execute(mirror.there, sql, moment=moment, account=mirror.account, sid=sid)


@pytest.fixture
def lists(mirror: Mirror) -> list[str]:
    """The sids of two lists; the first has one contact of 25, and is not the one that was changed last."""
    _, sids = fill(mirror.client, 25)
    made = mirror.client.create_lists([{"name": "One"}, {"name": "Last"}]).raise_for_failures()
    mirror.client.add_members(made[0].sid, sids[:1])
    date(mirror, "contacts", OLD)
    date(mirror, "lists", OLD)
    date(mirror, "lists", NEW, made[1].sid)
    return [each.sid for each in made]


def take_number(mirror: Mirror, list_sid: str) -> None:
    """Give the number of who joined a list last to a new contact; neither its date nor its count tells that."""
    *_, owner = mirror.client.iter_members(list_sid)
    mirror.client.update_contact(owner.sid, number=NUMBERS[40])
    mirror.client.create_contacts([{"number": str(owner.number), "first_name": "Asha"}]).raise_for_failures()


def begin_pull(mirror: Mirror, *options: str) -> None:
    """Pull until it is broken off."""
    assert mirror.run("pull", "--from", mirror.url, *options).exit_code == 1


def pages(list_sid: str) -> str:
    return f"/lists/{list_sid}/contacts"


@pytest.mark.parametrize("leaving", [0, 1])
def test_a_number_that_somebody_else_has_when_a_first_pull_goes_on_leads_to_its_new_owner(
    leaving: int, mirror: Mirror, lists: list[str], acts: dict[str, Act]
) -> None:
    one, last = lists
    acts[pages(last)] = break_off
    begin_pull(mirror)
    take_number(mirror, one)
    for contact in mirror.client.list_contacts(offset=5, limit=1).items[:leaving]:  # so that all contacts are read
        mirror.client.delete_contact(contact.sid)

    mirror.pull()

    mirror.check()


def test_so_it_does_when_a_full_pull_goes_on(mirror: Mirror, lists: list[str], acts: dict[str, Act]) -> None:
    one, last = lists
    mirror.pull()
    acts[pages(last)] = break_off
    begin_pull(mirror, "--full")
    take_number(mirror, one)

    mirror.pull()

    mirror.check()


def test_so_does_the_number_of_who_was_made_and_joined_while_the_pull_was_at_work(
    mirror: Mirror, lists: list[str], acts: dict[str, Act]
) -> None:
    one, last = lists

    def join() -> None:
        (made,) = mirror.client.create_contacts([{"number": NUMBERS[30]}]).raise_for_failures()
        mirror.client.add_members(one, [made.sid]).raise_for_failures()
        date(mirror, "contacts", LATER, made.sid)
        date(mirror, "lists", LATER, one)

    acts |= {"/lists": join, pages(last): break_off}
    begin_pull(mirror)
    take_number(mirror, one)

    mirror.pull()

    mirror.check()


def test_a_number_that_moves_when_its_lists_were_read_leads_to_its_new_owner_the_next_time(
    mirror: Mirror, lists: list[str], acts: dict[str, Act]
) -> None:
    one, last = lists
    acts[pages(last)] = lambda: take_number(mirror, one)
    mirror.pull()

    mirror.pull()

    assert acts == {}
    mirror.check()


@pytest.mark.parametrize("there_are", [24, 26])
def test_who_leaves_or_joins_when_the_lists_were_read_makes_no_difference(
    there_are: int, mirror: Mirror, acts: dict[str, Act]
) -> None:
    friends, sids = fill(mirror.client, 25)
    (other,) = mirror.client.create_contacts([{"number": NUMBERS[30]}]).raise_for_failures()

    def move() -> None:
        if there_are < 25:
            mirror.client.remove_member(friends, sids[0])
        else:
            mirror.client.add_members(friends, [other.sid]).raise_for_failures()

    acts[pages(friends)] = move

    report = mirror.pull()

    assert rows(report)["members of Friends"] == (there_are, there_are)
    mirror.check()
