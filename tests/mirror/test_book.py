"""Whether somebody else has changed a book is told by its audit log."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from dialbook.mirror.book import Book
from dialbook.model.audit import Head
from dialbook.model.contact import ContactDraft
from dialbook.model.phone import number_draft
from dialbook.store.audit import prune
from dialbook.store.database import Database, Tx
from dialbook.store.engines import open_database
from tests.conftest import NUMBERS, run_cli

NOW = datetime.now(UTC)


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with closing(open_database(database)) as db:
        yield db


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture
def book(db: Database, portal: BlockingPortal) -> Book:
    """A book whose run has changed something."""
    book = Book(db, "acme", lambda: NOW)
    portal.call(book.open, "IN")
    book.run = "ours"
    portal.call(book.put_contacts, [draft(0)])
    return book


def draft(place: int) -> ContactDraft:
    return number_draft(ContactDraft(number=NUMBERS[place]), region="IN")


def test_what_a_run_does_itself_does_not_count(book: Book, portal: BlockingPortal, database: str) -> None:
    since = portal.call(book.head)
    portal.call(book.put_contacts, [draft(1)])
    run_cli("key", "create", "acme", "--database", database)  # which changes no contact

    assert portal.call(book.head) != since
    assert not portal.call(book.was_changed, since, "ours")
    assert portal.call(book.was_changed, since, "another")


def test_what_others_do_counts(book: Book, db: Database, portal: BlockingPortal) -> None:
    since = portal.call(book.head)
    portal.call(Book(db, "acme", lambda: NOW).put_contacts, [draft(1)])

    assert portal.call(book.was_changed, since, "ours")
    assert not portal.call(book.was_changed, portal.call(book.head), "ours")


def test_another_book_in_its_place_counts(book: Book, portal: BlockingPortal) -> None:
    since = portal.call(book.head)

    assert portal.call(book.was_changed, Head(since.number, "0" * 64), "ours")
    assert portal.call(book.was_changed, Head(since.number + 1, since.hash), "ours")


def test_what_the_log_does_not_have_any_more_counts(book: Book, db: Database, portal: BlockingPortal) -> None:
    since = portal.call(book.head)
    portal.call(book.put_contacts, [draft(1)])
    later = NOW + timedelta(days=1)

    def forget(tx: Tx) -> None:
        prune(tx, "acme", before=later, now=later)

    portal.call(db.write, forget)

    assert portal.call(book.was_changed, since, "ours")
    assert not portal.call(book.was_changed, portal.call(book.head), "ours")
