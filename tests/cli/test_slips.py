"""What is typed by mistake, or by a script, and would have had half of the effect or none."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from dialbook.cli.main import dialbook
from tests.client.peer import contact, ok, peer
from tests.processes import HANG_SECONDS, PROGRAM, environment

URL = "http://key:secret@127.0.0.1:1/v2/accounts/acme"


@pytest.mark.parametrize(
    "command",
    [
        ["contacts", "create", "--from", "a.csv", "--from", "b.csv"],
        ["contacts", "update", "--from", "a.csv", "--from", "b.csv"],
        ["members", "add", "Friends", "--from", "a.csv", "--from", "b.csv"],
        ["pull", "--from", "one", "--from", "two"],
        ["push", "--to", "one", "--to", "two"],
    ],
)
def test_a_second_source_or_target_is_refused(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("number\n+919845000001\n")

    result = CliRunner(env={"DIALBOOK_URL": URL}).invoke(dialbook, command)

    assert result.exit_code == 2
    assert "It is given twice; give it once." in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["lists", "create", "Friends"],
        ["contacts", "list"],
        ["members", "export", "Friends"],
        ["uploads", "list"],
    ],
)
def test_an_empty_profile_is_none_and_no_other_account_is_taken(command: list[str]) -> None:
    with peer() as there:
        result = CliRunner(env={"DIALBOOK_URL": there.url}).invoke(dialbook, [*command, "--profile", ""])

    assert result.exit_code == 2
    assert (
        "Invalid value for '--profile': It must not be empty; without it, the account of DIALBOOK_URL" in result.stderr
    )
    assert there.requests == []


def test_a_folder_is_no_file_to_export_to(tmp_path: Path) -> None:
    command = ["members", "export", "Friends", "-o", f"{tmp_path}/new/"]
    result = CliRunner(env={"DIALBOOK_URL": URL}).invoke(dialbook, command)

    assert result.exit_code == 2
    assert "new/ is a folder." in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", ["", " --json"])
def test_closed_standard_output_is_one_line(options: str) -> None:
    with peer(ok(contact(1))) as there:
        result = subprocess.run(
            ["sh", "-c", f"exec {PROGRAM} contacts get a{options} >&-"],
            env=environment({"DIALBOOK_URL": there.url}),
            stderr=subprocess.PIPE,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )

    assert (result.returncode, result.stderr) == (1, "Error: Standard output: It is closed.\n")
