"""A book of which a file may only be read, as after a command that was run as another user and killed."""

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.backup.files import content, run
from tests.conftest import run_cli
from tests.processes import HANG_SECONDS, PROGRAM, environment
from tests.sqlite import beside, url_of

pytestmark = pytest.mark.sqlite

# Whoever is root may write to whatever may only be read.
RIGHTS = "-dac_override,-dac_read_search"
AS_A_USER = ["setpriv", f"--bounding-set={RIGHTS}", f"--inh-caps={RIGHTS}"] if os.geteuid() == 0 else []


@pytest.fixture
def other(tmp_path: Path) -> Path:
    run_cli("account", "create", "other", "--database", url_of(tmp_path / "other.db"))
    run_cli("backup", str(tmp_path / "copy.db"), "--database", url_of(tmp_path / "other.db"))
    return tmp_path / "copy.db"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """What a server that was killed left."""
    served, left = tmp_path / "served.db", tmp_path / "left.db"
    run_cli("account", "create", "acme", "--database", url_of(served))
    with closing(beside(served)) as connection:
        connection.execute("PRAGMA user_version = 15")
        for suffix in ("", "-wal", "-shm"):
            shutil.copy(f"{served}{suffix}", f"{left}{suffix}")
    return left


def refused(*arguments: str) -> str:
    command = [*AS_A_USER, str(PROGRAM), *arguments]
    result = subprocess.run(
        command, env=environment({}), capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    assert result.returncode != 0
    return result.stderr


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_the_file_is_named_and_nothing_is_called_sound(suffix: str, book: Path, other: Path) -> None:
    part = Path(f"{book}{suffix}")
    part.chmod(0o400)

    looked = refused("doctor", "--database", url_of(book))
    replaced = refused("restore", str(other), "--replace", "--yes", "--database", url_of(book))

    said = f"Error: {part} cannot be written: whoever uses a book needs to write to every file of it.\n"
    assert (looked, replaced) == (said, said)
    part.chmod(0o600)
    assert run("doctor", "--database", url_of(book)).exit_code == 0
    assert [account for account, *_ in content(book)["accounts"]] == ["acme"]
