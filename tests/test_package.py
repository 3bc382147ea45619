"""What the plain package needs: nothing of the server's. What making an environment needs is told each time."""

import subprocess
import sys
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parent.parent / "Makefile"
WITHOUT_PIP = """#!/bin/sh
[ "$2" = venv ] || exit 0
mkdir -p .venv/bin && touch .venv/bin/python && echo 'apt install python3-venv' && exit 1
"""  # as Debian's python3 has it

SERVER_ONLY = ["apsw", "click", "httptools", "phonenumbers", "rich", "starlette", "uvicorn", "uvloop"]
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({SERVER_ONLY!r}))\n"


def without_the_server(code: str) -> subprocess.CompletedProcess[str]:
    """Run code where importing any of the server's packages fails."""
    return subprocess.run([sys.executable, "-c", WITHOUT + code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "module",
    [
        "dialbook",
        "dialbook.model.contact",
        "dialbook.model.lists",
        "dialbook.wire.contacts",
        "dialbook.wire.lists",
        "dialbook.wire.members",
        "dialbook.wire.envelope",
        "dialbook.client",
    ],
)
def test_what_a_client_stands_on_is_imported_without_the_server(module: str) -> None:
    done = without_the_server(f"import {module}")

    assert done.returncode == 0, done.stderr


def test_the_client_is_there_by_name() -> None:
    done = without_the_server("from dialbook import AsyncClient, Client, NotFound, Ok, Retries; import dialbook.client")

    assert done.returncode == 0, done.stderr


def test_nobody_waits_for_the_client_who_does_not_ask_for_it() -> None:
    done = without_the_server("import dialbook; print(*{'httpx2', 'msgspec'} & sys.modules.keys())")

    assert (done.stdout, done.stderr) == ("\n", "")


def test_a_name_that_is_not_there_is_missed() -> None:
    done = without_the_server("import dialbook; assert not hasattr(dialbook, 'Nothing'); dialbook.Nothing")

    assert "module 'dialbook' has no attribute 'Nothing'" in done.stderr


def test_the_command_line_says_what_it_lacks() -> None:
    done = without_the_server("from dialbook.cli import main; main()")

    assert done.returncode == 1
    assert "Dialbook's extra 'server'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_environment_that_could_not_be_made_is_made_anew(tmp_path: Path) -> None:
    python = tmp_path / "python3"
    python.write_text(WITHOUT_PIP)
    python.chmod(0o755)

    make = ["make", "--no-print-directory", "-f", str(MAKEFILE), f"PYTHON={python}", ".venv/bin/python"]
    done = [subprocess.run(make, cwd=tmp_path, capture_output=True, text=True, check=False) for _ in range(2)]

    assert [(each.returncode, each.stdout) for each in done] == [(2, "apt install python3-venv\n")] * 2
