"""Pages that are found by a shorter way are the same pages, on both engines."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import Contact, ContactDraft
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.model.page import Page, Sort, Window
from dialbook.store import accounts, contacts, lists, members
from dialbook.store.contact_search import search_contacts
from dialbook.store.contacts import EVERYONE, ContactFilter
from dialbook.store.database import Tx
from dialbook.store.engines import open_database
from dialbook.store.member_search import search_members
from tests.conftest import NUMBERS

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
COUNT = 4000  # more than in a list whose names are looked at one by one; some are far from both ends
NAMES = ["Asha", "Asha Iyer", "Ravi", None]
FILTERS = [
    ContactFilter(name="asha"),
    ContactFilter(name="ha iy"),
    ContactFilter(name="as"),
    ContactFilter(name="nobody"),
    ContactFilter(tag="vip"),
    ContactFilter(tag="vip", name="asha"),
    ContactFilter(number=NUMBERS[7]),
]
WINDOWS = [(0, 1), (0, 50), (300, 50), (740, 50), (COUNT, 50)]
COUNTS = [0, 10, 999, 1000, 5000]
SORTS = ["date_created", "date_updated", "number", "first_name"]


def fill(tx: Tx) -> str:
    """Contacts who came in turns of a hundred, all but every third of them in a list; its sid."""
    accounts.create_account(tx, "acme", region=DEFAULT_REGION, now=NOW)
    (made,) = accepted(lists.create_lists(tx, "acme", [ListDraft("Friends")], now=NOW))
    for begin in range(0, COUNT, 100):
        drafts = [
            ContactDraft(NUMBERS[i], first_name=NAMES[i % len(NAMES)], tag="vip" if i % 2 else None)
            for i in range(begin, begin + 100)
        ]
        now = NOW + timedelta(minutes=begin)
        sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, "acme", drafts, now=now))]
        members.add_members(tx, "acme", made.sid, sids[::3] + sids[1::3], limits=ListLimits(), now=now)
    return made.sid


@pytest.fixture(scope="module")
def book(new_database: Callable[[], str]) -> tuple[str, str]:
    """A database and the sid of the list in it."""
    url = new_database()
    with closing(open_database(url)) as db:
        return url, asyncio.run(db.write(fill))


def test_counting_up_to_a_number_changes_nothing_but_the_total(book: tuple[str, str]) -> None:
    url, list_sid = book

    def find(tx: Tx, window: Window, filter_: ContactFilter) -> tuple[Page[Contact], Page[Contact]]:
        of_book = search_contacts(tx, "acme", window, Sort("date_created", True), filter_)
        return of_book, search_members(tx, "acme", list_sid, window, None, filter_)

    def compare(tx: Tx) -> int:
        for filter_, (offset, limit), count_to in product(FILTERS, WINDOWS, COUNTS):
            bounded = find(tx, Window(offset, limit, count_to=count_to), filter_)
            for found, wanted in zip(bounded, find(tx, Window(offset, limit), filter_), strict=True):
                assert found.items == wanted.items
                if wanted.total <= count_to:
                    assert found.total == wanted.total
                else:
                    assert count_to < found.total <= wanted.total
        return find(tx, Window(0, 1), FILTERS[0])[0].total

    with closing(open_database(url)) as db:
        assert asyncio.run(db.scan(compare)) == COUNT // 2


@pytest.mark.parametrize("sort", [Sort(field, descending) for field in SORTS for descending in (False, True)])
def test_pages_that_are_found_from_elsewhere_are_those_read_from_the_start(sort: Sort, book: tuple[str, str]) -> None:
    offsets = {*range(0, COUNT + 100, 77), *range(0, COUNT, 100), COUNT - 50, COUNT - 7, COUNT - 1}

    def compare(tx: Tx) -> int:
        for offset, limit in product(offsets, (1, 50, 350)):
            window = Window(offset, limit)
            assert search_contacts(tx, "acme", window, sort, EVERYONE) == contacts.list_contacts(
                tx, "acme", window, sort
            )
        return len(search_contacts(tx, "acme", Window(COUNT - 7, 50), sort, EVERYONE).items)

    with closing(open_database(book[0])) as db:
        assert asyncio.run(db.scan(compare)) == 7
