"""`dialbook backup`: a copy of a book in use is one moment of it, whole, sound and private."""

import shutil
import signal
import stat
import subprocess
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from click.testing import Result

from dialbook.model.errors import Invalid
from dialbook.store import sqlite_backup
from tests.cli.backup.files import ask, content, is_sound, run
from tests.conftest import NUMBERS, Client, Server, run_cli
from tests.disks import mounted
from tests.processes import PROGRAM, environment
from tests.sqlite import beside, path_of, url_of

pytestmark = pytest.mark.sqlite

ITEMS = 200  # in one bulk request
ROUNDS = 5


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
        assert f"cannot be copied to {folder} (the disk is full)" in result.stderr
        assert list(folder.iterdir()) == []


DAMAGES = {
    "a page": ("", "integrity"),
    "an index that is gone": (
        "DROP INDEX contacts_by_created",
        "tables and indexes: missing: index contacts_by_created",
    ),
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


@pytest.mark.parametrize("make", ["nothing", "empty", "text", "another program's"])
def test_what_is_no_book_is_neither_copied_nor_restored(make: str, tmp_path: Path) -> None:
    path = tmp_path / "what.db"
    if make == "empty":
        path.touch()
    elif make == "text":
        path.write_text("This is a letter, and no database.\n" * 100)
    elif make == "another program's":
        beside(path).execute("CREATE TABLE recipes (name TEXT)")
    files = sorted(tmp_path.iterdir())

    for result in (
        run("backup", str(tmp_path / "copy.db"), "--database", url_of(path)),
        run("restore", str(path), "--database", url_of(tmp_path / "copy.db")),
    ):
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {path} ")
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_copy_has_to_have_a_place_and_a_source(command: str, copy: Path, tmp_path: Path) -> None:
    nowhere, nothing = tmp_path / "nowhere" / "copy.db", tmp_path / "nothing.db"
    to_nowhere = _between(command, copy, nowhere)
    from_nothing = _between(command, nothing, tmp_path / "new.db")

    assert (to_nowhere.exit_code, from_nothing.exit_code) == (1, 1)
    assert to_nowhere.stderr == f"Error: {nowhere} cannot be made (No such file or directory).\n"
    assert from_nothing.stderr == f"Error: {nothing} is not there.\n"


def _between(command: str, source: Path, target: Path) -> Result:
    book, copy = (source, target) if command == "backup" else (target, source)
    return run(command, str(copy), "--database", f"sqlite:///{book}")


def test_postgresql_has_programs_of_its_own_for_that(tmp_path: Path) -> None:
    for command in ("backup", "restore"):
        result = run(command, str(tmp_path / "copy.db"), "--database", "postgresql://dialbook@localhost/dialbook")

        assert result.exit_code == 1
        assert "pg_dump" in result.stderr
        assert "pg_basebackup" in result.stderr
        assert "docs/operate.md" in result.stderr


def _written(folder: Path) -> int:
    with suppress(FileNotFoundError):  # a file that has just got its name
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def _overwrite_contacts(path: Path) -> None:
    ((page, size),) = ask(
        path, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'contacts'"
    )
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
