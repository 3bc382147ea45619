"""What all commands have in common: help, refusals on standard error, JSON for programs, settings from anywhere."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from dialbook import __version__
from dialbook.cli.main import dialbook
from dialbook.store.migrate import migrations
from tests.conftest import run_cli
from tests.processes import HANG_SECONDS, environment, run_program


def run(*arguments: str, **variables: str) -> Result:
    """What a person sees who types this."""
    return CliRunner(env=variables).invoke(dialbook, arguments, catch_exceptions=False)


def all_commands(group: click.Group = dialbook, *above: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield above, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from all_commands(command, *above, name)
        else:
            yield (*above, name), command


COMMANDS = dict(all_commands())
LEAVES = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}


def by_name(paths: dict[tuple[str, ...], click.Command]) -> dict[str, tuple[str, ...]]:
    return {" ".join(("dialbook", *path)): path for path in paths}


@pytest.mark.parametrize("path", by_name(COMMANDS).values(), ids=by_name(COMMANDS))
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_help_on_standard_output(option: str, path: tuple[str, ...]) -> None:
    result = run(*path, option)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Usage: dialbook {' '.join(path)}".rstrip())
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("path", by_name(COMMANDS).values(), ids=by_name(COMMANDS))
def test_every_command_and_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    options = [each for each in command.params if isinstance(each, click.Option)]

    assert command.help
    assert [each.name for each in options if not each.help] == []


@pytest.mark.parametrize("path", by_name(COMMANDS).values(), ids=by_name(COMMANDS))
def test_every_command_refuses_an_option_that_it_does_not_have(path: tuple[str, ...]) -> None:
    result = run(*path, "--no-such-option")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such option" in result.stderr
    assert "--no-such-option" in result.stderr


def test_a_command_that_does_not_exist_is_refused() -> None:
    result = run("sevre")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "No such command" in result.stderr


def test_it_says_its_version() -> None:
    result = run("--version")

    assert (result.exit_code, result.stdout) == (0, f"dialbook {__version__}\n")


JSON_COMMANDS = {
    ("account", "create"): ["new"],
    ("account", "list"): [],
    ("account", "delete"): ["acme", "--yes"],
    ("key", "create"): ["acme"],
    ("key", "list"): ["acme"],
    ("key", "revoke"): ["acme", "{api_key}"],
    ("doctor",): [],
    ("migrate",): [],
}


@pytest.fixture
def api_key(database: str) -> str:
    """A key of `acme`, the one account in the database."""
    run_cli("account", "create", "acme", "--database", database)
    key: str = run_cli("key", "create", "acme", "--database", database)["api_key"]
    return key


@pytest.mark.parametrize("path", JSON_COMMANDS, ids=" ".join)
def test_with_json_standard_output_is_json_and_nothing_else(path: tuple[str, ...], database: str, api_key: str) -> None:
    arguments = [argument.format(api_key=api_key) for argument in JSON_COMMANDS[path]]

    result = run(*path, *arguments, "--json", "--database", database)

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)


MAKING = {("account", "create"), ("migrate",)}


def test_every_command_that_ends_has_json() -> None:
    with_json = {path for path in LEAVES if "as_json" in {each.name for each in LEAVES[path].params}}

    assert with_json >= {*JSON_COMMANDS, ("copy",)}
    assert LEAVES.keys() - with_json == {
        ("serve",),
        ("demo",),
        ("completion",),
        ("members", "export"),
        ("export-subject",),  # which prints nothing else
    }


@pytest.mark.parametrize("path", [path for path in JSON_COMMANDS if path[0] != "key"], ids=" ".join)
def test_a_database_that_cannot_be_opened_is_one_line_on_standard_error(path: tuple[str, ...], tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/nowhere/book.db"

    result = run(*path, *JSON_COMMANDS[path], "--json", "--database", database)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert f"{tmp_path}/nowhere/book.db" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("path", [path for path in JSON_COMMANDS if path not in MAKING], ids=" ".join)
def test_a_command_in_the_wrong_folder_makes_no_database(path: tuple[str, ...], database: str, tmp_path: Path) -> None:
    arguments = [argument.format(api_key="0" * 32) for argument in JSON_COMMANDS[path]]

    result = run(*path, *arguments, "--database", database)

    assert result.exit_code == 1
    assert "There is no database" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["", "book.db", "sqlite:///", "sqlite:book.db", "mysql://localhost/book"])
def test_a_database_url_that_is_none_is_refused_with_the_form_that_is_one(url: str) -> None:
    result = run("account", "list", "--database", url)

    assert (result.exit_code, result.stdout) == (1, "")
    forms = "sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    assert result.stderr == f"Error: Database {url!r} cannot be opened; give {forms}.\n"


def test_a_setting_may_come_from_the_environment_or_from_a_file(database: str, api_key: str, tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text(f"database = {json.dumps(database)}\n")

    from_flag = run("key", "list", "acme", "--json", "--database", database)
    from_variable = run("key", "list", "acme", "--json", DIALBOOK_DATABASE=database)
    from_file = run("key", "list", "acme", "--json", "--config", str(config))
    from_named_file = run("key", "list", "acme", "--json", DIALBOOK_CONFIG=str(config))

    assert api_key in from_flag.stdout
    assert from_flag.stdout == from_variable.stdout == from_file.stdout == from_named_file.stdout


def test_a_setting_that_does_not_exist_stops_every_command() -> None:
    result = run("account", "list", DIALBOOK_DATABSE="sqlite:///book.db")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: Settings: there is no setting databse (DIALBOOK_DATABSE); known are ")


UNDECODABLE = os.fsdecode(b"\xff")


@pytest.mark.parametrize(
    "arguments",
    [
        ("account", "create", UNDECODABLE),
        ("account", "create", "new", "--region", UNDECODABLE),
        ("account", "delete", UNDECODABLE, "--yes"),
        ("key", "create", UNDECODABLE),
        ("key", "create", "acme", "--name", UNDECODABLE),
        ("key", "create", "acme", "--expires", UNDECODABLE),
        ("key", "revoke", "acme", UNDECODABLE),
        ("migrate", "--database", f"sqlite:///{UNDECODABLE}"),
    ],
    ids=[
        "account sid",
        "region",
        "account to delete",
        "account of a key",
        "name of a key",
        "expiry",
        "key to revoke",
        "database",
    ],
)
def test_bytes_that_are_no_text_are_refused_like_all_else(
    arguments: tuple[str, ...], database: str, api_key: str, tmp_path: Path
) -> None:
    assert api_key
    result = run_program(*arguments, folder=tmp_path, DIALBOOK_DATABASE=database)

    assert result.returncode in {1, 2}
    assert result.stdout == ""
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


def test_what_standard_output_cannot_show_is_not_taken_for_an_argument(database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    run_cli("key", "create", "acme", "--name", "आशा", "--database", database)

    result = run_program("key", "list", "acme", "--database", database, folder=tmp_path, PYTHONIOENCODING="latin-1")

    assert result.returncode == 1
    assert result.stderr == "Error: Standard output is for latin-1 alone: set PYTHONIOENCODING=utf-8.\n"


def test_it_runs_as_a_module_too(tmp_path: Path) -> None:
    result = _python("-m", "dialbook", "migrate", folder=tmp_path)

    newest = migrations("sqlite")[-1].version
    said = f"The schema of sqlite:///dialbook.db is up to date: {newest} of {newest}.\n"
    made = "The book was made just now: there was none.\n"
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{said}{made}", "")


@pytest.mark.parametrize("package", ["click", "apsw"])  # that each command needs, and that this one does
def test_without_the_packages_of_a_server_it_says_how_to_get_them(package: str, tmp_path: Path) -> None:
    """A client alone is installed without them; None in `sys.modules` is Python's own way to say so."""
    program = f"import sys; sys.modules['{package}'] = None; from dialbook.cli import main; main()"

    result = _python("-c", program, "migrate", folder=tmp_path)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"The command line needs {package}, which Dialbook's extra 'server' brings.\n"


@pytest.mark.parametrize("arguments", [["--version"], ["profile", "list"]], ids=" ".join)
def test_a_command_does_not_wait_for_what_others_need(arguments: list[str], tmp_path: Path) -> None:
    unneeded = ("apsw", "asyncio", "phonenumbers", "starlette")
    program = f"import sys; sys.modules.update(dict.fromkeys({unneeded})); from dialbook.cli import main; main()"

    result = _python("-c", program, *arguments, folder=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")


def _python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
