"""The floor of creating contacts: prepared statements on the same table, by apsw alone.

The rows are made before, bound by position, put in by a plain INSERT that gives nothing back, and counted in the book.
The connection is Dialbook's own, so that schema, indexes and pragmas are the same, `synchronous=FULL` among them.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

import apsw

from dialbook.model.contact import ContactDraft
from dialbook.model.ids import new_sids
from dialbook.model.moment import utc_text
from dialbook.model.text import search_key

Bound: TypeAlias = tuple[str | None, ...]

INSERT = """
    INSERT INTO contacts (account, sid, number, first_name, last_name, company_name,
                          email, tag, custom_field, created, updated, search_key)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
COUNT = "UPDATE books SET contact_count = contact_count + ? WHERE account = ?"


def to_rows(account: str, drafts: Sequence[ContactDraft]) -> list[Bound]:
    """The rows that Dialbook would store for these drafts."""
    now = datetime.now(UTC)
    moment = utc_text(now)
    return [_to_row(account, sid, draft, moment) for sid, draft in zip(new_sids(now, len(drafts)), drafts, strict=True)]


def insert(connection: apsw.Connection, account: str, rows: Sequence[Bound]) -> None:
    """Store the rows in one transaction; return when it is on disk."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, rows)
    connection.execute(COUNT, (len(rows), account))
    connection.execute("COMMIT")


def time_insert(connection: apsw.Connection, account: str, rows: Sequence[Bound]) -> float:
    """Store the rows in one transaction; return the seconds it took."""
    started = time.perf_counter()
    insert(connection, account, rows)
    return time.perf_counter() - started


def commits_per_second(
    connection: apsw.Connection, account: str, drafts: Iterator[ContactDraft], *, seconds: float
) -> float:
    """Store contacts in a transaction each, one after another, for so many seconds; return how many a second."""
    started = now = time.perf_counter()
    done = 0
    while now - started < seconds:
        insert(connection, account, to_rows(account, [next(drafts)]))
        now = time.perf_counter()
        done += 1
    return done / (now - started)


def _to_row(account: str, sid: str, draft: ContactDraft, moment: str) -> Bound:
    return (
        account,
        sid,
        draft.number,
        draft.first_name,
        draft.last_name,
        draft.company_name,
        draft.email,
        draft.tag,
        draft.custom_field,
        moment,
        moment,
        search_key(draft.first_name, draft.last_name),
    )
