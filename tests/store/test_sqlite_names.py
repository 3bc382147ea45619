"""The names' index on SQLite: filled for an older file, emptied of whoever goes, and gone by always."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import apsw
import pytest

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.bulk import accepted
from dialbook.model.contact import ContactChange, ContactDraft
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.model.page import Sort, Window
from dialbook.store import accounts, contact_deletion, contact_names, contacts, lists, members
from dialbook.store.contact_search import search_contacts
from dialbook.store.contacts import ContactFilter
from dialbook.store.database import Database, Tx
from dialbook.store.engines import open_database
from dialbook.store.member_search import search_members
from dialbook.store.migrate import migrations
from tests.conftest import NUMBERS, run_cli
from tests.sqlite import beside, path_of

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
NAMES = ["Asha Rao", "Nasha", "asha", None, "Ravi"]
MEMBERS = 1200  # of a list too long to be gone through
CREATED = Sort("date_created")
ASHA = ContactFilter(name="asha")


def fill(tx: Tx, account: str = "acme") -> list[str]:
    accounts.create_account(tx, account, region=DEFAULT_REGION, now=NOW)
    drafts = [ContactDraft(number, first_name=name) for number, name in zip(NUMBERS, NAMES, strict=False)]
    return [contact.sid for contact in accepted(contacts.create_contacts(tx, account, drafts, now=NOW))]


def found(db: Database, account: str = "acme") -> list[str | None]:
    page = asyncio.run(db.scan(search_contacts, account, Window(0, 20), CREATED, ASHA))
    assert page.total == len(page.items)
    return [contact.first_name for contact in page.items]


def trigrams(database: str) -> set[str]:
    """All that the index holds, of whichever rows."""
    with closing(beside(database)) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, name_trigrams, row)")
        return {str(row[0]) for row in connection.execute("SELECT term FROM terms")}


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    with closing(open_database(database)) as db:
        yield db


def test_an_older_file_gets_the_index_filled(database: str) -> None:
    path_of(database).touch(mode=0o600)
    with closing(beside(database)) as connection:
        for step in migrations("sqlite")[:4]:
            connection.execute(step.sql)
        connection.pragma("application_id", 0x4469616C)
        connection.pragma("user_version", 4)
        connection.execute("INSERT INTO accounts VALUES ('acme', 'IN', '')")
        connection.execute("INSERT INTO books (account, contact_count) VALUES ('acme', 3)")
        for i, key in enumerate(["asha", None, "nasha rao"]):
            connection.execute(
                "INSERT INTO contacts (account, sid, number, first_name, created, updated, search_key)"
                " VALUES ('acme', ?, ?, ?, '', '', ?)",
                (f"{i:032x}", NUMBERS[i], key, key),
            )

    with closing(open_database(database)) as db:
        assert found(db) == ["asha", "nasha rao"]
    assert all(check["ok"] for check in run_cli("doctor", "--database", database))


@pytest.mark.parametrize("many", [0, 100], ids=["made anew", "one by one"])
def test_an_account_that_is_deleted_leaves_the_index_to_the_others(
    many: int, db: Database, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_names, "MANY", many)
    asyncio.run(db.write(fill))
    asyncio.run(db.write(fill, "other"))
    asyncio.run(db.write(accounts.delete_account, "acme"))

    assert found(db, "other") == ["Asha Rao", "Nasha", "asha"]
    asyncio.run(db.write(accounts.delete_account, "other"))
    assert trigrams(database) == set()


def test_a_name_that_was_is_in_the_index_no_more(db: Database, database: str) -> None:
    sids = asyncio.run(db.write(fill))
    changes = [ContactChange(sids[0], {"first_name": "Zoya"}), ContactChange(sids[4], {"first_name": None})]
    asyncio.run(db.write(contacts.update_contacts, "acme", changes, now=NOW))
    for sid in sids[1:3]:
        asyncio.run(db.write(contact_deletion.delete_contact, "acme", sid, now=NOW))

    assert trigrams(database) == {"zoy", "oya"}


@pytest.fixture
def asked() -> Iterator[list[tuple[str, Any]]]:
    """The statements that look names up, as they are run from now on, with their parameters."""
    statements: list[tuple[str, Any]] = []

    def trace(_: apsw.Cursor, sql: str, params: Any) -> bool:
        if "MATCH" in sql:
            statements.append((sql, params))
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    apsw.connection_hooks.append(watch)
    yield statements
    apsw.connection_hooks.remove(watch)


def test_a_name_is_looked_up_in_its_index_alone(asked: list[tuple[str, Any]], database: str) -> None:
    def fill_list(tx: Tx) -> str:
        fill(tx)
        made = accepted(lists.create_lists(tx, "acme", [ListDraft("Everyone")], now=NOW))[0]
        drafts = [ContactDraft(number, first_name="Ravi") for number in NUMBERS[100 : 100 + MEMBERS]]
        sids = [contact.sid for contact in accepted(contacts.create_contacts(tx, "acme", drafts, now=NOW))]
        members.add_members(tx, "acme", made.sid, sids, limits=ListLimits(), now=NOW)
        return made.sid

    with closing(open_database(database)) as db:
        sid = asyncio.run(db.write(fill_list))
        asyncio.run(db.scan(search_contacts, "acme", Window(0, 20), CREATED, ASHA))
        asyncio.run(db.scan(search_members, "acme", sid, Window(0, 20), None, ASHA))
        asyncio.run(db.scan(search_members, "acme", sid, Window(0, 20), CREATED, ASHA))

    assert len(asked) == 6
    with closing(beside(database)) as connection:
        for sql, params in list(asked):
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
            assert [step for step in plan if step.startswith("SCAN t ")] == ["SCAN t VIRTUAL TABLE INDEX 0:M1><"], plan
            searches = [step for step in plan if step.startswith(("SEARCH n ", "SEARCH m ", "SEARCH c "))]
            assert searches
            assert all("rowid=?" in step or "contact=?" in step or "sid=?" in step for step in searches), plan
