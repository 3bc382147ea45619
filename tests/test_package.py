"""What the plain package needs: nothing of the server's."""

import subprocess
import sys

import pytest

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
    ],
)
def test_what_a_client_stands_on_is_imported_without_the_server(module: str) -> None:
    done = without_the_server(f"import {module}")

    assert done.returncode == 0, done.stderr


def test_the_command_line_says_what_it_lacks() -> None:
    done = without_the_server("from dialbook.cli import main; main()")

    assert done.returncode == 1
    assert "pip install 'dialbook[server]'" in done.stderr
    assert "Traceback" not in done.stderr
