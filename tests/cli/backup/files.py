"""SQLite books as files: commands on them, and what is in them, asked behind Dialbook's back."""

from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from tests.conftest import run_cli
from tests.sqlite import beside


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(dialbook, arguments, input=typed, catch_exceptions=False)


def is_sound(database: str) -> bool:
    return all(check["ok"] for check in run_cli("doctor", "--database", database))


def ask(path: Path, sql: str) -> list[Any]:
    """Ask, or change, behind Dialbook's back."""
    connection = beside(path)
    connection.exec_trace = None  # whatever the account
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def content(path: Path) -> dict[str, list[Any]]:
    """Every row of every table."""
    tables = [name for (name,) in ask(path, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {name: sorted(ask(path, f"SELECT * FROM {name}"), key=repr) for name in tables}  # noqa: S608


def version(path: Path) -> int:
    ((found,),) = ask(path, "PRAGMA user_version")
    return int(found)
