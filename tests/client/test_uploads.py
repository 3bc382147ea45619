"""Uploads: sent from a path, a file or bytes; waited for, cancelled, and their rejected rows read."""

import asyncio
import gzip
import io
import os
import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dialbook import AsyncClient, Client, Invalid, NotFound, NotOffered
from dialbook.client import Upload, UploadStats
from tests.client.peer import Act, contact, ok, peer, refusal
from tests.conftest import NUMBERS, Server, run_cli, work_off
from tests.conftest import Client as Caller

FILE = f"number,first_name\n{NUMBERS[0]},Asha\nnobody,\n{NUMBERS[1]},Bharat\n".encode()


def test_an_upload_is_sent_worked_off_and_reported(client: Client, server: Server) -> None:
    accepted = client.upload_csv(FILE, "Friends")
    assert accepted.list_sid is not None
    assert client.get_upload(accepted.upload_id).is_running

    work_off(server)
    upload = client.wait_for_upload(accepted.upload_id)

    assert (upload.status, upload.stats) == ("completed", UploadStats(duplicate=0, total=3, success=2, failed=1))
    assert [found.number for found in client.iter_members(accepted.list_sid)] == NUMBERS[:2]
    (rejected,) = client.list_upload_errors(accepted.upload_id)
    assert (rejected.line, rejected.number, rejected.reason) == (3, "nobody", "number_invalid")


@pytest.mark.sqlite
def test_a_report_is_walked_through_and_carried_on_with(client: Client, server: Server) -> None:
    rows = "".join(f"none{n}\n" for n in range(5))
    upload = client.upload_csv(f"number\n{rows}".encode(), "Friends").upload_id
    work_off(server)

    for left_after in range(6):
        walk = client.iter_upload_errors(upload, page_size=2)
        begun = [row.line for row in islice(walk, left_after)]
        rest = client.iter_upload_errors(upload, page_size=3, position=walk.position)
        assert begun + [row.line for row in rest] == [2, 3, 4, 5, 6]


def as_path(folder: Path) -> Path:
    (folder / "friends.csv").write_bytes(FILE)
    return folder / "friends.csv"


def as_pipe(_: Path) -> io.BufferedReader:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:
        end.write(FILE)
    return os.fdopen(reading, "rb")


def as_named_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "fifo")
    threading.Thread(target=(folder / "fifo").write_bytes, args=[FILE]).start()
    return folder / "fifo"


def as_archive(folder: Path) -> io.BufferedIOBase:
    (folder / "friends.csv.gz").write_bytes(gzip.compress(FILE))
    return gzip.open(folder / "friends.csv.gz")


@pytest.mark.parametrize(
    "make",
    [
        as_path,
        lambda folder: str(as_path(folder)),
        as_pipe,
        as_named_pipe,
        as_archive,
        lambda _: io.BytesIO(FILE),
        lambda _: FILE,
    ],
)
def test_a_file_may_come_in_any_form(
    client: Client, server: Server, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    file = make(tmp_path)
    upload = client.upload_csv(file, "Friends", type="dynamic")
    if isinstance(file, io.IOBase):
        file.close()
    work_off(server)

    assert client.get_upload(upload.upload_id).stats.success == 2


def test_a_file_is_sent_whole_again_after_a_refusal(tmp_path: Path) -> None:
    summary = {"summary": {"upload_id": "c" * 32, "list_sid": None, "url": "/"}}
    pauses: list[float] = []
    for make in (as_path, as_pipe):
        with peer(refusal(429, 1006), ok(summary)) as there, Client(there.url, sleep=pauses.append) as client:
            file = make(tmp_path)
            assert client.upload_csv(file, "Friends").upload_id == "c" * 32
            if isinstance(file, io.IOBase):
                file.close()
        assert [FILE in request for request in there.requests] == [True, True]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_file_that_does_not_tell_its_size_is_sent_whole() -> None:
    with peer(ok({"summary": {"upload_id": "c" * 32}})) as there, Client(there.url) as client:
        client.upload_csv("/proc/self/status", "Friends")

    assert b"VmPeak" in there.requests[0]


class Restless(io.BytesIO):
    """A file that somebody cuts, or adds to, as soon as it is being read."""

    def __init__(self, size: int) -> None:
        super().__init__(FILE)
        self._becomes = size

    def read(self, size: int | None = -1) -> bytes:
        place = self.tell()
        self.truncate(min(self._becomes, len(FILE)))
        self.seek(0, os.SEEK_END)
        self.write(b"x" * (self._becomes - len(FILE)))
        self.seek(place)
        return super().read(size)


def test_a_file_that_grows_is_sent_as_it_was() -> None:
    with peer(ok({"summary": {"upload_id": "c" * 32}})) as there, Client(there.url) as client:
        client.upload_csv(Restless(len(FILE) + 100), "Friends")

    assert FILE + b"\r\n--" in there.requests[0]


def test_of_a_file_that_shrinks_that_is_said() -> None:
    with peer(ok({})) as there, Client(there.url) as client, pytest.raises(OSError, match="became shorter"):
        client.upload_csv(Restless(5), "Friends")


def test_a_file_that_was_opened_as_text_is_refused() -> None:
    text: Any = io.StringIO(FILE.decode())
    with peer() as there, Client(there.url) as client, pytest.raises(TypeError, match="binary"):
        client.upload_csv(text, "Friends")


def test_a_dry_run_writes_nothing(client: Client, server: Server) -> None:
    accepted = client.upload_csv(FILE, "Friends", dry_run=True, on_duplicate="update")
    work_off(server)

    assert client.get_upload(accepted.upload_id).stats.success == 2
    assert list(client.iter_contacts()) == []


@pytest.mark.parametrize("choices", [{"dry_run": True}, {"on_duplicate": "update"}])
@pytest.mark.parametrize("unknown", [refusal(404, 1000), refusal(405, 1005)])
def test_a_server_that_would_pass_over_a_choice_is_sent_nothing(choices: Any, unknown: Act) -> None:
    with peer(unknown) as there, Client(there.url) as client, pytest.raises(NotOffered, match="nothing was sent"):
        client.upload_csv(FILE, "Friends", **choices)

    assert there.lines == ["GET /csv-status?offset=0&limit=1"]


def test_what_every_server_does_is_not_asked_for_first() -> None:
    with peer(ok({"summary": {"upload_id": "c" * 32}})) as there, Client(there.url) as client:
        client.upload_csv(FILE, "Friends", dry_run=False, on_duplicate="skip")

    assert there.lines == ["POST /contacts/csv-upload"]


@pytest.mark.sqlite
def test_a_key_that_may_only_write_chooses_too(server: Server, api: Caller) -> None:
    made = run_cli("key", "create", api.account, "--scope", "write", "--database", server.database)
    with Client(account=api.account, key=made["api_key"], token=made["api_token"], base_url=server.url) as client:
        assert client.upload_csv(FILE, "Friends", on_duplicate="update").upload_id


def test_a_cancelled_upload_has_ended(client: Client) -> None:
    accepted = client.upload_csv(FILE, "Friends")

    cancelled = client.cancel_upload(accepted.upload_id)

    assert not cancelled.is_running
    assert client.wait_for_upload(accepted.upload_id) == cancelled


def test_uploads_are_listed_newest_first(client: Client) -> None:
    accepted = [client.upload_csv(FILE, "Friends").upload_id for _ in range(3)]
    newest_first = sorted(accepted, reverse=True)

    page = client.list_uploads(offset=1, limit=1)

    assert (page.offset, page.limit, page.total) == (1, 1, 3)
    assert [upload.upload_id for upload in page] == newest_first[1:2]
    assert [upload.upload_id for upload in client.iter_uploads(page_size=2)] == newest_first
    assert [upload.date_ended for upload in client.iter_uploads()] == [None] * 3


def test_what_is_no_csv_is_refused(client: Client) -> None:
    with pytest.raises(Invalid):
        client.upload_csv(b"name\nAsha\n", "Friends")
    with pytest.raises(NotFound):
        client.get_upload("0" * 32)


def test_who_waits_is_told_how_far_it_is(url: str, server: Server) -> None:
    """The work is done in the pause, so that nobody waits."""
    pauses: list[float] = []
    seen: list[Upload] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            work_off(server)

    with Client(url, sleep=sleep) as client:
        client.wait_for_upload(client.upload_csv(FILE, "Friends").upload_id, seen.append)

    assert pauses == [0.25, 0.5, 1.0]
    assert [upload.status for upload in seen] == ["in-progress"] * 3 + ["completed"]


def test_an_asynchronous_upload(url: str, server: Server) -> None:
    async def sleep(_: float) -> None:
        await asyncio.to_thread(work_off, server)

    async def upload() -> Upload:
        async with AsyncClient(url, sleep=sleep) as client:
            return await client.wait_for_upload((await client.upload_csv(io.BytesIO(FILE), "Friends")).upload_id)

    assert asyncio.run(upload()).stats.success == 2


def test_an_answer_without_a_summary_is_not_taken_for_one() -> None:
    with peer(ok(contact(1))) as there, pytest.raises(Exception, match="summary"):
        Client(there.url).upload_csv(FILE, "Friends")
