"""Who stops waiting for an upload still hears what it is called."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dialbook.cli.main import dialbook
from tests.client.peer import ok, peer, refusal

ID = "c" * 32
ACCEPTED = ok({"summary": {"upload_id": ID}})
FOLLOWED = f"Upload {ID} goes on; dialbook uploads get {ID} --watch follows it.\n"


@pytest.fixture
def create(tmp_path: Path) -> list[str]:
    file = tmp_path / "contacts.csv"
    file.write_text("number\n+919845000001\n")
    return ["uploads", "create", str(file), "--list", "Friends"]


@pytest.mark.parametrize("options", [[], ["--watch"]])
def test_trouble_while_it_runs(options: list[str], create: list[str]) -> None:
    with peer(ACCEPTED, refusal(500, 1004)) as there:
        result = CliRunner(env={"DIALBOOK_URL": there.url}).invoke(dialbook, [*create, *options])

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{FOLLOWED}Error: Not today.\n"
