"""The PostgreSQL engine: its settings, what a transaction sees, its plans, its URL's secret."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from psycopg import errors

from dialbook.model.account import DEFAULT_REGION
from dialbook.model.contact import ContactDraft
from dialbook.model.errors import Unavailable
from dialbook.store import accounts, contacts
from dialbook.store.database import Database, Row, Tx
from dialbook.store.engines import masked, open_database
from dialbook.store.postgres import RETRIES
from dialbook.store.postgres_pipeline import for_psycopg
from dialbook.store.postgres_session import UNHURRIED
from dialbook.store.postgres_session import connect as open_session
from tests.conftest import NUMBERS, run_cli
from tests.postgres import ask
from tests.processes import run_program, started
from tests.statements import violations

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECRET = "open-sesame"  # in the URLs of the tests
BIG = 12_000  # members of the list whose plans are looked at


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    with closing(open_database(url)) as db:
        asyncio.run(db.write(create_account))
        yield db


def create_account(tx: Tx) -> None:
    accounts.create_account(tx, "acme", region=DEFAULT_REGION, now=NOW)


def number(tx: Tx, n: int) -> Row | None:
    return tx.one("SELECT CAST(:n AS bigint)", n=n)


def hundredth(tx: Tx, n: int) -> Row | None:
    return tx.one("SELECT 100 / CAST(:n AS bigint)", n=n)


def chance(tx: Tx, about: str) -> Row | None:
    return tx.one("SELECT random(), CAST(:about AS text)", about=about)


def sleep(tx: Tx, seconds: int) -> Row | None:
    return tx.one("SELECT CAST('slept' AS text) FROM pg_sleep(CAST(:seconds AS bigint))", seconds=seconds)


def count_of(tx: Tx, account: str) -> object:
    return tx.one("SELECT contact_count FROM books WHERE account = :account", account=account)


def contact_count(tx: Tx) -> object:
    row = tx.one("SELECT b.contact_count FROM books AS b WHERE b.account = :account", account="acme")
    return row and row[0]


# Settings


def test_a_statement_ends_with_the_connection_that_it_was_for(url: str) -> None:
    under_way = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
    connection = open_session(url, UNHURRIED)
    connection.pgconn.send_query(b"SELECT pg_sleep(600)")
    while ask(url, under_way) != [(1,)]:
        pass

    connection.pgconn.finish()

    while ask(url, under_way) != [(0,)]:
        pass


def test_the_server_is_found_fit(url: str, db: Database) -> None:
    assert [check for check in db.check() if not check.ok] == []
    assert all(check["ok"] for check in run_cli("doctor", "--database", url))


def test_a_server_that_forgets_what_it_acknowledged_is_found(url: str) -> None:
    ask(url, f"ALTER DATABASE {url.rpartition('/')[2]} SET synchronous_commit = off")

    with closing(open_database(url)) as db:
        assert [(check.name, check.found) for check in db.check() if not check.ok] == [("synchronous_commit", "off")]


def test_a_database_that_cannot_keep_all_text_is_refused(url: str) -> None:
    ask(url, "DROP DATABASE IF EXISTS latin")
    ask(url, "CREATE DATABASE latin ENCODING latin1 LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")

    with pytest.raises(Unavailable, match="encoding UTF8"):
        open_database(url.rpartition("/")[0] + "/latin")


def test_the_url_may_set_what_dialbook_sets(url: str) -> None:
    with open_session(f"{url}?connect_timeout=7&options=-c%20statement_timeout%3D3s") as session:
        assert session.info.get_parameters()["connect_timeout"] == "7"
        assert session.execute("SHOW statement_timeout").fetchone() == ("3s",)
        assert session.execute("SHOW lock_timeout").fetchone() == ("2s",)


def test_a_command_may_take_as_long_as_it_wants(url: str) -> None:
    with closing(open_database(url, unhurried=True)) as db:
        assert asyncio.run(db.scan(lambda tx: tx.one("SELECT current_setting('statement_timeout')"))) == ("0",)
        assert [check for check in db.check() if not check.ok] == []


# What a transaction sees


def test_what_reads_cannot_change_anything(db: Database) -> None:
    sql = "UPDATE books SET list_count = 7 WHERE account = :account"
    with pytest.raises(Unavailable):
        asyncio.run(db.read(lambda tx: tx.run(sql, account="acme")))

    assert asyncio.run(db.read(lambda tx: accounts.list_accounts(tx)[0].list_count)) == 0


def test_a_read_of_several_statements_sees_one_moment(url: str, db: Database) -> None:
    def count_twice(tx: Tx) -> tuple[object, object]:
        before = contact_count(tx)
        ask(url, "UPDATE books SET contact_count = contact_count + 1")
        return before, contact_count(tx)

    for _ in range(2):
        before, after = asyncio.run(db.read(count_twice))
        assert before == after

    before, after = asyncio.run(db.recall(lambda tx, _: count_twice(tx), "acme"))
    assert before == after


def test_reads_that_go_together_each_get_their_own_answer(db: Database) -> None:
    async def ask_all() -> list[Row | None]:
        return await asyncio.gather(*(db.read(number, n) for n in range(100)))

    assert asyncio.run(ask_all()) == [(n,) for n in range(100)]


def test_a_read_that_fails_takes_none_along(db: Database) -> None:
    async def ask_all() -> list[Row | BaseException | None]:
        return await asyncio.gather(*(db.read(hundredth, n) for n in (1, 0, 4, 0, 5)), return_exceptions=True)

    for _ in range(2):
        one, bug, four, another, five = asyncio.run(ask_all())
        assert (one, four, five) == ((100,), (25,), (20,))
        assert isinstance(bug, errors.DivisionByZero)
        assert isinstance(another, errors.DivisionByZero)


def test_who_asks_the_same_gets_the_same_until_it_changes(url: str, db: Database) -> None:
    async def ask_all() -> list[object]:
        return await asyncio.gather(*(db.recall(count_of, account) for account in ("acme", "none", "acme")))

    assert asyncio.run(ask_all()) == [(0,), None, (0,)]
    ask(url, "UPDATE books SET contact_count = 7")
    assert asyncio.run(ask_all()) == [(7,), None, (7,)]


def test_those_who_ask_the_same_at_the_same_time_share_one_answer(db: Database) -> None:
    async def ask_together() -> list[object]:
        return await asyncio.gather(*(db.recall(chance, about) for about in ("one", "other") * 30))

    found = asyncio.run(ask_together())

    assert len(set(found)) == 2
    assert found[::2] == found[:1] * 30


def test_a_long_read_that_takes_too_long_takes_none_along(url: str) -> None:
    async def read_together(db: Database) -> list[object]:
        return await asyncio.gather(*(db.scan(sleep, n) for n in (60, 0, 0, 0)), return_exceptions=True)

    with closing(open_database(f"{url}?options=-c%20statement_timeout%3D300ms")) as db:
        slow, *others = asyncio.run(read_together(db))

    assert str(slow) == "The database cannot be used now (query canceled)."
    assert others == [("slept",)] * 3


def test_a_change_that_met_another_is_made_again(url: str, db: Database) -> None:
    runs = []

    def create(tx: Tx) -> None:
        runs.append(tx)
        if tx.one("SELECT 1 FROM accounts WHERE account = :account", account="other") is None:
            ask(url, "INSERT INTO accounts VALUES ('other', 'IN', '')")
            tx.run("INSERT INTO accounts VALUES (:account, 'SG', '')", account="other")

    asyncio.run(db.write(create))

    assert len(runs) == 2
    assert [each.account.region for each in asyncio.run(db.read(accounts.list_accounts))] == ["IN", "IN"]


def test_a_change_that_can_never_be_made_is_a_bug_in_the_end(db: Database) -> None:
    runs = []

    def create(tx: Tx) -> None:
        runs.append(tx)
        tx.run("INSERT INTO accounts VALUES (:account, 'SG', '')", account="acme")

    with pytest.raises(errors.UniqueViolation):
        asyncio.run(db.write(create))
    assert len(runs) == 1 + RETRIES


def test_a_change_that_is_refused_leaves_nothing(db: Database) -> None:
    def fail(tx: Tx) -> None:
        contacts.create_contacts(tx, "acme", [ContactDraft(NUMBERS[0])], now=NOW)
        raise Unavailable("not now")

    with pytest.raises(Unavailable, match="not now"):
        asyncio.run(db.write(fail))

    assert asyncio.run(db.read(contact_count)) == 0


# Statements


def test_parameters_are_written_as_psycopg_reads_them() -> None:
    assert for_psycopg("SELECT :a_1::text, '50%' WHERE x = :b") == "SELECT %(a_1)s::text, '50%%' WHERE x = %(b)s"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM contacts AS c WHERE c.sid = %(sid)s",
        "WITH w AS (SELECT 1 FROM lists AS l WHERE l.account = %(account)s) SELECT * FROM w JOIN members AS m ON TRUE",
        "SELECT * FROM lists AS l CROSS JOIN LATERAL (SELECT 1 FROM members AS m) AS m WHERE l.account = %(account)s",
    ],
)
def test_the_watch_over_statements_bites(sql: str) -> None:
    assert violations(sql, "postgres")


# The URL and its secret


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:pass@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p@ss:w/rd@host:5/db?a=b", "postgresql://me:***@host:5/db?a=b"),
        (
            "postgresql://me@host/db?password=pass&sslpassword=pass",
            "postgresql://me@host/db?password=***&sslpassword=***",
        ),
        ("postgres:me:pass@host/db", "***@host/db"),
        ("me:pass@host/db", "***@host/db"),
        ("me:pass/@word@host/db", "***@host/db"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_a_server_shows_and_logs_no_password(url: str, tmp_path: Path) -> None:
    with started("serve", "--port", "0", "--database", url, folder=tmp_path, DIALBOOK_LOG_LEVEL="debug") as server:
        httpx2.get(f"{server.url}/v2/accounts/acme/contacts", auth=("key", "token"))
        server.stop()
        log = server.errors

    assert f"serves {url.replace(SECRET, '***')} at" in server.printed
    assert SECRET not in server.printed + log


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda url: url.replace("127.0.0.1:", "127.0.0.1:1"), "cannot be opened"),
        (lambda url: url + "-nowhere", "does not exist"),
        (lambda url: url.replace(SECRET, f"{SECRET}@{SECRET}"), "an '@' too many"),
        (lambda url: url.replace(SECRET, f"x@{SECRET}/9"), "an '@' too many"),
        (lambda url: url.replace(SECRET, f"{SECRET}/{SECRET}"), "a '/' or '?' before it"),
        (lambda url: url.replace(SECRET, f"{SECRET}?{SECRET}"), "a '/' or '?' before it"),
        (lambda url: url.partition("://")[2], "cannot be opened"),
        (lambda url: url + f"?no-such={SECRET}", "cannot be read"),
        (lambda url: url.replace("127.0.0.1:", "127.0.0.1:x"), "cannot be opened"),
    ],
    ids=[
        "no server",
        "no database",
        "no escape",
        "nor after a host",
        "slash",
        "query",
        "no scheme",
        "no parameter",
        "no port",
    ],
)
def test_what_cannot_be_opened_is_refused_without_the_password(
    change: Callable[[str], str], says: str, url: str, tmp_path: Path
) -> None:
    done = run_program("account", "list", "--database", change(url), folder=tmp_path)

    assert done.returncode == 1
    assert says in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_without_its_driver_it_is_refused_with_the_command_that_installs_it(url: str) -> None:
    code = "import sys; sys.modules['psycopg'] = None; from dialbook.cli import main; main()"
    command = [sys.executable, "-c", code, "account", "list", "--database", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: PostgreSQL needs its driver, which Dialbook's extra 'postgres' brings.\n"


def test_closing_leaves_no_session(url: str) -> None:
    with closing(open_database(url)) as db:
        asyncio.run(db.write(create_account))

    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while ask(url, others):  # a session ends a moment after it was told to
        pass
