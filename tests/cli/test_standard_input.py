"""Standard input that is closed, or is no text: one line says so, whichever command reads it."""

import subprocess
from pathlib import Path

import pytest

from tests.processes import HANG_SECONDS, PROGRAM, environment

ADD = "profile add work https://contacts.example.com/v2/accounts/acme --key k"
ACCOUNT = "http://k:t@127.0.0.1:1/v2/accounts/acme"


def run(command: str, redirected: str, home: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "latin").write_bytes(b"t\xf6ken\n")
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" {command} {redirected}', PROGRAM],
        cwd=folder,
        env=environment({**home, "DIALBOOK_URL": ACCOUNT, "PYTHONIOENCODING": "utf-8"}),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ("contacts create --from -", 1, "Error: The file is empty"),
        (ADD, 2, "Error: There is no token"),
        (f"{ADD} --credentials -", 1, "Error: --credentials holds no"),
        ("export-subject - --account acme", 1, "Error: "),
    ],
)
def test_when_it_is_closed_it_is_empty(
    command: str, status: int, said: str, home: dict[str, str], tmp_path: Path
) -> None:
    result = run(command, "<&-", home, tmp_path)

    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("command", [ADD, "export-subject - --account acme"])
def test_when_it_is_no_text_it_is_refused(command: str, home: dict[str, str], tmp_path: Path) -> None:
    result = run(command, "< latin", home, tmp_path)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: Standard input is not utf-8 text.\n"
