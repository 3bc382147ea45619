"""Uploads for which there is no room, on the disk of their files or of the database."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from dialbook.model.errors import Unavailable
from dialbook.settings import Settings
from dialbook.store.spool import RESERVE
from tests.conftest import CHUNK, NUMBERS, Client, Server, serving, turns, work_off
from tests.disks import mounted
from tests.server.uploads.sending import (
    FILE,
    FORM,
    NAME,
    PART,
    files_in,
    members_of,
    refusal_of,
    status_of,
    to_csv,
    upload_of,
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Room for a file, and for what an upload leaves free."""
    with mounted(tmp_path / "disk", RESERVE + 3_000_000) as folder:
        yield folder


@pytest.fixture
def cramped(disk: Path, new_database: Callable[[], str]) -> Iterator[Server]:
    """A server that keeps uploads on that disk."""
    settings = Settings(database=new_database(), upload_limit=2_000_000, upload_folder=str(disk / "uploads"))
    with serving(settings) as server:
        yield server


@pytest.mark.sqlite
def test_an_upload_that_has_no_room_is_refused_before_it_is_kept(
    disk: Path, cramped: Server, connect: Callable[..., Client]
) -> None:
    api = connect(to=cramped)
    assert api.upload(to_csv(["number"], [NUMBERS[0]])).status_code == 202
    work_off(cramped)
    (disk / "ballast").write_bytes(b"\0" * 3_000_000)

    refused = api.upload(to_csv(["number"], [NUMBERS[1]]))

    assert refusal_of(refused, 503) == "The server's folder for uploads has no room."
    assert refused.headers["retry-after"]
    assert files_in(cramped) == []
    (disk / "ballast").unlink()
    assert api.upload(to_csv(["number"], [NUMBERS[1]])).status_code == 202


@pytest.mark.sqlite
def test_a_disk_that_fills_up_meanwhile_keeps_nothing(
    disk: Path, cramped: Server, connect: Callable[..., Client]
) -> None:
    api = connect(to=cramped)
    body = NAME + FILE[:-2] + b"\n" * 1_500_000 + b"\r\n--form--\r\n"

    def send() -> Iterator[bytes]:
        yield body[:700_000]
        while not files_in(cramped):
            pass
        _fill(disk / "ballast")
        yield body[700_000:]

    answer = api.request("POST", "/contacts/csv-upload", headers=FORM, content=send())

    assert refusal_of(answer, 503) == "The server's folder for uploads has no room."
    assert files_in(cramped) == []
    assert api.get("/lists").json()["metadata"]["total"] == 0


@pytest.mark.sqlite
def test_uploads_that_come_at_once_leave_free_together_what_each_leaves(
    cramped: Server, connect: Callable[..., Client]
) -> None:
    """Each finds room for itself before anything is written."""
    api, other = connect(to=cramped), connect(to=cramped)
    file = to_csv(["number", "first_name"], *([number, "A" * 160] for number in NUMBERS[:10_000]))
    body = NAME + PART % (b"file_name", file) + b"--form--\r\n"
    kept: list[httpx2.Response] = []

    def send() -> Iterator[bytes]:
        yield body[:1000]
        while not files_in(cramped):
            pass
        kept.append(other.upload(file))
        yield body[1000:]

    refused = api.request("POST", "/contacts/csv-upload", headers=FORM, content=send())

    assert refusal_of(refused, 503) == "The server's folder for uploads has no room."
    assert files_in(cramped) == [f"{upload_of(kept[0])}.upload"]


@pytest.mark.sqlite
def test_an_upload_waits_while_the_database_has_no_room(tmp_path: Path, connect: Callable[..., Client]) -> None:
    with (
        mounted(tmp_path / "disk", 4 * 2**20) as disk,
        serving(Settings(database=f"sqlite:///{disk}/book.db")) as server,
    ):
        api = connect(to=server)
        answer = api.upload(to_csv(["number"], *[[number] for number in NUMBERS[: 2 * CHUNK]]))
        next(turns(server))
        _fill(disk / "ballast")

        with pytest.raises(Unavailable):
            work_off(server)
        waiting = status_of(api, answer)
        (disk / "ballast").unlink()
        work_off(server)

        assert waiting["status"] == "in-progress"
        assert status_of(api, answer)["stats"]["success"] == 2 * CHUNK
        assert [each["number"] for each in members_of(api, answer)] == NUMBERS[: 2 * CHUNK]


def _fill(file: Path) -> None:
    """Write until the disk is full."""
    with suppress(OSError), file.open("wb", buffering=0) as out:
        while True:
            out.write(b"\0" * 4096)
