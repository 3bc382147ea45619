"""How SQLite goes about what is asked for many numbers at once: by their index, however many contacts there are."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import apsw
import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.contact import ContactDraft
from dialbook.model.lists import ListLimits
from dialbook.model.upload import Chunk, OnDuplicate, UploadDraft, UploadFile, UploadRow
from dialbook.store import accounts, contacts, uploads
from dialbook.store.database import Tx
from dialbook.store.engines import open_database
from dialbook.store.upload_rows import write_chunk
from tests.conftest import NUMBERS

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
DRAFTS = [ContactDraft(number) for number in NUMBERS[:10]]
ROWS = [UploadRow(i, number, [None] * 5, None, [number]) for i, number in enumerate(NUMBERS[5:15])]
VALUES = {"account": "acme", "list": "list", "upload": "upload", "wanted": "[]"}


def create_contacts(tx: Tx) -> None:
    contacts.create_contacts(tx, "acme", DRAFTS, now=NOW)


def upload_rows(tx: Tx) -> None:
    draft = UploadDraft("Friends", on_duplicate=OnDuplicate.UPDATE)
    uploads.create_upload(tx, "acme", draft, UploadFile("upload", "folder", ["number"]), now=NOW)
    write_chunk(tx, "acme", "upload", Chunk(0, ROWS, is_last=True), limits=ListLimits(), now=NOW)


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """The statements that many numbers are looked up with, as they are run from now on."""
    found: list[str] = []

    def trace(_: apsw.Cursor, sql: str, __: Any) -> bool:
        if "json_each" in sql:
            found.append(sql)
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    apsw.connection_hooks.append(watch)
    yield found
    apsw.connection_hooks.remove(watch)


def test_many_numbers_are_looked_up_by_their_index(asked: list[str], database: str) -> None:
    with closing(open_database(database)) as db:
        asyncio.run(db.write(accounts.create_account, "acme", region=DEFAULT_REGION, now=NOW))
        asyncio.run(db.write(create_contacts))
        asyncio.run(db.write(upload_rows))

    assert len(asked) == 3
    with closing(apsw.Connection(database.removeprefix("sqlite:///"))) as connection:
        for sql in list(asked):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", VALUES)]
            searches = [step for step in plan if step.startswith("SEARCH")]
            assert searches
            assert all("number=?" in step or "contact=?" in step for step in searches), plan
            assert [step for step in plan if step.startswith("SCAN")] == ["SCAN wanted VIRTUAL TABLE INDEX 1:"], plan
