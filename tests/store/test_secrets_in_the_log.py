"""The token secret is in no log; where an earlier build has written it into one, the schema's step takes it out."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from dialbook.cli.database import change, write
from dialbook.cli.main import dialbook
from dialbook.model.audit import Author, Effect, Via
from dialbook.store.accounts import begin_log
from dialbook.store.audit import note, prune
from dialbook.store.database import Tx
from dialbook.store.engines import migrate_database, open_database
from tests.conftest import execute, run_cli
from tests.postgres import ask
from tests.sqlite import beside, path_of

SECRET = "my-own-secret-of-more-than-32-characters-0123"
PRUNED = "another-secret-of-more-than-32-characters-012"
OLDEST, NEWEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
STEP = 15
LONG = "account-with-a-name-as-long-as-that-of-a-secret"


@pytest.fixture
def book(new_database: Callable[[], str]) -> str:
    """A database with two accounts, one of which has two keys."""
    url = new_database()
    for account in ("acme", "umbrella"):
        run_cli("account", "create", account, "--database", url)
    for _ in range(2):
        run_cli("key", "create", "acme", "--database", url)
    return url


def held(url: str) -> bytes:
    """All that is kept: the bytes of the files of a book, or every row of every table."""
    if url.startswith("sqlite"):
        path = path_of(url)
        return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    tables = ask(url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    return repr([ask(url, f"SELECT * FROM {table}") for (table,) in tables]).encode()  # noqa: S608


def log_of(url: str, account: str) -> list[tuple[str, int]]:
    return [(each["action"], each["succeeded"]) for each in run_cli("audit", "query", account, "--database", url)]


def leave_secrets(url: str) -> None:
    """As `dialbook key seal` did, among entries of such lengths that a page that was cut in two keeps a copy of one."""

    def leave(tx: Tx) -> None:
        author = Author(Via.COMMAND, OLDEST)
        for made_up in (SECRET, PRUNED, LONG):
            begin_log(tx, made_up)
        for i in range(50):
            apart = [f"{value:032x}" for value in range(0, i * 7 % 13 * 2, 2)]
            for account in ("acme", "umbrella"):
                note(tx, account, author, "create_key", Effect(apart, succeeded=1))
            note(tx, SECRET, author, "seal_keys", Effect(succeeded=1))
        note(tx, PRUNED, author, "seal_keys", Effect(succeeded=1))
        prune(tx, PRUNED, before=NEWEST, now=NEWEST)
        note(tx, LONG, author, "delete_account", Effect(succeeded=1))

    with closing(open_database(url)) as db:
        write(db, leave)


def turn_back(url: str) -> None:
    """Let the schema be that of an earlier build."""
    if url.startswith("sqlite"):
        with closing(beside(url)) as connection:
            connection.pragma("user_version", STEP - 1)
    else:
        ask(url, f"DELETE FROM schema_steps WHERE version >= {STEP}")  # noqa: S608


def test_sealing_keys_is_noted_in_the_log_of_their_account_without_the_secret(
    book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", SECRET)
    keys = {each["api_key"] for each in run_cli("key", "list", "acme", "--database", book)}

    run_cli("key", "seal", "--database", book)

    assert SECRET.encode() not in held(book)
    assert log_of(book, "acme")[0] == ("seal_keys", 2)
    assert set(run_cli("audit", "query", "acme", "--database", book)[0]["touched"]) == keys
    assert log_of(book, "umbrella") == [("create_account", 1)]
    verified = run_cli("audit", "verify", "--database", book)
    assert [(each["account"], each["broken"]) for each in verified] == [("acme", None), ("umbrella", None)]


def test_what_does_not_begin_with_an_account_is_not_noted_at_all(book: str) -> None:
    def open_safe(_: Tx, secret: str) -> str:
        return secret

    with closing(open_database(book)) as db, pytest.raises(TypeError, match="open_safe does not begin"):
        change(db, open_safe, SECRET)

    assert SECRET.encode() not in held(book)


def test_a_log_that_has_lost_its_end_stays_damaged(book: str) -> None:
    execute(book, "DELETE FROM audit_chains WHERE account = :account", account="acme")
    entries = log_of(book, "acme")
    turn_back(book)

    migrate_database(book)

    assert log_of(book, "acme") == entries
    verified = CliRunner().invoke(dialbook, ["audit", "verify", "acme", "--database", book])
    assert (verified.exit_code, "where it ends is not kept any more" in verified.output) == (1, True)


def test_secrets_that_an_earlier_build_left_go_and_all_other_logs_stay_whole(book: str) -> None:
    leave_secrets(book)
    kept = run_cli("audit", "verify", "--database", book)
    assert {each["account"] for each in kept} == {"acme", "umbrella", LONG, SECRET, PRUNED}
    turn_back(book)

    migrate_database(book)

    left = held(book)
    assert (SECRET.encode() in left, PRUNED.encode() in left) == (False, False)
    verified = run_cli("audit", "verify", "--database", book)
    assert verified == [each for each in kept if each["account"] not in (SECRET, PRUNED)]
    assert [each["broken"] for each in verified] == [None] * 3
