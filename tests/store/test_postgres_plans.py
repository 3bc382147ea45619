"""How PostgreSQL goes about what it is asked: no page walks through what it does not show."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeAlias

import psycopg
import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactDraft, ContactRef
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.model.page import Sort, Window
from dialbook.model.upload import Chunk, OnDuplicate, UploadDraft, UploadFile, UploadRow
from dialbook.store import accounts, contacts, lists, members, uploads
from dialbook.store.contact_deletion import delete_contacts
from dialbook.store.contact_search import search_contacts
from dialbook.store.contacts import EVERYONE, ContactFilter
from dialbook.store.database import Params, Row, Tx
from dialbook.store.engines import open_database
from dialbook.store.member_search import search_members
from dialbook.store.postgres import CHANGE, PostgresTx
from dialbook.store.postgres_session import connect as open_session
from dialbook.store.upload_rows import write_chunk
from tests.conftest import NUMBERS
from tests.postgres import Postgres, ask

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
BIG = 12_000  # members of a list


def create_account(tx: Tx) -> None:
    accounts.create_account(tx, "acme", region=DEFAULT_REGION, now=NOW)


class PlannedError(Exception):
    """Carries a plan out of a storage function."""


Plan: TypeAlias = Callable[..., list[dict[str, Any]]]


class Planning(PostgresTx):
    """Runs statements, and says of one how it was done instead of what came of it."""

    skip = 0

    def _execute(self, sql: str, params: Params) -> psycopg.Cursor[Row]:
        self.skip -= 1
        if self.skip >= 0:
            return super()._execute(sql, params)
        cursor = super()._execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) {sql}", params)
        row = cursor.fetchone()
        raise PlannedError(row[0] if row else [])


@contextmanager
def planner(url: str) -> Iterator[Plan]:
    """Gives every node of the plan of a storage function's first statement, or of one after it."""
    with open_session(url) as session:

        def plan(fn: Callable[..., object], *arguments: object, skip: int = 0) -> list[dict[str, Any]]:
            tx = Planning(session)
            tx.skip = skip
            try:
                fn(tx, "acme", *arguments)
            except PlannedError as planned:
                return list(_nodes(planned.args[0][0]["Plan"]))
            raise AssertionError("no statement")

        yield plan


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", []):
        yield from _nodes(child)


def fill(tx: Tx) -> dict[str, str]:
    """A list that a part of its members has left, and a small one; return their sids by their names."""
    drafts = [ContactDraft(number, first_name=f"Name {number[-3:]}", tag=number[-2:]) for number in NUMBERS[:BIG]]
    sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, "acme", drafts, now=NOW))]
    made = accepted(lists.create_lists(tx, "acme", [ListDraft(f"List {i}") for i in range(2000)], now=NOW))
    members.add_members(tx, "acme", made[0].sid, sids, limits=ListLimits(), now=NOW)
    members.add_members(tx, "acme", made[1].sid, sids[::800], limits=ListLimits(), now=NOW)
    for sid in sids[::100]:
        members.remove_member(tx, "acme", made[0].sid, sid, now=NOW)
    for i in range(500):
        file = UploadFile(f"{i:032x}", "folder", ["number"], rows=1)
        uploads.create_upload(tx, "acme", UploadDraft("List 0"), file, now=NOW)
        uploads.cancel_upload(tx, "acme", file.sid, now=NOW)
    return {"big": made[0].sid, "small": made[1].sid}


@pytest.fixture(scope="module")
def big(postgres: Postgres) -> Iterator[tuple[Plan, dict[str, str]]]:
    """A planner over a book with a big list and a small one."""
    url = postgres.create_book()
    with closing(open_database(url)) as db:
        asyncio.run(db.write(create_account))
        sids = asyncio.run(db.write(fill))
    ask(url, "VACUUM ANALYZE")
    with planner(url) as plan:
        yield plan, sids


def rows_of(nodes: list[dict[str, Any]]) -> int:
    """How many rows the busiest node gave."""
    return max(int(node["Actual Rows"] * node["Actual Loops"]) for node in nodes)


@pytest.mark.parametrize(
    "window", [Window(0, 20), Window(BIG // 2, 20), Window(BIG - 200, 20), Window(0, 20, BIG // 2)]
)
def test_a_page_touches_a_few_rows_at_any_depth(window: Window, big: tuple[Plan, dict[str, str]]) -> None:
    plan, sids = big

    nodes = plan(members.list_members, sids["big"], window)

    assert rows_of(nodes) <= 4 * 32
    assert {node["Node Type"] for node in nodes} & {"Seq Scan", "Merge Join", "Hash Join"} == set()


@pytest.mark.parametrize(
    ("fn", "field"),
    [(contacts.list_contacts, field) for field in contacts.ORDERS]
    + [(lists.list_lists, field) for field in lists.INDEXED_ORDERS],
)
@pytest.mark.parametrize("descending", [False, True])
def test_every_order_is_read_off_an_index(
    fn: Callable[..., object], field: str, descending: bool, big: tuple[Plan, dict[str, str]]
) -> None:
    plan, _ = big

    nodes = plan(fn, Window(0, 20), Sort(field, descending))

    assert rows_of(nodes) <= 4 * 32


def test_uploads_are_read_off_an_index(big: tuple[Plan, dict[str, str]]) -> None:
    plan, _ = big

    nodes = plan(uploads.list_uploads, Window(0, 20))

    assert rows_of(nodes) <= 20
    assert {node["Node Type"] for node in nodes} == {"Limit", "Index Scan"}


@pytest.mark.parametrize("name", ["name 80", "nobody"])
@pytest.mark.parametrize("sort", [Sort("date_created", descending=True), Sort("first_name")])
@pytest.mark.parametrize("statement", [1, 2])
@pytest.mark.parametrize("count_to", [None, 10_000])
def test_few_who_have_a_name_are_found_by_its_index(
    name: str, sort: Sort, statement: int, count_to: int | None, big: tuple[Plan, dict[str, str]]
) -> None:
    plan, _ = big

    nodes = plan(search_contacts, Window(0, 20, count_to=count_to), sort, ContactFilter(name=name), skip=statement)

    assert rows_of(nodes) <= 4 * 32
    assert "contacts_by_name" in {node.get("Index Name") for node in nodes}


@pytest.mark.parametrize("name", ["name 80", "nobody"])
@pytest.mark.parametrize("statement", [1, 2])
@pytest.mark.parametrize("count_to", [None, 10_000])
def test_few_who_have_a_name_are_found_in_a_list_by_its_index(
    name: str, statement: int, count_to: int | None, big: tuple[Plan, dict[str, str]]
) -> None:
    plan, sids = big
    window = Window(0, 20, count_to=count_to)

    nodes = plan(search_members, sids["big"], window, None, ContactFilter(name=name), skip=statement)

    assert rows_of(nodes) <= 4 * 32
    assert "contacts_by_name" in {node.get("Index Name") for node in nodes}


def test_the_first_page_of_a_common_name_is_read_off_its_order(big: tuple[Plan, dict[str, str]]) -> None:
    plan, sids = big
    common = ContactFilter(name="name")

    of_book = plan(search_contacts, Window(0, 20), Sort("date_created"), common, skip=2)
    of_list = plan(search_members, sids["big"], Window(0, 20), None, common, skip=2)

    assert rows_of(of_book) <= 4 * 32
    assert rows_of(of_list) <= 4 * 32


def test_the_first_page_of_a_common_tag_is_read_off_the_list(big: tuple[Plan, dict[str, str]]) -> None:
    plan, sids = big

    nodes = plan(search_members, sids["big"], Window(0, 1), None, ContactFilter(tag="07"), skip=2)

    assert rows_of(nodes) <= 32


def test_who_are_counted_up_to_a_number_are_looked_at_no_further(big: tuple[Plan, dict[str, str]]) -> None:
    """An index gives all that it has at once, but only so many are read in the table."""
    plan, sids = big
    window, common = Window(0, 20, count_to=600), ContactFilter(name="name")

    of_book = plan(search_contacts, window, Sort("date_created"), common, skip=1)
    of_list = plan(search_members, sids["big"], window, None, common, skip=1)

    for nodes in (of_book, of_list):
        assert rows_of([node for node in nodes if node["Node Type"] != "Bitmap Index Scan"]) <= 700


@pytest.mark.parametrize("descending", [False, True])
def test_the_last_page_of_all_contacts_is_read_from_the_end(descending: bool, big: tuple[Plan, dict[str, str]]) -> None:
    plan, _ = big

    nodes = plan(search_contacts, Window(BIG - 20, 20), Sort("date_created", descending), EVERYONE, skip=1)

    assert rows_of(nodes) <= 20


def test_a_deep_page_in_another_order_passes_over_others_in_the_index_alone(big: tuple[Plan, dict[str, str]]) -> None:
    plan, _ = big

    nodes = plan(search_contacts, Window(BIG // 3, 20), Sort("first_name"), EVERYONE, skip=1)

    assert [node for node in nodes if node["Node Type"] == "Index Only Scan" and node["Actual Rows"] > BIG // 3]


@pytest.mark.parametrize(
    ("which", "sort", "filter_"),
    [
        ("big", Sort("first_name"), EVERYONE),
        ("big", Sort("date_created", descending=True), EVERYONE),
        ("small", Sort("first_name"), EVERYONE),
        ("big", None, ContactFilter(number=NUMBERS[7])),
        ("big", None, ContactFilter(tag="07")),
        ("small", Sort("number"), ContactFilter(name="name 8")),
    ],
)
def test_a_search_in_a_list_goes_the_way_of_fewer_rows(
    which: str, sort: Sort | None, filter_: ContactFilter, big: tuple[Plan, dict[str, str]]
) -> None:
    plan, sids = big

    nodes = plan(search_members, sids[which], Window(0, 20), sort, filter_, skip=1)

    assert rows_of(nodes) <= 4 * 32


@pytest.fixture
def uncounted(postgres: Postgres) -> tuple[str, Callable[[], list[str]]]:
    """A book of which PostgreSQL believes that it has one contact, and what adds 5,000; that returns their numbers."""
    url = postgres.create_book()
    numbers = [f"+91{9_800_000_000 + i}" for i in range(5000)]
    with closing(open_database(url)) as db:
        asyncio.run(db.write(create_account))

    def add(drafts: list[ContactDraft]) -> None:
        with closing(open_database(url)) as db:
            asyncio.run(db.write(contacts.create_contacts, "acme", drafts, now=NOW))

    def fill() -> list[str]:
        add(list(map(ContactDraft, numbers)))
        return numbers

    add([ContactDraft("+919799999999")])
    ask(url, "ALTER TABLE contacts SET (autovacuum_enabled = off)")
    ask(url, "ANALYZE contacts")
    return url, fill


@pytest.mark.parametrize("count", [20, 5000])
def test_numbers_and_sids_are_looked_up_where_postgresql_believes_that_there_are_few_contacts(
    count: int, uncounted: tuple[str, Callable[[], list[str]]]
) -> None:
    """Before it has counted them it takes any way to be short, as through all contacts, or through all the numbers."""
    url, fill = uncounted
    numbers = fill()[:count]

    with planner(url) as plan:
        by_number = plan(contacts.find_by_number, numbers)
        by_sid = plan(contacts.find_by_sid, numbers)

    for nodes, index, found in ((by_number, "contacts_by_number", count), (by_sid, "contacts_pkey", 0)):
        assert {node["Index Name"] for node in nodes if "Index Name" in node} == {index}
        assert rows_of(nodes) <= count
        assert sum(node["Actual Rows"] * node["Actual Loops"] for node in nodes if "Index Name" in node) <= found
        assert not [key for node in nodes for key in node if key.startswith("Rows Removed") and node[key]]


def fetched(tx: Tx, table: str) -> int:
    """How many of a table's rows were fetched in this transaction: between two PostgreSQL may give its counts away."""
    row = tx.one("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = :table", table=table)
    assert row
    return int(row[0])


def test_a_plan_that_was_made_before_there_were_many_looks_numbers_up(
    uncounted: tuple[str, Callable[[], list[str]]],
) -> None:
    url, fill = uncounted
    with open_session(url) as session:
        tx = PostgresTx(session)
        for _ in range(10):
            contacts.find_by_number(tx, "acme", ["+919800000000"])
            session.commit()
        numbers = fill()

        with session.transaction():
            assert len(contacts.find_by_number(tx, "acme", numbers[:20])) == 20
            assert fetched(tx, "contacts") == 20


# Each with one contact in one list.
SMALL_ACCOUNTS = """
    SET session_replication_role = replica;
    INSERT INTO contacts (account, sid, number, created, updated)
    SELECT 'other' || i, md5('contact' || i), '+919900000001', '2026-01-05T09:00:00Z', '2026-01-05T09:00:00Z'
    FROM generate_series(1, 20000) AS i;
    INSERT INTO members (account, list, position, contact, joined)
    SELECT 'other' || i, md5('list' || i), 0, md5('contact' || i), '2026-01-05T09:00:00Z'
    FROM generate_series(1, 20000) AS i;
    INSERT INTO tallies (account, kind, value, live)
    SELECT 'other' || i, 'tag', 'one', 1 FROM generate_series(1, 20000) AS i
"""


@pytest.fixture
def crowded(postgres: Postgres) -> str:
    """A book with a large account, and thousands of small ones."""
    url = postgres.create_book()
    with closing(open_database(url)) as db:
        asyncio.run(db.write(create_account))
        asyncio.run(db.write(upload, "first", [*range(5000)]))
    ask(url, SMALL_ACCOUNTS)
    ask(url, "VACUUM ANALYZE")
    return url


def upload(tx: Tx, sid: str, numbers: Sequence[int]) -> None:
    """Have so many of a list's rows worked off, each with a tag of its own."""
    file = UploadFile(sid, "folder", ["number", "tag"], rows=len(numbers))
    uploads.create_upload(tx, "acme", UploadDraft("Friends", on_duplicate=OnDuplicate.UPDATE), file, now=NOW)
    rows = [UploadRow(i, NUMBERS[i], (None, None, None, None, f"Tag {i}"), None, []) for i in numbers]
    write_chunk(tx, "acme", sid, Chunk(0, rows, is_last=True), limits=ListLimits(), now=NOW)


def delete(tx: Tx, numbers: Sequence[int]) -> None:
    refs = [ContactRef(number=NUMBERS[i]) for i in numbers]
    assert len(accepted(delete_contacts(tx, "acme", refs, now=NOW))) == len(numbers)


@pytest.mark.parametrize("change", [delete, partial(upload, sid="second")])
def test_of_a_large_account_among_small_ones_no_more_is_read_than_is_changed(
    change: Callable[..., None], crowded: str
) -> None:
    with open_session(crowded) as session:
        session.execute(CHANGE)
        tx = PostgresTx(session)

        change(tx, numbers=range(1000, 1100))

        rows = tx.one("SELECT sum(idx_tup_fetch) FROM pg_stat_xact_user_tables")
        assert rows
        assert rows[0] < 100 * 32


def test_of_a_deep_page_in_another_order_only_its_own_contacts_are_fetched(crowded: str) -> None:
    with open_session(crowded) as session, session.transaction():
        tx = PostgresTx(session)

        page = search_contacts(tx, "acme", Window(1500, 20), Sort("first_name"), EVERYONE)

        assert len(page.items) == 20
        assert fetched(tx, "contacts") == 20


def test_a_deep_page_of_a_list_fetches_little_but_its_members(crowded: str) -> None:
    ((list_sid, gone),) = ask(crowded, "SELECT list, contact FROM members WHERE account = 'acme' AND position = 0")
    with closing(open_database(crowded)) as db:
        asyncio.run(db.write(members.remove_members, "acme", list_sid, [gone], now=NOW))
    with open_session(crowded) as session, session.transaction():
        tx = PostgresTx(session)

        page = members.list_members(tx, "acme", list_sid, Window(4900, 20))

        assert [contact.number for contact in page.items] == NUMBERS[4901:4921]
        assert fetched(tx, "contacts") == 20
        assert 20 <= fetched(tx, "members") < 20 + 32
