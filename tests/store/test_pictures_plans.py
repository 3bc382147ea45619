"""How both engines go about pictures, and pages amid all contacts: none looks through a book, or a list, to the end."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import apsw
import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactDraft
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.model.page import Sort, Window
from dialbook.store import accounts, contacts, lists, members
from dialbook.store.contact_ranks import moment_at
from dialbook.store.contact_search import search_contacts
from dialbook.store.contacts import EVERYONE
from dialbook.store.database import Tx
from dialbook.store.engines import open_database
from dialbook.store.growth import book_growth, list_growth
from dialbook.store.makeup import list_makeup
from dialbook.store.tallies import tally_contacts, top_tallies
from tests.conftest import NUMBERS
from tests.postgres import Postgres, ask
from tests.sqlite import beside
from tests.store.test_postgres_plans import Plan, planner, rows_of

NOW = datetime(2023, 1, 5, 9, tzinfo=UTC)
DAYS = 60  # on each of which so many contacts, each with a tag of its own, join a list
JOINING = 100


def fill(tx: Tx) -> str:
    accounts.create_account(tx, "acme", region=DEFAULT_REGION, now=NOW)
    (made,) = accepted(lists.create_lists(tx, "acme", [ListDraft("Everyone")], now=NOW))
    numbers = iter(NUMBERS)
    for day in range(DAYS):
        now = NOW + timedelta(days=day)
        drafts = [ContactDraft(number, tag=number) for number, _ in zip(numbers, range(JOINING), strict=False)]
        sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, "acme", drafts, now=now))]
        members.add_members(tx, "acme", made.sid, sids, limits=ListLimits(), now=now)
        members.remove_member(tx, "acme", made.sid, sids[-1], now=now)
    return made.sid


# Each function with its arguments; those of a list are given it first.
OF_BOOK: list[tuple[Callable[..., Any], tuple[object, ...]]] = [
    (top_tallies, ("country", 10)),
    (top_tallies, ("tag", 10)),
    (book_growth, ("2023-02-01", "2023-02-08")),
    (moment_at, (3000,)),
]
AMID_ALL = (search_contacts, (Window(3000, 20), Sort("date_created", descending=True), EVERYONE), 2)
OF_LIST: list[tuple[Callable[..., Any], tuple[object, ...]]] = [(list_growth, (10,)), (list_makeup, (50,))]


@pytest.fixture(scope="module")
def big(postgres: Postgres) -> Iterator[tuple[Plan, str]]:
    """A planner over a book with a big list."""
    url = postgres.create_book()
    with closing(open_database(url)) as db:
        list_sid = asyncio.run(db.write(fill))
    ask(url, "VACUUM ANALYZE")
    with planner(url) as plan:
        yield plan, list_sid


@pytest.mark.parametrize(
    ("fn", "arguments", "skip"),
    [(*each, 0) for each in OF_BOOK]
    + [AMID_ALL]
    + [(*OF_LIST[0], 0), (*OF_LIST[0], 1)]
    + [(*OF_LIST[1], i) for i in range(3)],
)
def test_postgres_touches_a_few_rows(
    fn: Callable[..., Any], arguments: tuple[object, ...], skip: int, big: tuple[Plan, str]
) -> None:
    plan, list_sid = big
    is_of_list = (fn, arguments) in OF_LIST

    nodes = plan(fn, *((list_sid,) if is_of_list else ()), *arguments, skip=skip)

    assert rows_of(nodes) <= 200
    scanned = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"}
    assert scanned <= {"books", "lists"}  # which have one row here


def forget_one(tx: Tx, account: str) -> None:
    """Tally one contact less."""
    (contact,) = contacts.find_by_number(tx, account, NUMBERS[7:8]).values()
    tally_contacts(tx, account, left=[contact], now=NOW)


def test_postgres_finds_what_nobody_has_any_more(big: tuple[Plan, str]) -> None:
    plan, _ = big

    def forget(tx: Tx, account: str) -> None:
        tx.run("SET default_transaction_read_only = off")
        forget_one(tx, account)

    nodes = plan(forget, skip=3)

    assert rows_of(nodes) <= 20
    assert not [node for node in nodes if node["Node Type"] == "Seq Scan"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[apsw.Connection, list[tuple[str, Any]]]]:
    """A connection to such a book, and the statements that all pictures of it were drawn with."""
    path = tmp_path_factory.mktemp("pictures") / "book.db"
    found: list[tuple[str, Any]] = []

    def trace(_: apsw.Cursor, sql: str, bindings: Any) -> bool:
        if sql.lstrip().startswith(("SELECT", "WITH", "DELETE")):
            found.append((sql, bindings))
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    with closing(open_database(f"sqlite:///{path}")) as db:
        list_sid = asyncio.run(db.write(fill))
    apsw.connection_hooks.append(watch)
    with closing(open_database(f"sqlite:///{path}")) as db:
        found.clear()
        for fn, arguments in OF_BOOK:
            asyncio.run(db.read(fn, "acme", *arguments))
        asyncio.run(db.read(AMID_ALL[0], "acme", *AMID_ALL[1]))
        for fn, arguments in OF_LIST:
            asyncio.run(db.read(fn, "acme", list_sid, *arguments))
        asyncio.run(db.write(forget_one, "acme"))
    apsw.connection_hooks.remove(watch)
    with closing(beside(path)) as connection:
        yield connection, found


def test_sqlite_looks_everything_up(asked: tuple[apsw.Connection, list[tuple[str, Any]]]) -> None:
    connection, statements = asked

    plans = [
        [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)] for sql, values in statements
    ]

    assert len(plans) == len(OF_BOOK) + 3 + 11 + 3 + 2
    scanned = {step for plan in plans for step in plan if step.startswith("SCAN")}
    assert not {step.split()[1] for step in scanned} & {"b", "c", "d", "m", "t"}, scanned
    assert plans[-1][0].startswith("SEARCH tallies USING COVERING INDEX tallies_by_live (account=? AND kind=?")
    for plan in plans[:2]:
        assert "SEARCH t USING COVERING INDEX tallies_by_live (account=? AND kind=?)" in plan
