"""`dialbook serve` refuses what cannot be served in one line, and starts nothing."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import run_cli
from tests.processes import run_program
from tests.sqlite import beside


def test_a_taken_port_is_refused(tmp_path: Path, database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _check_refused(tmp_path, "--port", port, "--database", database, naming=port)


def test_an_address_of_another_machine_is_refused(tmp_path: Path, database: str) -> None:
    _check_refused(tmp_path, "--host", "192.0.2.1", "--port", "0", "--database", database, naming="192.0.2.1")


@pytest.mark.parametrize("place", ["nowhere/book.db", "file/book.db", "folder"])
def test_a_place_where_no_file_can_be_is_refused(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    _check_refused(tmp_path, "--port", "0", "--database", f"sqlite:///{place}", naming=place)


def _make_foreign(path: Path) -> None:
    connection = beside(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()


def _make_text(path: Path) -> None:
    path.write_text("This is a letter, and no database.\n" * 100)


def _make_newer(path: Path) -> None:
    run_cli("migrate", "--database", f"sqlite:///{path}")
    connection = beside(path)
    connection.pragma("user_version", 99)
    connection.close()


@pytest.mark.parametrize(
    ("make", "naming"),
    [(_make_foreign, "no Dialbook database"), (_make_text, "book.db"), (_make_newer, "Run a newer Dialbook")],
    ids=["another program's", "no database", "newer"],
)
def test_a_file_that_is_not_for_this_dialbook_is_refused_and_left_as_it_is(
    make: Callable[[Path], None], naming: str, tmp_path: Path
) -> None:
    path = tmp_path / "book.db"
    make(path)
    before = path.read_bytes()

    _check_refused(tmp_path, "--port", "0", "--database", "sqlite:///book.db", naming=naming)

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["book.db"]


@pytest.mark.parametrize(
    "setting", ["page_limit = 0", "no_such_setting = 1", "port = 'http'", "audit_days = 999999", "report_days = 999999"]
)
def test_a_setting_that_cannot_be_is_refused(setting: str, tmp_path: Path) -> None:
    (tmp_path / "dialbook.toml").write_text(setting)

    _check_refused(tmp_path, naming=setting.split(maxsplit=1)[0])

    assert not (tmp_path / "dialbook.db").exists()


def _check_refused(folder: Path, *options: str, naming: str) -> None:
    """One clear line on standard error, nothing on standard output, and a status that says no."""
    result = run_program("serve", *options, folder=folder)

    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    assert naming in line
