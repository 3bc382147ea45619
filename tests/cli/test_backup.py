"""`dialbook backup` and `dialbook restore`: a copy of a book in use is one moment of it, whole, sound and private."""

import shutil
import signal
import stat
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.model.errors import Invalid
from dialbook.settings import Settings
from dialbook.store import sqlite_backup
from dialbook.store.migrate import migrations
from dialbook.store.spool import open_spool
from dialbook.store.sqlite import APPLICATION_ID
from tests.conftest import CHUNK, NUMBERS, Client, Server, run_cli, serving, turns, work_off
from tests.disks import mounted
from tests.processes import PROGRAM, environment

pytestmark = pytest.mark.sqlite

ITEMS = 200  # in one bulk request
ROUNDS = 5


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def path_of(database: str) -> Path:
    return Path(database.removeprefix("sqlite:///"))


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(dialbook, arguments, input=typed, catch_exceptions=False)


def is_sound(database: str) -> bool:
    return all(check["ok"] for check in run_cli("doctor", "--database", database))


@pytest.fixture
def served(database: str) -> Iterator[Server]:
    with serving(Settings(database=database)) as server:
        yield server


@pytest.fixture
def client(served: Server, new_client: Callable[..., Client]) -> Client:
    """An account with some contacts and a list, on a server that is running."""
    client = new_client(served)
    contacts = client.create_contacts(*({"number": number} for number in NUMBERS[:20]))
    client.add_members(client.create_list()["sid"], *(contact["sid"] for contact in contacts[:10]))
    return client


@pytest.fixture
def copy(client: Client, served: Server, tmp_path: Path) -> Path:
    """A copy of that book."""
    assert client.get("/contacts").json()["metadata"]["total"] == 20
    run_cli("backup", str(tmp_path / "copy.db"), "--database", served.database)
    return tmp_path / "copy.db"


@pytest.mark.usefixtures("client")
def test_a_copy_has_every_row_and_is_one_private_file(served: Server, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()

    said = run("backup", str(folder / "one.db"), "--database", served.database)
    as_json = run_cli("backup", str(folder / "two.db"), "--database", served.database)

    assert said.exit_code == 0, said.output
    assert f"{as_json['bytes']:,} bytes in " in said.stdout
    assert as_json.keys() == {"file", "bytes", "seconds"}
    assert as_json["bytes"] == (folder / "two.db").stat().st_size
    assert sorted(path.name for path in folder.iterdir()) == ["one.db", "two.db"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert content(folder / "one.db") == content(folder / "two.db") == content(path_of(served.database))


def test_a_copy_can_be_read_where_nothing_can_be_written(copy: Path) -> None:
    connection = apsw.Connection(f"file:{copy}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)

    connection.exec_trace = None  # whatever the account

    assert connection.pragma("journal_mode") == "delete"
    assert connection.execute("SELECT count(*) FROM contacts").fetchall() == [(20,)]
    connection.close()


def test_copies_of_a_book_that_is_written_to_are_each_one_moment_of_it(
    client: Client, served: Server, tmp_path: Path
) -> None:
    """Each bulk of changes is in it as a whole or not at all, and all that were acknowledged before it began."""
    acknowledged: list[str] = []
    enough = threading.Event()
    batches = (NUMBERS[i : i + ITEMS] for i in range(100, len(NUMBERS), ITEMS))

    def write() -> None:
        for tag, numbers in enumerate(batches):
            client.create_contacts(*({"number": number, "tag": f"t{tag}"} for number in numbers))
            acknowledged.append(f"t{tag}")
            if enough.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    before = []
    for n in range(ROUNDS):
        while len(acknowledged) <= 2 * n and writer.is_alive():
            pass
        before.append(set(acknowledged))
        run_cli("backup", str(tmp_path / f"{n}.db"), "--database", served.database)
    enough.set()
    writer.join()

    for n in range(ROUNDS):
        restored = url_of(tmp_path / f"restored-{n}.db")
        run_cli("restore", str(tmp_path / f"{n}.db"), "--database", restored)
        tags = Counter(tag for (tag,) in ask(path_of(restored), "SELECT tag FROM contacts WHERE tag IS NOT NULL"))
        assert len(before[n]) > 2 * n
        assert before[n] <= tags.keys()
        assert set(tags.values()) == {ITEMS}
        assert is_sound(restored)


@pytest.mark.parametrize("part", range(ROUNDS))
def test_a_killed_backup_leaves_a_whole_copy_or_none(part: int, client: Client, served: Server, tmp_path: Path) -> None:
    client.create_contacts(*({"number": number} for number in NUMBERS[100:5000]))
    folder = tmp_path / "backups"
    folder.mkdir()
    run_cli("backup", str(tmp_path / "whole.db"), "--database", served.database)
    size = (tmp_path / "whole.db").stat().st_size

    with subprocess.Popen(
        [PROGRAM, "backup", folder / "copy.db", "--database", served.database],
        env=environment({}),
        stdout=subprocess.DEVNULL,
    ) as process:
        # A little later each time: from its very beginning to the looking through of what was copied.
        while _written(folder) < size * part // (ROUNDS - 1) and process.poll() is None:
            pass
        process.send_signal(signal.SIGKILL)

    found = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    assert found in ([], ["copy.db"])
    if found:
        assert content(folder / "copy.db") == content(path_of(served.database))


def test_nothing_that_is_there_is_overwritten(copy: Path, served: Server) -> None:
    before = copy.read_bytes()

    result = run("backup", str(copy), "--database", served.database)

    assert result.exit_code == 1
    assert result.stderr == f"Error: {copy} is there already.\n"
    assert copy.read_bytes() == before


def test_what_has_come_there_meanwhile_is_not_overwritten(
    copy: Path, served: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_backup, "PAGES", 1)  # so that a small book takes some steps
    other, now = tmp_path / "other.db", datetime.now(UTC)

    def come(done: int, total: int) -> None:  # noqa: ARG001  # however far it is
        other.write_bytes(b"another's")

    with pytest.raises(Invalid, match="is there already"):
        sqlite_backup.back_up(str(path_of(served.database)), other, come)
    other.unlink()
    with pytest.raises(Invalid, match="is there already"):
        sqlite_backup.restore(copy, str(other), "folder", come, now=now)

    assert other.read_bytes() == b"another's"
    assert not [*tmp_path.glob(".*.draft*")]


def test_a_full_disk_keeps_nothing_of_a_copy(client: Client, served: Server, tmp_path: Path) -> None:
    client.create_contacts(*({"number": number} for number in NUMBERS[100:5000]))
    with mounted(tmp_path / "small", 256 * 1024) as folder:
        result = run("backup", str(folder / "copy.db"), "--database", served.database)

        assert result.exit_code == 1
        assert "cannot be copied (FullError)" in result.stderr
        assert list(folder.iterdir()) == []


DAMAGES = {
    "a page": ("", "integrity"),
    "a counter": ("UPDATE books SET contact_count = 7", "contacts and lists: kept (7, 1), counted (20, 1)"),
    "a row whose parent is gone": ("PRAGMA foreign_keys = OFF; DELETE FROM lists", "foreign keys"),
}


@pytest.mark.parametrize(("statements", "naming"), DAMAGES.values(), ids=DAMAGES)
def test_no_copy_is_kept_of_a_book_that_is_damaged(statements: str, naming: str, copy: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    shutil.copy(copy, damaged)
    if statements:
        ask(damaged, statements)
    else:
        _overwrite_contacts(damaged)

    for result in (
        run("backup", str(tmp_path / "again.db"), "--database", url_of(damaged)),
        run("restore", str(damaged), "--database", url_of(tmp_path / "again.db")),
    ):
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {damaged} is damaged, and nothing was kept of it. ")
        assert naming in result.stderr
    assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def test_a_restored_book_is_what_it_was_and_is_served(
    copy: Path, client: Client, tmp_path: Path, new_client: Callable[..., Client]
) -> None:
    restored = tmp_path / "restored.db"
    before = copy.read_bytes()

    said = run("restore", str(copy), "--database", url_of(restored))

    assert said.exit_code == 0, said.output
    assert f"{restored} is what {copy} was, and sound" in said.stdout
    assert content(restored) == content(copy)
    assert copy.read_bytes() == before
    assert stat.S_IMODE(restored.stat().st_mode) == 0o600
    with serving(Settings(database=url_of(restored))) as server:
        there = Client(new_client(server).http, client.account, client.key, client.token)
        there.http.auth = (client.key, client.token)
        assert there.get("/contacts").json()["metadata"]["total"] == 20
        there.create_contacts({"number": NUMBERS[50]})


def test_a_book_that_is_there_is_replaced_once_its_name_is_typed(copy: Path, client: Client, tmp_path: Path) -> None:
    book = tmp_path / "other.db"
    run_cli("account", "create", "other", "--database", url_of(book))
    arguments = ("restore", str(copy), "--database", url_of(book))

    plain = run(*arguments)
    wrong = run(*arguments, "--replace", typed="yes\n")
    assert plain.stderr == f"Error: {book} is there already.\n"
    assert "That is not other.db: nothing was replaced." in wrong.stderr
    assert [each["account_sid"] for each in run_cli("account", "list", "--database", url_of(book))] == ["other"]

    right = run(*arguments, "--replace", typed="other.db\n")
    assert right.exit_code == 0, right.output
    assert content(book) == content(copy)
    assert [each["account_sid"] for each in run_cli("account", "list", "--database", url_of(book))] == [client.account]


def test_a_book_that_is_elsewhere_is_replaced_there(copy: Path, tmp_path: Path) -> None:
    book, name = tmp_path / "real.db", tmp_path / "name.db"
    run_cli("account", "create", "other", "--database", url_of(book))
    name.symlink_to(book)

    assert run("restore", str(copy), "--replace", "--yes", "--database", url_of(name)).exit_code == 0

    assert name.readlink() == book
    assert content(book) == content(copy)


def test_a_book_in_use_is_not_replaced(copy: Path, served: Server, client: Client) -> None:
    client.create_contacts({"number": NUMBERS[50]})

    result = run("restore", str(copy), "--replace", "--yes", "--database", served.database)

    assert result.exit_code == 1
    assert "a server or a command uses it" in result.stderr
    assert client.get("/contacts").json()["metadata"]["total"] == 21
    assert is_sound(served.database)


@pytest.mark.parametrize("options", [(), ("--replace", "--yes")])
def test_what_another_book_has_left_is_not_taken_for_a_part_of_it(
    options: tuple[str, ...], copy: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.db-wal").write_bytes(b"log")

    result = run("restore", str(copy), *options, "--database", url_of(tmp_path / "new.db"))

    assert result.exit_code == 1
    assert "new.db-wal is there already" in result.stderr
    assert not (tmp_path / "new.db").exists()


def test_a_copy_of_an_older_dialbook_is_brought_up_to_date(tmp_path: Path) -> None:
    old, copied, restored = (tmp_path / name for name in ("old.db", "copy.db", "restored.db"))
    connection = apsw.Connection(str(old))
    connection.execute(migrations("sqlite")[0].sql)
    connection.pragma("application_id", APPLICATION_ID)
    connection.pragma("user_version", 1)
    connection.execute("INSERT INTO accounts VALUES ('acme', 'IN', '2026-01-31T12:00:00Z')")
    connection.execute("INSERT INTO books (account) VALUES ('acme')")
    connection.close()

    run_cli("backup", str(copied), "--database", url_of(old))
    run_cli("restore", str(copied), "--database", url_of(restored))

    assert version(old) == version(copied) == 1
    assert version(restored) == migrations("sqlite")[-1].version
    assert is_sound(url_of(restored))


def test_a_copy_of_a_newer_dialbook_is_refused(copy: Path, tmp_path: Path) -> None:
    ask(copy, "PRAGMA user_version = 99")

    result = run("restore", str(copy), "--database", url_of(tmp_path / "new.db"))

    assert result.exit_code == 1
    assert "Run a newer Dialbook." in result.stderr
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("make", ["nothing", "empty", "text", "another program's"])
def test_what_is_no_book_is_neither_copied_nor_restored(make: str, tmp_path: Path) -> None:
    path = tmp_path / "what.db"
    if make == "empty":
        path.touch()
    elif make == "text":
        path.write_text("This is a letter, and no database.\n" * 100)
    elif make == "another program's":
        apsw.Connection(str(path)).execute("CREATE TABLE recipes (name TEXT)")
    files = sorted(tmp_path.iterdir())

    for result in (
        run("backup", str(tmp_path / "copy.db"), "--database", url_of(path)),
        run("restore", str(path), "--database", url_of(tmp_path / "copy.db")),
    ):
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {path} ")
    assert sorted(tmp_path.iterdir()) == files


@pytest.fixture
def half_done(client: Client, served: Server) -> str:
    """An upload of three chunks, of which one is written."""
    rows = [NUMBERS[1000 + n] for n in range(3 * CHUNK)]
    answer = client.upload("\n".join(["number", *rows]).encode(), "Uploaded")
    next(turns(served))
    return str(answer.json()["response"]["data"]["summary"]["upload_id"])


def test_an_upload_whose_file_is_not_there_ends_as_failed(half_done: str, served: Server, tmp_path: Path) -> None:
    restored = tmp_path / "restored.db"
    run_cli("backup", str(tmp_path / "copy.db"), "--database", served.database)

    said = run("restore", str(tmp_path / "copy.db"), "--database", url_of(restored))

    assert "1 upload under way ended as failed" in said.stderr
    assert ask(restored, "SELECT sid, status, reason, success FROM uploads") == [
        (
            half_done,
            "failed",
            "The book was restored from a backup, which has no file of the upload: upload it again.",
            CHUNK,
        )
    ]
    assert ask(restored, "SELECT * FROM upload_queue") == []
    assert ask(restored, "SELECT via, action FROM audit_entries ORDER BY number DESC LIMIT 1") == [
        ("command line", "fail_upload")
    ]
    assert is_sound(url_of(restored))


def test_an_upload_whose_file_is_still_there_goes_on(half_done: str, served: Server, tmp_path: Path) -> None:
    run_cli("backup", str(tmp_path / "copy.db"), "--database", served.database)
    moved = tmp_path / "moved.db"
    spool = open_spool(served.settings.upload_folder, served.database)
    shutil.copytree(spool.folder, open_spool("", url_of(moved)).folder)

    restored = run_cli("restore", str(tmp_path / "copy.db"), "--database", url_of(moved))

    assert restored["uploads_ended"] == 0
    work_off(Server("", url_of(moved), Settings(database=url_of(moved))))
    assert ask(moved, "SELECT sid, status, success, failed, duplicate FROM uploads") == [
        (half_done, "completed", 3 * CHUNK, 0, 0)
    ]
    assert is_sound(url_of(moved))


def test_postgresql_has_programs_of_its_own_for_that(tmp_path: Path) -> None:
    for command in ("backup", "restore"):
        result = run(command, str(tmp_path / "copy.db"), "--database", "postgresql://dialbook@localhost/dialbook")

        assert result.exit_code == 1
        assert "pg_dump" in result.stderr
        assert "pg_basebackup" in result.stderr
        assert "docs/operate.md" in result.stderr


def ask(path: Path, sql: str) -> list[Any]:
    """Ask, or change, behind Dialbook's back."""
    connection = apsw.Connection(str(path))
    connection.exec_trace = None  # whatever the account
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def content(path: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = [name for (name,) in ask(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {name: sorted(ask(path, f"SELECT * FROM {name}"), key=repr) for name in tables}  # noqa: S608


def _written(folder: Path) -> int:
    with suppress(FileNotFoundError):  # a file that has just got its name
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def version(path: Path) -> int:
    ((found,),) = ask(path, "PRAGMA user_version")
    return int(found)


def _overwrite_contacts(path: Path) -> None:
    ((page, size),) = ask(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'contacts'"
    )
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
