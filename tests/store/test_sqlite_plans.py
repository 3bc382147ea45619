"""How SQLite goes about what it is asked: by an index, however much there is."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import apsw
import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactDraft
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.model.page import Window
from dialbook.model.upload import Chunk, OnDuplicate, UploadDraft, UploadFile, UploadRow
from dialbook.store import accounts, contact_deletion, contacts, idempotency, lists, members, uploads
from dialbook.store.database import Tx
from dialbook.store.engines import open_database
from dialbook.store.upload_rows import write_chunk
from tests.conftest import NUMBERS
from tests.sqlite import beside

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DRAFTS = [ContactDraft(number) for number in NUMBERS[:10]]
ROWS = [UploadRow(i, number, [None] * 5, None, [number]) for i, number in enumerate(NUMBERS[5:15])]
VALUES = {"account": "acme", "list": "list", "upload": "upload", "wanted": "[]", "limit": 20, "offset": 0}
VALUES |= {"key": "key", "before": "2026", "after": ""}


def create_contacts(tx: Tx) -> None:
    contacts.create_contacts(tx, "acme", DRAFTS, now=NOW)


def upload_rows(tx: Tx) -> None:
    draft = UploadDraft("Friends", on_duplicate=OnDuplicate.UPDATE)
    uploads.create_upload(tx, "acme", draft, UploadFile("upload", "folder", ["number"], rows=len(ROWS)), now=NOW)
    write_chunk(tx, "acme", "upload", Chunk(0, ROWS, is_last=True), limits=ListLimits(), now=NOW)


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The statements as they are run from now on."""
    found: list[str] = []

    def trace(_: apsw.Cursor, sql: str, __: Any) -> bool:
        found.append(sql)
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    apsw.connection_hooks.append(watch)
    yield found
    apsw.connection_hooks.remove(watch)


@pytest.fixture
def steps() -> Iterator[list[int]]:
    """How many steps of SQLite's machine each statement takes that is run from now on."""
    taken: list[int] = []

    def note(event: dict[str, Any]) -> None:
        taken.append(event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])

    def watch(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, note)

    apsw.connection_hooks.append(watch)
    yield taken
    apsw.connection_hooks.remove(watch)


def test_many_numbers_are_looked_up_by_their_index(asked: list[str], database: str) -> None:
    with closing(open_database(database)) as db:
        asyncio.run(db.write(accounts.create_account, "acme", region=DEFAULT_REGION, now=NOW))
        asyncio.run(db.write(create_contacts))
        asyncio.run(db.write(upload_rows))

    looking = [sql for sql in asked if "json_each(:wanted)" in sql]
    assert len(looking) == 4
    for plan in plans(database, looking):
        searches = [step for step in plan if step.startswith("SEARCH")]
        assert searches
        assert all("number=?" in step or "contact=?" in step or "sid=?" in step for step in searches), plan
        scans = {step for step in plan if step.startswith("SCAN")}
        assert scans - {"SCAN touched"} == {"SCAN wanted VIRTUAL TABLE INDEX 1:"}, plan


def test_uploads_are_listed_by_their_index(asked: list[str], database: str) -> None:
    with closing(open_database(database)) as db:
        asyncio.run(db.scan(uploads.list_uploads, "acme", Window(0, 20)))

    page, count = plans(database, [sql for sql in asked if "uploads AS u" in sql])
    assert page == ["SEARCH u USING PRIMARY KEY (account=?)"]
    assert count == ["SEARCH u USING COVERING INDEX uploads_by_end (account=?)"]


def test_answers_are_found_and_forgotten_by_their_index(asked: list[str], database: str) -> None:
    with closing(open_database(database)) as db:
        asyncio.run(db.write(idempotency.find_answer, "acme", "key"))
        asyncio.run(db.write(idempotency.forget_answers, "acme", before=NOW))
        asyncio.run(db.scan(idempotency.find_answers_with, "acme", bool))

    found, forgotten, walked = plans(database, [sql for sql in asked if "idempotency AS i" in sql])
    assert found == ["SEARCH i USING INDEX sqlite_autoindex_idempotency_1 (account=? AND key=?)"]
    assert (
        forgotten[0] == "SEARCH idempotency USING COVERING INDEX sqlite_autoindex_idempotency_1 (account=? AND key=?)"
    )
    assert forgotten[-1] == "SEARCH i USING INDEX idempotency_by_age (account=? AND created<?)"
    assert walked == ["SEARCH i USING INDEX sqlite_autoindex_idempotency_1 (account=? AND key>?)"]


def test_a_contact_is_deleted_without_a_look_at_other_memberships(steps: list[int], database: str) -> None:
    with closing(open_database(database)) as db:
        _, sids = asyncio.run(db.write(fill_a_list, 3000))
        steps.clear()
        asyncio.run(db.write(contact_deletion.delete_contact, "acme", sids[1500], now=NOW))

    assert steps
    assert max(steps) < 1000


@pytest.mark.parametrize("left", [0, 1, 1500], ids=["nobody left", "the first left", "every other left"])
def test_a_page_takes_the_same_steps_wherever_it_is(left: int, steps: list[int], database: str) -> None:
    def steps_of_page(list_sid: str, offset: int) -> int:
        steps.clear()
        page = asyncio.run(db.read(members.list_members, "acme", list_sid, Window(offset, 20)))
        assert len(page.items) == 20
        return sum(steps)

    with closing(open_database(database)) as db:
        list_sid, sids = asyncio.run(db.write(fill_a_list, 3000))
        if left:
            asyncio.run(db.write(members.remove_members, "acme", list_sid, sids[: 2 * left : 2], now=NOW))
        first = steps_of_page(list_sid, 0)
        deep = [steps_of_page(list_sid, offset) for offset in range(20, 3000 - left - 19, 97)]

    assert max(deep) < 2 * first


def fill_a_list(tx: Tx, count: int) -> tuple[str, list[str]]:
    """A list and its members."""
    accounts.create_account(tx, "acme", region=DEFAULT_REGION, now=NOW)
    drafts = [ContactDraft(number) for number in NUMBERS[:count]]
    sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, "acme", drafts, now=NOW))]
    (made,) = accepted(lists.create_lists(tx, "acme", [ListDraft("Everyone")], now=NOW))
    members.add_members(tx, "acme", made.sid, sids, limits=ListLimits(), now=NOW)
    return made.sid, sids


def plans(database: str, statements: list[str]) -> list[list[str]]:
    """How SQLite goes about each of them, step by step."""
    with closing(beside(database)) as connection:
        return [[row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", VALUES)] for sql in list(statements)]
