"""The folder of uploads' files is known by its name: without it, or with another, no file that is waited for goes."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from dialbook.model.errors import Unavailable
from tests.cli.test_erase import run
from tests.conftest import NUMBERS, Client, Server, execute, turns, work_off
from tests.server.uploads.sending import files_in, folder_of, refusal_of, status_of, to_csv, upload_of

pytestmark = pytest.mark.sqlite

SAID = (
    "The server's folder for uploads cannot be used (its file folder-name is missing, and files of uploads are there: "
    "give it back, or cancel the uploads that wait and move their files away)."
)


@pytest.fixture
def owner(alone: Server, connect: Callable[..., Client]) -> Client:
    return connect(to=alone)


def rename(folder: Path) -> str:
    """Give a folder another name, and return the one that it had."""
    path = folder / "folder-name"
    before = path.read_text()
    path.write_text("0" * 32)
    return before


def test_a_folder_that_has_lost_its_name_takes_no_other(alone: Server, owner: Client) -> None:
    answer = owner.upload(to_csv(["number"], [NUMBERS[0]]))
    path = folder_of(alone) / "folder-name"
    name = path.read_text()
    path.unlink()

    refused = owner.upload(to_csv(["number"], [NUMBERS[1]]))
    ready = httpx2.get(f"{alone.url}/readyz").json()
    with pytest.raises(Unavailable) as waits:
        work_off(alone)
    kept = files_in(alone)
    path.write_text(name)
    work_off(alone)

    assert (refusal_of(refused, 503), ready["reasons"], str(waits.value)) == (SAID, [SAID], SAID)
    assert kept == [f"{upload_of(answer)}.upload"]
    assert status_of(owner, answer)["stats"]["success"] == 1


def test_an_upload_that_cannot_be_noted_leaves_no_file(alone: Server, owner: Client) -> None:
    execute(alone.database, "DELETE FROM audit_chains WHERE account = :account", account=owner.account)

    refused = owner.upload(to_csv(["number"], [NUMBERS[0]]))

    assert "The account's audit log is damaged" in refusal_of(refused, 503)
    assert files_in(alone) == []


def test_a_folder_without_its_name_is_taken_anew_once_its_files_are_away(alone: Server, owner: Client) -> None:
    lost = owner.upload(to_csv(["number"], [NUMBERS[0]]))
    folder = folder_of(alone)
    (folder / "folder-name").unlink()
    owner.delete(f"/csv-status/{upload_of(lost)}")
    (folder / f"{upload_of(lost)}.upload").unlink()

    answer = owner.upload(to_csv(["number"], [NUMBERS[1]]))
    work_off(alone)

    assert status_of(owner, answer)["status"] == "completed"


def test_a_file_stays_that_an_upload_of_another_folder_waits_for(
    alone: Server, owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been moved from there."""
    monkeypatch.setenv("DIALBOOK_UPLOAD_FOLDER", alone.settings.upload_folder)
    answer = owner.upload(to_csv(["number"], [NUMBERS[0]], [NUMBERS[1]]))
    begun = turns(alone, chunk=1)
    next(begun)
    name = rename(folder_of(alone))

    assert list(begun) == []  # whoever has it open already removes it no more than others do
    work_off(alone)
    run("erase", NUMBERS[2], "--account", owner.account, "--yes", "--database", alone.database)
    kept = files_in(alone)
    (folder_of(alone) / "folder-name").write_text(name)
    work_off(alone)

    assert kept == [f"{upload_of(answer)}.upload"]
    assert status_of(owner, answer)["stats"]["success"] == 2
