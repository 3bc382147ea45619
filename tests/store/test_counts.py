"""Tallies and growth: whatever is done in whatever order, whatever the clock says, they are what a recount gives."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import Contact, ContactChange, ContactDraft
from dialbook.model.errors import NotFound
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.model.moment import day_text
from dialbook.model.page import Sort, Window
from dialbook.model.upload import Chunk, OnDuplicate, UploadDraft, UploadFile, UploadRow
from dialbook.store import accounts, contact_deletion, contacts, lists, members, uploads
from dialbook.store.database import Database, Tx
from dialbook.store.doctor import recount
from dialbook.store.engines import open_database
from dialbook.store.growth import book_growth, list_growth
from dialbook.store.makeup import list_makeup
from dialbook.store.tallies import Kind, Tally, top_tallies
from dialbook.store.upload_rows import write_chunk
from tests.conftest import NUMBERS

NOW = datetime(2026, 1, 5, 23, 59, 59, tzinfo=UTC)
EVER = ("0000-01-01", "9999-12-31")
ALL = Window(0, 100_000)
CODES = ["+1", "+7", "+44", "+91", "+971"]
numbers = st.sampled_from([f"{code}2025550{i:03}" for code in CODES for i in range(3)])
tags = st.sampled_from([None, "gold", "silver", "bronze", "Ø"])
moments = st.integers(-3 * 86_400, 3 * 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds))
fields = st.fixed_dictionaries({}, optional={"number": numbers, "tag": tags, "first_name": st.just("Asha")})
steps = st.one_of(
    st.tuples(st.just("create"), st.lists(st.tuples(numbers, tags), max_size=6)),
    st.tuples(st.just("update"), st.lists(st.tuples(st.integers(0, 20), fields), max_size=4)),
    st.tuples(st.just("delete"), st.integers(0, 20)),
    st.tuples(st.just("create list"), st.sampled_from(["Friends", "Foes", "Folk"])),
    st.tuples(st.just("delete list"), st.integers(0, 5)),
    st.tuples(st.just("upload"), st.lists(st.tuples(numbers, tags), min_size=1, max_size=6)),
)


@pytest.fixture(scope="module")
def db(new_database: Callable[[], str]) -> Iterator[Database]:
    with closing(open_database(new_database())) as db:
        yield db


names = count()


def new_account(tx: Tx) -> str:
    return accounts.create_account(tx, f"account-{next(names)}", region=DEFAULT_REGION, now=NOW).sid


def all_contacts(tx: Tx, account: str) -> Sequence[Contact]:
    return contacts.list_contacts(tx, account, ALL, Sort("date_created")).items


def take(tx: Tx, account: str, what: str, arguments: Any, now: datetime) -> bool:
    """Ask for one change of the book; return whether there was anything to ask for."""
    everyone = all_contacts(tx, account)
    if what == "create":
        contacts.create_contacts(tx, account, [ContactDraft(number, tag=tag) for number, tag in arguments], now=now)
    elif what == "update":
        changes = [ContactChange(everyone[i].sid, change) for i, change in arguments if i < len(everyone)]
        contacts.update_contacts(tx, account, changes, now=now)
    elif what == "delete":
        leaving = everyone[arguments : arguments + 1]
        for contact in leaving:
            contact_deletion.delete_contact(tx, account, contact.sid, now=now)
        return bool(leaving)
    elif what == "create list":
        lists.create_lists(tx, account, [ListDraft(arguments), ListDraft("Both")], now=now)
    elif what == "delete list":
        going = lists.list_lists(tx, account, ALL, Sort("name")).items[arguments : arguments + 1]
        for found in going:
            lists.delete_list(tx, account, found.sid, now=now)
        return bool(going)
    else:
        upload(tx, account, arguments, now)
    return True


def upload(tx: Tx, account: str, rows: Sequence[tuple[str, str | None]], now: datetime) -> None:
    file = UploadFile(f"upload-{next(names)}", "folder", ["number", "tag"], len(rows))
    uploads.create_upload(tx, account, UploadDraft("Friends", on_duplicate=OnDuplicate.UPDATE), file, now=now)
    chunk = [UploadRow(i, number, [None] * 4 + [tag], None, [number]) for i, (number, tag) in enumerate(rows)]
    write_chunk(tx, account, file.sid, Chunk(0, chunk, is_last=True), limits=ListLimits(), now=now)


def counts(tx: Tx, account: str) -> Counter[str]:
    (summary,) = [each for each in accounts.list_accounts(tx) if each.account.sid == account]
    return Counter(contacts=summary.contact_count or 0, lists=summary.list_count or 0)


def expected_top(found: Counter[str], limit: int) -> list[Tally]:
    return [Tally(*item) for item in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:limit]]


@given(st.lists(st.tuples(steps, moments), min_size=1, max_size=12), st.integers(1, 6))
@settings(max_examples=60)
def test_tallies_and_growth_are_what_a_recount_gives(
    db: Database, done: list[tuple[tuple[str, Any], datetime]], limit: int
) -> None:
    def run(tx: Tx) -> None:
        account = new_account(tx)
        moved: dict[str, Counter[str]] = {}
        latest = min(now for _, now in done)
        for (what, arguments), now in done:
            before = counts(tx, account)
            if take(tx, account, what, arguments, now):
                latest = max(latest, now)  # no change is dated before the one before it
            after = counts(tx, account)
            if after != before:
                day = moved.setdefault(day_text(latest), Counter(contacts=0, lists=0))
                day.update({key: after[key] - before[key] for key in day})
        everyone = all_contacts(tx, account)
        codes = Counter(next(code for code in CODES if contact.number.startswith(code)) for contact in everyone)
        check_top(tx, account, "country", codes, limit)
        check_top(tx, account, "tag", Counter(contact.tag for contact in everyone if contact.tag), limit)
        days = sorted(day for day in moved if any(moved[day].values()))
        contacts_then = accumulate(moved[day]["contacts"] for day in days)
        lists_then = accumulate(moved[day]["lists"] for day in days)
        points = [(point.day, point.contact_count, point.list_count) for point in book_growth(tx, account, *EVER)]
        assert points == list(zip(days, contacts_then, lists_then, strict=True))
        assert [check for check in recount(tx, account) if not check.ok] == []

    def check_top(tx: Tx, account: str, kind: Kind, found: Counter[str], limit: int) -> None:
        top = top_tallies(tx, account, kind, limit)
        assert top.largest == expected_top(found, limit)
        assert top.without == len(all_contacts(tx, account)) - found.total()
        assert top.others == found.total() - sum(tally.live for tally in top.largest)

    asyncio.run(db.write(run))


def test_growth_begins_with_the_day_before(db: Database) -> None:
    def run(tx: Tx) -> list[tuple[str, int]]:
        account = new_account(tx)
        for days in (0, 1, 5, 9):
            moment = NOW + timedelta(days=days)
            contacts.create_contacts(tx, account, [ContactDraft(NUMBERS[days])], now=moment)
        return [(each.day, each.contact_count) for each in book_growth(tx, account, "2026-01-08", "2026-01-12")]

    assert asyncio.run(db.write(run)) == [("2026-01-06", 2), ("2026-01-10", 3)]


def test_a_deleted_account_leaves_nothing(db: Database) -> None:
    def run(tx: Tx) -> None:
        account = new_account(tx)
        contacts.create_contacts(tx, account, [ContactDraft(NUMBERS[0], tag="gold")], now=NOW)
        accounts.delete_account(tx, account)
        accounts.create_account(tx, account, region=DEFAULT_REGION, now=NOW)
        assert top_tallies(tx, account, "country", 9).largest == top_tallies(tx, account, "tag", 9).largest == []
        assert book_growth(tx, account, *EVER) == []

    asyncio.run(db.write(run))


# Of a list


def make_list(tx: Tx, account: str, sizes: Sequence[int], leave: Callable[[int, int], bool]) -> str:
    """A list that so many joined on each day, each tagged with their day; then those left who are told to.

    Args:
        leave: whether one leaves, of the day and the place in it.
    """
    (made,) = accepted(lists.create_lists(tx, account, [ListDraft("Friends")], now=NOW))
    drafts = iter(NUMBERS)
    leaving: list[str] = []
    for day, size in enumerate(sizes):
        now = NOW + timedelta(days=day)
        wanted = [ContactDraft(next(drafts), tag=f"day-{day}") for _ in range(size)]
        sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, account, wanted, now=now))]
        members.add_members(tx, account, made.sid, sids, limits=ListLimits(), now=now)
        leaving += [sid for place, sid in enumerate(sids) if leave(day, place)]
    for sid in leaving:
        members.remove_member(tx, account, made.sid, sid, now=NOW)
    return made.sid


@given(st.lists(st.integers(0, 40), min_size=1, max_size=9), st.sets(st.integers(0, 200)), st.integers(1, 12))
@settings(max_examples=40)
def test_a_list_s_growth_is_what_a_recount_gives(
    db: Database, sizes: list[int], leaving: set[int], buckets: int
) -> None:
    def run(tx: Tx) -> None:
        account = new_account(tx)
        list_sid = make_list(tx, account, sizes, lambda day, place: day * 40 + place in leaving)
        joined = Counter(contact.created[:10] for contact in members.list_members(tx, account, list_sid, ALL).items)

        growth = list_growth(tx, account, list_sid, buckets)

        assert [each.joined for each in growth] == [
            sum(joined[day] for day in joined if day <= each.day) for each in growth
        ]
        assert len(growth) <= buckets
        assert [each.day for each in growth] == sorted({each.day for each in growth})
        assert list_growth(tx, account, list_sid, 1) == growth[-1:]
        if buckets >= len(sizes):
            assert {each.day for each in growth} >= set(joined)

    asyncio.run(db.write(run))


def test_a_clock_that_was_set_back_leaves_a_growth_that_only_rises(db: Database) -> None:
    def run(tx: Tx) -> list[int]:
        account = new_account(tx)
        (made,) = accepted(lists.create_lists(tx, account, [ListDraft("Friends")], now=NOW))
        for i, days in enumerate([0, 5, 1, 6, 2, 7]):
            now = NOW + timedelta(days=days)
            (contact,) = accepted(contacts.create_contacts(tx, account, [ContactDraft(NUMBERS[i])], now=now))
            members.add_members(tx, account, made.sid, [contact.sid], limits=ListLimits(), now=now)
        return [each.joined for each in list_growth(tx, account, made.sid)]

    found = asyncio.run(db.write(run))

    assert found == sorted(found)
    assert found[-1] == 6


def test_a_list_that_is_not_there_has_neither(db: Database) -> None:
    def run(tx: Tx, of: Callable[..., object]) -> None:
        of(tx, new_account(tx), "0" * 32)

    for of in (list_growth, list_makeup):
        with pytest.raises(NotFound):
            asyncio.run(db.write(run, of))


def test_a_small_list_s_make_up_is_exact(db: Database) -> None:
    def run(tx: Tx) -> None:
        account = new_account(tx)
        list_sid = make_list(tx, account, [30, 20, 10], lambda _, place: place % 3 == 0)
        empty = make_empty_list(tx, account)

        makeup = list_makeup(tx, account, list_sid)

        assert (makeup.total, makeup.looked_at) == (39, 39)
        assert makeup.countries == [Tally("+91", 39)]
        assert makeup.tags == [Tally("day-0", 20), Tally("day-1", 13), Tally("day-2", 6)]
        assert list_makeup(tx, account, empty).looked_at == 0

    asyncio.run(db.write(run))


def make_empty_list(tx: Tx, account: str) -> str:
    return accepted(lists.create_lists(tx, account, [ListDraft("Nobody")], now=NOW))[0].sid


@pytest.mark.parametrize("stay", [1, 2, 3, 10])
def test_a_sample_tells_the_make_up_wherever_members_have_left(stay: int, db: Database) -> None:
    """On the first day all have stayed, on the second one of so many."""

    def run(tx: Tx) -> None:
        account = new_account(tx)
        list_sid = make_list(tx, account, [600, 600], lambda day, place: day == 1 and place % stay > 0)

        makeup = list_makeup(tx, account, list_sid, 200)

        assert 150 <= makeup.looked_at <= 250
        assert makeup.total == 600 + 600 // stay
        share = makeup.tags[0].live / makeup.looked_at
        assert abs(share - 600 / makeup.total) < 0.04

    asyncio.run(db.write(run))


def test_the_largest_lists_come_first(db: Database) -> None:
    def run(tx: Tx) -> list[tuple[str, int]]:
        account = new_account(tx)
        drafts = [ContactDraft(number) for number in NUMBERS[:5]]
        sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, account, drafts, now=NOW))]
        for name, size in (("B", 2), ("A", 3), ("C", 5), ("D", 0)):
            (made,) = accepted(lists.create_lists(tx, account, [ListDraft(name)], now=NOW))
            members.add_members(tx, account, made.sid, sids[:size], limits=ListLimits(), now=NOW)
        page = lists.list_lists(tx, account, Window(0, 3), Sort("contact_count", descending=True))
        return [(each.name, each.contact_count) for each in page.items]

    assert asyncio.run(db.write(run)) == [("C", 5), ("A", 3), ("B", 2)]
