"""The schema on PostgreSQL: who brings it up to date, who refuses it, and the rules that let it be distributed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.store import accounts
from dialbook.store.engines import masked
from dialbook.store.migrate import migrations
from tests.conftest import run_cli
from tests.postgres import Postgres, ask
from tests.processes import run_program
from tests.sqlite import beside

NEWEST = migrations("postgres")[-1].version
REFERENCE_TABLES = {"accounts", "api_keys", "schema_steps", "sessions"}  # each node has all of them

# One account whose list of 70 has lost its first ten and its last twenty members.
OLD_BOOK = """
    CREATE TABLE schema_steps (version bigint PRIMARY KEY, name text NOT NULL);
    INSERT INTO schema_steps VALUES (1, '0001_initial');
    INSERT INTO accounts VALUES ('acme', 'IN', '');
    INSERT INTO books VALUES ('acme', 70, 1);
    INSERT INTO lists VALUES ('acme', 'list', 'List', NULL, 'static', 70, '', '', 100, 'list');
    INSERT INTO contacts (account, sid, number, created, updated)
    SELECT 'acme', lpad(i::text, 32, '0'), '+9198450' || i, '', '' FROM generate_series(10, 79) AS i;
    INSERT INTO members SELECT account, 'list', right(sid, 2)::int, sid, '' FROM contacts;
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dialbook, arguments, catch_exceptions=False)


# Bringing it up to date


def test_whoever_migrates_at_once_takes_each_step_once(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.create_database()
    before = run("account", "list", "--database", url)

    with ThreadPoolExecutor(3) as pool:
        runs = pool.map(lambda _: run_program("migrate", "--database", url, folder=tmp_path), range(3))
        said = sorted(done.stdout for done in runs)

    assert before.stderr == f"Error: The database has schema 0 of {NEWEST}: run 'dialbook migrate'.\n"
    current = f"The schema of {masked(url)} is up to date: {NEWEST} of {NEWEST}.\n"
    assert said == [current, current, f"{current}The book was made just now: there was none.\n"]
    steps = ask(url, "SELECT version, name FROM schema_steps ORDER BY version")
    assert steps == [(step.version, step.name) for step in migrations("postgres")]


def test_a_step_that_fails_leaves_nothing(postgres: Postgres) -> None:
    """Some other program has a table of the same name as the last one of the step."""
    url = postgres.create_database()
    ask(url, "CREATE TABLE members (name text)")

    result = run("migrate", "--database", url)

    assert "tables of another program" in result.stderr
    assert ask(url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace") == [
        ("members",)
    ]


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["account", "list"], ["migrate"], ["doctor"]])
def test_a_newer_schema_is_refused(command: list[str], url: str) -> None:
    ask(url, "INSERT INTO schema_steps VALUES (99, 'from the future')")

    result = run(*command, "--database", url)

    assert result.exit_code == 1
    assert f"has schema 99; this Dialbook knows up to {NEWEST}. Run a newer Dialbook." in result.stderr


def test_an_older_schema_is_brought_up_to_date_with_its_data(postgres: Postgres) -> None:
    url = postgres.create_database()
    initial = Path(accounts.__file__).parent / "migrations" / "0001_initial.postgres.sql"
    ask(url, initial.read_text())
    ask(url, OLD_BOOK)
    before = run("account", "list", "--database", url)

    run_cli("migrate", "--database", url)

    assert f"has schema 1 of {NEWEST}: run 'dialbook migrate'" in before.stderr
    assert all(check["ok"] for check in run_cli("doctor", "--database", url))


def test_a_user_without_the_right_is_told_so(url: str) -> None:
    ask(url, "DROP ROLE IF EXISTS clerk; CREATE ROLE clerk LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    ask(url, "DROP TABLE schema_steps")

    result = run("migrate", "--database", url.replace("//dialbook:", "//clerk:"))

    assert "may not make tables and trusted extensions" in result.stderr


# The rules of a database that is distributed by account (Citus), which hold on one server too


def tables(url: str) -> set[str]:
    found = ask(url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    return {row[0] for row in found}


def test_every_table_begins_with_the_account(url: str) -> None:
    found = ask(url, """
        SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = 1 AND attnotnull
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attname = 'account'
    """)  # fmt: skip

    assert {row[0] for row in found} == tables(url) - REFERENCE_TABLES | {"accounts"}


def test_every_unique_index_begins_with_the_account(url: str) -> None:
    found = ask(url, """
        SELECT indrelid::regclass::text FROM pg_index JOIN pg_class ON indrelid = pg_class.oid
        WHERE relnamespace = 'public'::regnamespace AND indisunique
          AND indkey[0] <> (SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = 'account')
    """)  # fmt: skip

    assert {row[0] for row in found} <= REFERENCE_TABLES


def test_foreign_keys_stay_in_the_account_or_lead_to_all_nodes(url: str) -> None:
    found = ask(url, """
        SELECT conrelid::regclass::text, confrelid::regclass::text,
               (SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = conkey[1]),
               (SELECT attname FROM pg_attribute WHERE attrelid = confrelid AND attnum = confkey[1])
        FROM pg_constraint WHERE contype = 'f'
    """)  # fmt: skip

    assert found
    assert {row[2:] for row in found} == {("account", "account")}
    assert {row[1] for row in found if row[0] in REFERENCE_TABLES} <= REFERENCE_TABLES


def test_nothing_counts_by_itself_or_acts_by_itself(url: str) -> None:
    """No sequences, triggers or rules of ours, and no default that another moment would make another value."""
    assert ask(url, "SELECT relname FROM pg_class WHERE relkind = 'S'") == []
    assert ask(url, "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal") == []
    assert ask(url, "SELECT rulename FROM pg_rules WHERE schemaname = 'public'") == []
    defaults = ask(url, "SELECT DISTINCT pg_get_expr(adbin, adrelid) FROM pg_attrdef")
    assert {row[0] for row in defaults} == {"0", "''::text"}


def test_columns_are_texts_compared_by_their_bytes_or_large_numbers_or_bytes(url: str) -> None:
    types = ask(url, """
        SELECT DISTINCT data_type FROM information_schema.columns WHERE table_schema = 'public'
    """)  # fmt: skip
    keys = ask(url, """
        SELECT DISTINCT collname FROM pg_index JOIN pg_class ON indrelid = pg_class.oid
        CROSS JOIN unnest(indcollation) AS each (collation_) JOIN pg_collation ON pg_collation.oid = collation_
        WHERE relnamespace = 'public'::regnamespace
    """)  # fmt: skip

    assert {row[0] for row in types} == {"text", "bigint", "bytea"}
    assert keys == [("C",)]


def test_it_has_the_tables_and_columns_of_the_sqlite_schema(url: str, database: str) -> None:
    """But for those of the names' index and of statistics, which PostgreSQL keeps by itself."""
    run_cli("migrate", "--database", database)
    connection = beside(database)
    theirs = connection.execute(
        """
        SELECT m.name, c.name FROM sqlite_schema AS m JOIN pragma_table_info(m.name) AS c
        WHERE m.type = 'table' AND m.name NOT GLOB 'contact_names*' AND m.name NOT GLOB 'name_trigrams*'
          AND m.name NOT GLOB 'sqlite_stat*'
        """
    ).fetchall()
    connection.close()

    ours = ask(url, "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")

    assert {row for row in ours if row[0] != "schema_steps"} == set(theirs)
