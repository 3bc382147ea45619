"""An old book is brought up to date, and that is killed; once it is run again, all is as if it had not been."""

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import apsw

from acceptance.servers import SQLITE, complaints, rows
from acceptance.trial import Figure, Trial
from bench.data import sqlite_url
from bench.failure import Failure
from dialbook.store.migrate import migrations
from dialbook.store.sqlite import APPLICATION_ID
from tests.postgres import Postgres, ask, find_program, running_postgres
from tests.processes import PROGRAM, environment

OLD = 6  # the schema that it has
CONTACTS = 100_000
MOMENT = "2026-01-31T12:00:00Z"
BOOK = (
    f"INSERT INTO accounts (account, region, created) VALUES ('acme', 'IN', '{MOMENT}')",
    f"INSERT INTO books (account, contact_count, list_count) VALUES ('acme', {CONTACTS}, 0)",
    f"""
    WITH RECURSIVE series (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n + 1 < {CONTACTS})
    INSERT INTO contacts (account, sid, number, first_name, tag, created, updated, search_key)
    SELECT 'acme', CAST(1000000 + n AS text), '+91' || (9845000000 + n), 'Name ' || n, 'tag ' || n % 50,
           '{MOMENT}', '{MOMENT}', 'name ' || n
    FROM series
    """,
)


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a kill at a random moment of what an undisturbed run takes."""
    failed = other = problems = unended = 0
    with _old_books(trial) as (next_book, dump):
        whole = next_book()
        began = time.monotonic()
        if _migrate(trial, whole):
            raise Failure("The undisturbed run failed.")
        took = time.monotonic() - began
        expected = dump(whole)
        for round_ in range(trial.rounds):
            database = next_book()
            unended += _killed(trial, database, trial.chance(round_).uniform(0, took))
            failed += _migrate(trial, database)
            other += dump(database) != expected
            problems += len(complaints(database))
    return [
        Figure("kills", trial.rounds, at_least=1),
        Figure("of which before the end", unended, at_least=1),
        Figure("runs after them that failed", failed, at_most=0),
        Figure("books that are not as after an undisturbed run", other, at_most=0),
        Figure("complaints of doctor", problems, at_most=0),
    ]


def _migrate(trial: Trial, database: str) -> bool:
    """Whether it failed."""
    return _start(trial, database).wait() != 0


def _killed(trial: Trial, database: str, after: float) -> bool:
    """Whether it was killed before its end."""
    process = _start(trial, database)
    time.sleep(after)
    is_running = process.poll() is None
    process.kill()
    process.wait()
    return is_running


def _start(trial: Trial, database: str) -> "subprocess.Popen[bytes]":
    variables = environment({"PYTHONPATH": str(trial.project / "src")})
    command = [str(PROGRAM), "migrate", "--database", database]
    return subprocess.Popen(
        command, cwd=trial.folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def _old_books(trial: Trial) -> Iterator[tuple[Callable[[], str], Callable[[str], object]]]:
    """What makes such a book, and what gives all that is in one."""
    if trial.engine == SQLITE:
        numbers = count()
        yield lambda: _old_file(trial.folder / f"book-{next(numbers)}.db"), _dump_file
        return
    with running_postgres() as postgres:
        template = _old_database(postgres)
        yield lambda: postgres.create_database(template), _dump_database


def _old_file(path: Path) -> str:
    path.touch(mode=0o600)  # as Dialbook makes it
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", OLD)
        for sql in (*(step.sql for step in migrations("sqlite")[:OLD]), *BOOK):
            connection.execute(sql)
    return sqlite_url(path)


def _old_database(postgres: Postgres) -> str:
    """The name of a database, for others to be made after."""
    url = postgres.create_database()
    ask(url, "CREATE TABLE schema_steps (version bigint PRIMARY KEY, name text NOT NULL)")
    for step in migrations("postgres")[:OLD]:
        ask(url, step.sql)
        ask(url, f"INSERT INTO schema_steps VALUES ({step.version}, '{step.name}')")
    for sql in BOOK:
        ask(url, sql)
    return url.rpartition("/")[2]


def _dump_file(database: str) -> object:
    schema = rows(database, "SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    tables = [name for kind, name, _ in schema if kind == "table"]
    return schema, [sorted(rows(database, f"SELECT * FROM {name}"), key=repr) for name in tables]


def _dump_database(database: str) -> object:
    program = find_program("pg_dump")
    if program is None:
        raise Failure("pg_dump is not installed (Debian: apt install postgresql).")
    done = subprocess.run([program, database], capture_output=True, text=True, check=True)
    # Comments have the time; \restrict has a password of pg_dump's own for each run. Rows are in no order.
    return sorted(line for line in done.stdout.splitlines() if not line.startswith(("--", "\\")))
