"""What somebody has taken out of a database, altered in it or put at its tables is found; what harms nobody is not."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dialbook.store import postgres_catalogue
from dialbook.store.database import Check
from dialbook.store.engines import migrate_database
from dialbook.store.migrate import Migration, migrations
from dialbook.store.postgres_session import connect
from dialbook.store.sqlite_catalogue import check_catalogue, teach
from tests.postgres import ask
from tests.sqlite import beside

STEPS = migrations("sqlite")
NAME = "tables and indexes"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    migrate_database(f"sqlite:///{tmp_path}/book.db")
    return tmp_path / "book.db"


def changed(book: Path, *statements: str) -> Check:
    """What is said of a file after a change behind Dialbook's back."""
    with closing(beside(book)) as connection:
        connection.exec_trace = None  # whatever the account
        for sql in statements:
            connection.execute(sql)
        (check,) = check_catalogue(connection)
    assert check.name == NAME
    return check


def take(book: Path, steps: list[Migration]) -> None:
    with closing(beside(book)) as connection:
        connection.exec_trace = None
        teach(connection)
        for step in steps:
            connection.execute(step.sql)
            connection.pragma("user_version", step.version)


SQLITE = {
    "tables": ("DROP TABLE idempotency; DROP TABLE sessions", "missing: table idempotency, table sessions"),
    "an index": ("DROP INDEX contacts_by_created", "missing: index contacts_by_created"),
    "a table with what is at it": (
        "PRAGMA foreign_keys = OFF; DROP TABLE tallies; DROP INDEX audit_entries_by_moment",
        "missing: index audit_entries_by_moment, table tallies",
    ),
    "more than are named": (
        "".join(f"DROP INDEX contacts_by_{name};" for name in ("created", "first_name", "last_name", "tag", "updated"))
        + "DROP INDEX lists_by_created; DROP INDEX lists_by_updated",
        "missing: index contacts_by_created, index contacts_by_first_name, index contacts_by_last_name, "
        "index contacts_by_tag, index contacts_by_updated and 2 more",
    ),
    "the index of names": (
        "DROP TABLE name_trigrams",
        "missing: table name_trigrams, table name_trigrams_config, table name_trigrams_data, table name_trigrams_idx",
    ),
    "another index of that name": (
        "DROP INDEX contacts_by_tag; CREATE INDEX contacts_by_tag ON contacts (tag)",
        "not as it is made: index contacts_by_tag",
    ),
    "a column": ("ALTER TABLE books ADD COLUMN mine TEXT", "not as it is made: table books"),
    "a table without its keys": (
        "DROP TABLE sessions; CREATE TABLE sessions (token_hash, account, key, is_link, created, used)",
        "missing: index sessions_by_account; not as it is made: table sessions",
    ),
    "a trigger": (
        "CREATE TRIGGER mine BEFORE INSERT ON contacts BEGIN SELECT raise(IGNORE); END",
        "not Dialbook's: trigger mine of contacts",
    ),
    "a unique index": ("CREATE UNIQUE INDEX mine ON contacts (email)", "not Dialbook's: index mine"),
}


@pytest.mark.parametrize(("statements", "found"), SQLITE.values(), ids=SQLITE)
def test_what_is_not_as_the_steps_make_it_is_named_in_a_file(statements: str, found: str, book: Path) -> None:
    check = changed(book, *statements.split(";") if "TRIGGER" not in statements else [statements])

    assert (check.ok, check.found) == (False, found)


def test_what_harms_nobody_may_be_in_a_file(book: Path) -> None:
    check = changed(
        book,
        "CREATE TABLE mine (name TEXT); CREATE UNIQUE INDEX my_names ON mine (name); CREATE VIEW yours AS SELECT 1",
        "CREATE TRIGGER my_own AFTER INSERT ON mine BEGIN SELECT 1; END",
        "CREATE INDEX contacts_by_email ON contacts (account, email)",
        "ANALYZE",
    )

    assert check.ok


@pytest.mark.parametrize("version", [step.version for step in STEPS])
def test_a_file_is_compared_with_the_steps_that_it_has_taken(version: int, tmp_path: Path) -> None:
    """At each of them, and when it has taken the rest."""
    older = tmp_path / "book.db"
    take(older, [step for step in STEPS if step.version <= version])
    at_the_time = changed(older, f"PRAGMA application_id = {0x4469616C}")

    migrate_database(f"sqlite:///{older}")

    assert at_the_time.ok, at_the_time.found
    assert changed(older).ok
    assert not changed(older, "DROP INDEX contacts_by_created").ok


def test_how_a_step_is_laid_out_does_not_matter(tmp_path: Path) -> None:
    def laid_out(step: Migration) -> Migration:
        lines = (line.partition("--")[0].rstrip() for line in step.sql.splitlines())
        return Migration(step.version, step.name, "\n\n".join(lines))

    take(tmp_path / "book.db", [laid_out(step) for step in STEPS])

    assert changed(tmp_path / "book.db").ok


# PostgreSQL


@pytest.fixture
def changed_there(url: str) -> Callable[[str], Check]:
    """Change a database behind Dialbook's back; what is said of it then."""

    def change(sql: str) -> Check:
        ask(url, sql)
        with connect(url) as connection:
            return postgres_catalogue.check_catalogue(connection)

    return change


def test_the_list_of_what_the_steps_make_is_fresh(url: str) -> None:
    with connect(url) as connection:
        found = postgres_catalogue.things(connection)

    file = Path(postgres_catalogue.__file__).with_name(postgres_catalogue.FILE)
    message = f"{file.name} is stale: run python tools/build_postgres_catalogue.py"
    assert postgres_catalogue.write_down(found) == file.read_text(), message


TRIGGER = """
    CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER mine BEFORE INSERT ON contacts FOR EACH ROW EXECUTE FUNCTION nothing()
"""
POSTGRES = {
    "tables": ("DROP TABLE idempotency, sessions", "missing: table idempotency, table sessions"),
    "a unique index": ("DROP INDEX contacts_by_number", "missing: index contacts_by_number"),
    "a foreign key": (
        "ALTER TABLE members DROP CONSTRAINT members_account_contact_fkey",
        "missing: constraint members_account_contact_fkey of members",
    ),
    "a primary key": (
        "ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_pkey",
        "missing: constraint audit_entries_pkey of audit_entries",
    ),
    "an extension": ("DROP EXTENSION pg_trgm CASCADE", "missing: index contacts_by_name"),
    "that an index is whole": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'contacts_by_tag'::regclass",
        "not as it is made: index contacts_by_tag (not valid)",
    ),
    "that a key is whole": (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'contacts_pkey'::regclass",
        "not as it is made: constraint contacts_pkey of contacts (not valid)",
    ),
    "that an index is unique": (
        "DROP INDEX lists_by_name; CREATE INDEX lists_by_name ON lists (account, name NULLS FIRST)",
        "not as it is made: index lists_by_name",
    ),
    "that keys are looked at": (
        "ALTER TABLE members DISABLE TRIGGER ALL",
        "not as it is made: constraint members_account_contact_fkey of members (disabled), "
        "constraint members_account_list_fkey of members (disabled)",
    ),
    "that old rows were looked at": (
        """
        ALTER TABLE lists DROP CONSTRAINT lists_account_fkey;
        ALTER TABLE lists ADD FOREIGN KEY (account) REFERENCES accounts NOT VALID
        """,
        "not as it is made: constraint lists_account_fkey of lists",
    ),
    "that a table is logged": ("ALTER TABLE sessions SET UNLOGGED", "not as it is made: table sessions (unlogged)"),
    "that all rows are seen": (
        "ALTER TABLE contacts ENABLE ROW LEVEL SECURITY",
        "not as it is made: table contacts (with row security)",
    ),
    "that a column is not empty": (
        "ALTER TABLE contacts ALTER number DROP NOT NULL",
        "not as it is made: column number of contacts",
    ),
    "how a column is compared": (
        'ALTER TABLE lists ALTER name TYPE text COLLATE "C.utf8"',
        "not as it is made: column name of lists",
    ),
    "a column's default": (
        "ALTER TABLE books ALTER updated DROP DEFAULT",
        "not as it is made: column updated of books",
    ),
    "a trigger": (TRIGGER, "not Dialbook's: trigger mine of contacts"),
    "a rule": (
        "CREATE RULE mine AS ON DELETE TO members DO INSTEAD NOTHING",
        "not Dialbook's: rule mine of members",
    ),
    "a check": (
        "ALTER TABLE contacts ADD CONSTRAINT mine CHECK (tag <> 'gold')",
        "not Dialbook's: constraint mine of contacts",
    ),
    "another unique index": ("CREATE UNIQUE INDEX mine ON contacts (email)", "not Dialbook's: index mine"),
}


@pytest.mark.parametrize(("sql", "found"), POSTGRES.values(), ids=POSTGRES)
def test_what_is_not_as_the_steps_make_it_is_named_there(
    sql: str, found: str, changed_there: Callable[[str], Check]
) -> None:
    check = changed_there(sql)

    assert (check.name, check.ok, check.found) == (NAME, False, found)


def test_what_harms_nobody_may_be_there(changed_there: Callable[[str], Check]) -> None:
    check = changed_there("""
        CREATE TABLE mine (name text UNIQUE); CREATE VIEW yours AS SELECT 1;
        CREATE INDEX contacts_by_email ON contacts (account, email);
        CREATE SCHEMA other; CREATE TABLE other.contacts (name text);
        ALTER INDEX contacts_by_created SET (fillfactor = 70); ALTER TABLE contacts SET (fillfactor = 70);
        ALTER INDEX contacts_by_name RESET (gin_pending_list_limit); ALTER TABLE lists ALTER name SET STATISTICS 500;
        CLUSTER contacts USING contacts_pkey; COMMENT ON TABLE contacts IS 'ours'
    """)

    assert check.ok, check.found
