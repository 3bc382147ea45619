"""What was there before counts were kept by value and by day is counted when the schema is brought up to date."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import phonenumbers
import pytest

from dialbook.store.audit_log import verify_chain
from dialbook.store.doctor import recount
from dialbook.store.engines import migrate_database, open_database
from dialbook.store.growth import BookDay, book_growth
from dialbook.store.migrate import migrations
from dialbook.store.tallies import Tally, top_tallies
from tests.postgres import Postgres, ask
from tests.sqlite import beside

STEP = 7  # of the schema, that counts
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
CONTACTS = [
    f"('acme', 'sid-{i}', '+{code}2025550', {'NULL' if i % 3 else repr('gold')}, '2026-01-0{1 + i % 2}T09:00:00Z', '')"
    for i, code in enumerate(CODES)
]
BOOK = f"""
    INSERT INTO accounts (account, region, created) VALUES ('acme', 'IN', '');
    INSERT INTO books (account, contact_count, list_count) VALUES ('acme', {len(CODES)}, 1);
    INSERT INTO lists (account, sid, name, type, created, updated, search_key)
    VALUES ('acme', 'list', 'List', 'static', '2026-01-03T09:00:00Z', '', 'list');
    INSERT INTO contacts (account, sid, number, tag, created, updated) VALUES {", ".join(CONTACTS)};
"""  # noqa: S608


def old_sqlite(tmp_path: Path, _: Callable[[], Postgres]) -> str:
    steps = [step for step in migrations("sqlite") if step.version < STEP]
    with closing(beside(tmp_path / "book.db")) as connection:
        connection.pragma("application_id", 0x4469616C)
        connection.pragma("user_version", steps[-1].version)
        for sql in (*(step.sql for step in steps), BOOK):
            connection.execute(sql)
    return f"sqlite:///{tmp_path}/book.db"


def old_postgres(_: Path, postgres: Callable[[], Postgres]) -> str:
    url = postgres().create_database()
    ask(url, "CREATE TABLE schema_steps (version bigint PRIMARY KEY, name text NOT NULL)")
    for step in migrations("postgres"):
        if step.version < STEP:
            ask(url, step.sql)
            ask(url, f"INSERT INTO schema_steps SELECT {step.version}, ''")
    ask(url, BOOK)
    return url


@pytest.mark.parametrize("make", [old_sqlite, old_postgres])
def test_an_account_from_before_there_were_logs_has_one(
    make: Callable[[Path, Callable[[], Postgres]], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = make(tmp_path, lambda: request.getfixturevalue("postgres"))

    migrate_database(url)

    with closing(open_database(url)) as db:
        assert asyncio.run(db.scan(verify_chain, "acme")).broken is None


@pytest.mark.parametrize("make", [old_sqlite, old_postgres])
def test_an_old_book_is_counted(
    make: Callable[[Path, Callable[[], Postgres]], str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = make(tmp_path, lambda: request.getfixturevalue("postgres"))

    migrate_database(url)

    with closing(open_database(url)) as db:
        assert [check for check in asyncio.run(db.scan(recount, "acme")) if not check.ok] == []
        countries = asyncio.run(db.read(top_tallies, "acme", "country", 1000))
        tags = asyncio.run(db.read(top_tallies, "acme", "tag", 1000))
        days = asyncio.run(db.read(book_growth, "acme", "2026-01-01", "2026-12-31"))
    assert {tally.value for tally in countries.largest} == {f"+{code}" for code in CODES}
    gold = -(-len(CODES) // 3)
    assert tags.largest == [Tally("gold", gold)]
    assert (tags.without, tags.others) == (len(CODES) - gold, 0)
    half = -(-len(CODES) // 2)
    assert days == [
        BookDay("2026-01-01", half, 0),
        BookDay("2026-01-02", len(CODES), 0),
        BookDay("2026-01-03", len(CODES), 1),
    ]
