"""Lists that a server names or tells as Dialbook does not, or that come and go during a run: none is lost by that."""

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count

import msgspec
import pytest
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook.client import encoding
from dialbook.mirror.book import Book
from dialbook.settings import Settings
from dialbook.store.engines import open_database
from tests.client.conftest import address, fill
from tests.conftest import NUMBERS, Server, execute, serving, work_off
from tests.conftest import Client as Caller
from tests.mirror.conftest import Mirror, saved
from tests.mirror.test_pull import changes, rows
from tests.mirror.test_questions import asking

pytestmark = [
    pytest.mark.sqlite,
    pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"]),
]


def make(mirror: Mirror, *names: str) -> list[str]:
    """Make lists; return their sids."""
    return [each.sid for each in mirror.client.create_lists({"name": name} for name in names).raise_for_failures()]


def rename(mirror: Mirror, sid: str, name: str) -> None:
    """Give a list a name on the server that Dialbook would not."""
    sql = "UPDATE lists SET name = :name WHERE account = :account AND sid = :sid"
    execute(mirror.there, sql, name=name, account=mirror.account, sid=sid)


def test_a_push_deletes_no_list_that_the_book_has_under_a_trimmed_name(
    mirror: Mirror, caller: Caller, there: Server
) -> None:
    caller.upload(f"number,due\n{NUMBERS[0]},7\n".encode(), "Dues", type="dynamic")
    work_off(there)
    (dues,) = mirror.client.list_lists()
    rename(mirror, dues.sid, "Dues ")
    mirror.pull()

    report = mirror.push("--yes")

    assert changes(report) == {}
    (member,) = mirror.client.iter_members(dues.sid)
    assert member.custom_field == {"due": "7"}


def test_a_push_leaves_and_names_the_lists_that_no_book_can_have(mirror: Mirror) -> None:
    _, long, second = sids = make(mirror, "Kin", "Long", "Second")
    rename(mirror, long, "x" * 256)
    rename(mirror, second, "Kin ")
    mirror.run("pull", "--from", mirror.url)

    result = mirror.run("push", "--to", mirror.url, "--yes", "--json")

    report = msgspec.json.decode(result.stdout)
    assert (result.exit_code, changes(report)) == (1, {})
    assert [each["what"] for each in report["refused"]] == [f"list {long}", f"list {second}"]
    assert report["refused"][1]["reason"] == "It stays on the server: Another list is named 'Kin', too."
    assert report["counts"][1] == {"what": "lists", "there": 3, "here": 1, "equal": False}
    assert [each.sid for each in mirror.client.iter_lists()] == sids


@pytest.fixture
def turned(mirror: Mirror, caller: Caller, there: Server) -> Iterator[set[int]]:
    """The passes through all lists, counted from 0, whose second page is of the reverse order; each side has 21."""
    make(mirror, *(f"List {n:02}" for n in range(21)))
    mirror.pull()
    turned: set[int] = set()
    passes = count()

    def before(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            query = scope.get("query_string", b"")
            if scope.get("path", "").endswith("/lists") and b"offset=19" in query and next(passes) in turned:
                scope["query_string"] = query + b"&sort_by=name:desc"
            await app(scope, receive, send)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        mirror.url = saved(mirror.home, address(other, caller))
        yield turned


def test_a_list_that_stood_on_no_page_is_looked_for_again(mirror: Mirror, turned: set[int]) -> None:
    turned |= {0, 1}

    report = mirror.pull("--yes")

    assert changes(report) == {}
    assert rows(report)["lists"] == (21, 21)
    mirror.check()


def test_no_list_is_deleted_while_it_is_not_known_which_are_there(mirror: Mirror, turned: set[int]) -> None:
    turned |= {0, 1, 2}

    result = mirror.run("pull", "--from", mirror.url, "--yes")

    assert result.exit_code == 1
    assert ["lists", "21", "21", "equal"] in [line.split() for line in result.stdout.splitlines()]
    assert "Run it again: Lists came or left each time that all were read: none was removed here." in result.stderr


def test_lists_that_come_and_go_while_a_push_asks_do_not_end_it(mirror: Mirror) -> None:
    make(mirror, "Made", "Gone")
    friends, (sid, *_) = fill(mirror.client, 3)
    mirror.pull()
    made, gone, _ = [each.sid for each in mirror.client.iter_lists()]
    mirror.client.delete_list(made)
    (extra,) = make(mirror, "Extra")
    mirror.client.remove_member(friends, sid)

    with asking(mirror, "push", "--to", mirror.url) as asked:
        make(mirror, "Made")
        mirror.client.delete_list(gone)
        mirror.client.delete_list(extra)
        os.write(asked.terminal, b"y\n")
        status, rest = asked.end()

    assert status == 1
    assert [said.partition(": ")[0] for said in rest.split("Refused: ")[1:]] == ["list Made", "list Gone"]
    assert mirror.client.get_list(friends).contact_count == 3


def test_a_list_that_is_deleted_while_it_is_read_is_gone(mirror: Mirror, caller: Caller, there: Server) -> None:
    gone, _ = fill(mirror.client, 3)
    make(mirror, "Stays")
    mirror.pull()

    def before(app: ASGIApp) -> ASGIApp:
        async def ignore(_: Message) -> None:
            pass

        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "")
            if path.endswith(f"/{gone}/contacts"):
                await app({**scope, "method": "DELETE", "path": path.removesuffix("/contacts")}, receive, ignore)
            await app(scope, receive, send)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        mirror.url = saved(mirror.home, address(other, caller))
        report = mirror.pull("--yes")

    assert changes(report) == {"lists removed": 1}
    assert rows(report) == {"contacts": (3, 3), "lists": (1, 1), "members of Stays": (0, 0)}
    mirror.check()


def test_a_list_that_is_deleted_in_the_book_during_a_pull_is_told_as_a_change(
    mirror: Mirror, caller: Caller, there: Server
) -> None:
    fill(mirror.client, 3)
    (last,) = make(mirror, "Last")
    mirror.pull()

    def before(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("path", "").endswith(f"/{last}/contacts"):
                with closing(open_database(mirror.here)) as db:
                    book = Book(db, mirror.account, lambda: datetime.now(UTC))
                    if friends := (await book.lists()).get("Friends"):
                        await book.delete_list(friends.sid)
            await app(scope, receive, send)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        result = mirror.run("pull", "--from", saved(mirror.home, address(other, caller)), "--yes")

    assert result.exit_code == 1
    assert ["members", "of", "Friends", "3", "0", "DIFFERENT"] in [line.split() for line in result.stdout.splitlines()]
    assert "Run it again: The book was changed by somebody else meanwhile." in result.stderr
    mirror.pull()
    mirror.check()


@contextmanager
def not_finding(mirror: Mirror, caller: Caller, there: Server, told: Mapping[str, bytes]) -> Iterator[None]:
    """Pull from a server that answers these paths below the account with 404 and such a body."""

    def before(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope.get("path", "").removeprefix(f"/v2/accounts/{caller.account}")
            answer: ASGIApp = Response(told[path], 404) if path in told else app
            await answer(scope, receive, send)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        mirror.url = saved(mirror.home, address(other, caller))
        yield


PROXY = b"<h1>Not Found</h1>"
SAID = msgspec.json.encode({"response": {"code": 404, "error_data": {"code": 1000}, "status": "failure"}})


@pytest.mark.parametrize(
    "told",
    [{"/lists/{}/contacts": PROXY}, {"/lists/{}/contacts": SAID}, {"/lists/{}/contacts": SAID, "/lists/{}": PROXY}],
)
def test_a_list_is_not_gone_until_the_server_itself_says_so(
    told: dict[str, bytes], mirror: Mirror, caller: Caller, there: Server
) -> None:
    sid, _ = fill(mirror.client, 3)
    mirror.pull()

    with not_finding(mirror, caller, there, {path.format(sid): body for path, body in told.items()}):
        result = mirror.run("pull", "--from", mirror.url, "--yes")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "404" in result.stderr or "Not Found" in result.stderr, result.stderr
    mirror.check()


def test_a_list_without_members_that_are_found_is_an_empty_one(mirror: Mirror, caller: Caller, there: Server) -> None:
    (sid,) = make(mirror, "Empty")
    mirror.pull()

    with not_finding(mirror, caller, there, {f"/lists/{sid}/contacts": SAID}):
        report = mirror.pull("--yes")

    assert changes(report) == {}
    mirror.check()


def test_a_list_that_goes_between_two_requests_of_a_push_does_not_end_it(
    mirror: Mirror, caller: Caller, there: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, sids = fill(mirror.client, 3)
    (stays,) = make(mirror, "Stays")
    mirror.client.add_members(stays, sids[:1])
    mirror.pull()
    for sid in sids:
        mirror.client.remove_member(gone, sid)
    mirror.client.remove_member(stays, sids[0])
    monkeypatch.setattr(encoding, "BULK_LIMIT", 2)
    requests = count(1)

    def before(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            is_joining = scope.get("method") == "POST" and scope["path"].endswith(f"/{gone}/contacts")
            if is_joining and next(requests) == 2:
                mirror.client.delete_list(gone)
            await app(scope, receive, send)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        result = mirror.run("push", "--to", saved(mirror.home, address(other, caller)), "--yes", "--json")

    report = msgspec.json.decode(result.stdout)
    reason = f"There is no list '{gone}'."
    assert (result.exit_code, report["refused"]) == (1, [{"what": "list Friends", "reason": reason}])
    assert mirror.client.get_list(stays).contact_count == 1


@contextmanager
def not_telling(mirror: Mirror, caller: Caller, there: Server, field: bytes, name: bytes) -> Iterator[None]:
    """Pull from a server that has another name, as long, for what it tells of lists, or of their members."""

    def before(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            async def untold(message: Message) -> None:
                if "body" in message and "/lists" in scope["path"]:
                    message["body"] = message["body"].replace(field, name)
                await send(message)

            await app(scope, receive, untold)

        return call

    with serving(Settings(database=there.database, page_limit=20), before=before) as other:
        mirror.url = saved(mirror.home, address(other, caller))
        yield


def test_a_list_whose_type_is_not_told_keeps_the_one_that_it_has(mirror: Mirror, caller: Caller, there: Server) -> None:
    caller.upload(f"number,due\n{NUMBERS[0]},7\n".encode(), "Dues", type="dynamic")
    work_off(there)
    mirror.pull()

    with not_telling(mirror, caller, there, b'"type":', b'"else":'):
        mirror.pull("--yes")

    mirror.check()


def test_members_whose_pages_tell_no_total_are_as_many_as_their_list_tells(
    mirror: Mirror, caller: Caller, there: Server
) -> None:
    fill(mirror.client, 25)

    with not_telling(mirror, caller, there, b'"total":', b'"whole":'):
        report = mirror.pull()

    assert rows(report)["members of Friends"] == (25, 25)
    mirror.check()
