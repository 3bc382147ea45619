"""`dialbook restore`: a book becomes what it was when it was copied, and nothing else is lost for it."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from dialbook.settings import Settings
from dialbook.store.migrate import migrations
from dialbook.store.spool import open_spool
from dialbook.store.sqlite import APPLICATION_ID
from tests.cli.backup.files import ask, content, is_sound, run, version
from tests.conftest import CHUNK, NUMBERS, Client, Server, execute, run_cli, serving, turns, work_off
from tests.sqlite import beside, url_of

pytestmark = pytest.mark.sqlite


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
    connection = beside(old)
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


@pytest.fixture
def half_done(client: Client, served: Server) -> str:
    """An upload of three chunks, of which one is written."""
    rows = [NUMBERS[1000 + n] for n in range(3 * CHUNK)]
    answer = client.upload("\n".join(["number", *rows]).encode(), "Uploaded")
    next(turns(served))
    return str(answer.json()["response"]["data"]["summary"]["upload_id"])


def test_a_book_whose_log_is_damaged_is_restored_as_it_is(
    half_done: str, client: Client, served: Server, tmp_path: Path
) -> None:
    """There is no other way to a book in which the log can be mended."""
    restored = tmp_path / "restored.db"
    execute(served.database, "DELETE FROM audit_chains WHERE account = :account", account=client.account)
    run_cli("backup", str(tmp_path / "copy.db"), "--database", served.database)

    said = run("restore", str(tmp_path / "copy.db"), "--database", url_of(restored))

    assert (said.exit_code, said.stderr) == (0, "")
    assert ask(restored, "SELECT upload FROM upload_queue") == [(half_done,)]


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
