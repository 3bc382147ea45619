"""The files of uploads: whose they are, and when they go."""

import asyncio
import os
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from dialbook.jobs.runner import Runner
from dialbook.model.errors import Unavailable
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.settings import Settings
from dialbook.store.engines import open_database
from dialbook.store.spool import Spool
from tests.conftest import CHUNK, NUMBERS, Client, Server, serving, work_off
from tests.server.uploads.sending import (
    FILE,
    FORM,
    NAME,
    files_in,
    folder_of,
    refusal_of,
    status_of,
    to_csv,
    upload,
    upload_of,
)


def test_a_client_that_leaves_leaves_no_file(api: Client, server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    assert isinstance(api.http.auth, httpx2.BasicAuth)
    signed = next(api.http.auth.auth_flow(api.http.build_request("GET", "/"))).headers["authorization"]
    head = (
        f"POST /v2/accounts/{api.account}/contacts/csv-upload HTTP/1.1\r\nHost: x\r\nAuthorization: {signed}\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\nContent-Length: 1000000\r\n\r\n"
    ).encode()
    with closing(socket.create_connection((host, int(port)))) as caller:
        caller.sendall(head + NAME + FILE[:-2] + b"1" * 600_000)
        while not files_in(server):
            pass

    while files_in(server):
        pass
    assert api.get("/lists").json()["metadata"]["total"] == 0


def test_a_file_is_its_owners_alone_and_goes_with_the_end(api: Client, server: Server) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    folder = folder_of(server)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / f"{upload_of(answer)}.upload")]
    work_off(server)

    assert modes == [0o700, 0o600]
    assert files_in(server) == []


def test_a_file_that_nobody_waits_for_is_removed(api: Client, server: Server) -> None:
    api.upload(b"number\n")
    path = folder_of(server) / f"{'0' * 32}.upload"
    path.write_bytes(b"number\n")

    work_off(server)
    # Somebody's upload may still come whose answer was lost.
    kept = files_in(server)
    make_old(path)
    work_off(server)

    assert kept == [path.name]
    assert files_in(server) == []


def test_what_is_no_upload_is_left_alone(api: Client, server: Server) -> None:
    """Somebody may have given a folder that other things are in."""
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    folder = folder_of(server)
    (folder / "book.db").write_bytes(b"precious")
    (folder / "lost+found").mkdir()
    (folder / f"{'1' * 32}.upload").mkdir()

    work_off(server)

    assert status_of(api, answer)["status"] == "completed"
    assert sorted(files_in(server)) == [f"{'1' * 32}.upload", "book.db", "lost+found"]
    (folder / "book.db").unlink()
    (folder / "lost+found").rmdir()
    (folder / f"{'1' * 32}.upload").rmdir()


def test_a_file_that_cannot_be_read_keeps_no_others_waiting(connect: Callable[..., Client], server: Server) -> None:
    one, other = connect(), connect()
    broken = one.upload(to_csv(["number"], [NUMBERS[0]]))
    path = folder_of(server) / f"{upload_of(broken)}.upload"
    path.unlink()
    path.mkdir()
    answer = other.upload(to_csv(["number"], [NUMBERS[0]]))

    work_off(server)

    assert status_of(other, answer)["status"] == "completed"
    assert status_of(one, broken)["status"] == "in-progress"
    path.rmdir()
    work_off(server)
    assert status_of(one, broken)["reason"] == "Its file is gone."


@pytest.mark.sqlite
def test_one_that_cannot_be_read_and_nobody_waits_for_stays_and_is_named_once(
    api: Client, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    path = folder_of(server) / f"{'2' * 32}.upload"
    path.symlink_to(Path(sys.executable).resolve())  # which nobody may write to while it runs

    work_off(server)

    left = files_in(server)
    path.unlink()
    assert status_of(api, answer)["status"] == "completed"
    assert left == [path.name]
    assert caplog.text.count(f"the file of upload {'2' * 32} stays: it cannot be read (") == 1


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe\x00damaged"])
def test_a_folder_whose_name_cannot_be_read_is_said_to_be_damaged_and_goes_on_with_its_name(
    damaged: bytes, api: Client, server: Server
) -> None:
    answer = api.upload(to_csv(["number"], [NUMBERS[0]]))
    path = folder_of(server) / "folder-name"
    name = path.read_bytes()
    path.write_bytes(damaged)

    refused = api.upload(to_csv(["number"], [NUMBERS[1]]))
    ready = httpx2.get(f"{server.url}/readyz").json()
    with suppress(Unavailable):
        work_off(server)
    path.write_bytes(name)
    work_off(server)

    said = "The server's folder for uploads cannot be used (its file folder-name is damaged)."
    assert (refusal_of(refused, 503), ready["reasons"]) == (said, [said])
    assert status_of(api, answer)["stats"]["success"] == 1


@pytest.mark.parametrize("rows", [CHUNK - 1, CHUNK, CHUNK + 7])
def test_a_file_that_was_cut_short_meanwhile_is_not_completed(rows: int, api: Client, server: Server) -> None:
    """The row in which it was cut may look like a whole one: no chunk that ends in it is written."""
    answer = api.upload(to_csv(["number", "first_name"], *([each, "Asha"] for each in NUMBERS[: 3 * CHUNK])))
    path = folder_of(server) / f"{upload_of(answer)}.upload"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: rows + 1])[:-4])

    work_off(server)

    status = status_of(api, answer)
    assert (status["status"], status["stats"]["total"]) == ("failed", rows - rows % CHUNK)
    assert status["reason"] == f"Its file has {rows} rows, and had {3 * CHUNK} when it was accepted: send it again."
    assert files_in(server) == []


def make_old(path: Path) -> None:
    os.utime(path, (0, 0))


class Surprised(Spool):
    """A folder into which a file comes at the moment at which somebody looks through it."""

    def __init__(self, folder: Path, receive: Callable[[], object]) -> None:
        super().__init__(folder)
        self._receive = receive

    def sids(self) -> Sequence[str]:
        self._receive()
        return super().sids()


def test_a_file_that_comes_while_others_are_swept_away_stays(api: Client, server: Server) -> None:
    upload(api, server, to_csv(["number"], [NUMBERS[0]]))
    answers: list[httpx2.Response] = []
    spool = Surprised(folder_of(server), lambda: answers.append(api.upload(to_csv(["number"], [NUMBERS[1]]))))
    limits = UploadLimits(ListLimits(), 10_000)
    with (
        closing(open_database(server.database)) as db,
        asyncio.Runner() as loop,
        closing(Runner(db, spool, limits, lambda: datetime.now(UTC))) as runner,
    ):
        loop.run(runner.turn())

    work_off(server)

    assert status_of(api, answers[0])["stats"]["success"] == 1


def test_uploads_whose_folder_is_taken_away_are_told_of_in_the_log_once(
    new_database: Callable[[], str],
    connect: Callable[..., Client],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And once more when the folder is made again, since that is another."""

    def told() -> list[str]:
        said = [record.getMessage() for record in caplog.records if record.name == "dialbook.jobs.runner"]
        caplog.clear()
        return said

    with serving(Settings(database=new_database(), upload_folder=str(tmp_path))) as server:
        api = connect(to=server)
        lost = api.upload(to_csv(["number"], [NUMBERS[0]], [NUMBERS[1]]))
        folder, limits = folder_of(server), UploadLimits(ListLimits(), 10_000, chunk=1)
        with (
            closing(open_database(server.database)) as db,
            asyncio.Runner() as loop,
            closing(Runner(db, Spool(folder), limits, lambda: datetime.now(UTC))) as runner,
        ):
            loop.run(runner.turn())
            before = told()
            shutil.rmtree(folder)
            turned = [loop.run(runner.turn()) for _ in range(3)]
            gone = told()
            later = api.upload(to_csv(["number"], [NUMBERS[2]]), "Later")
            while loop.run(runner.turn()):
                pass
            back = told()
        statuses = [status_of(api, answer)["status"] for answer in (lost, later)]

    warning = f"1 uploads wait whose files are not in {folder}"
    assert (before, turned, gone) == ([], [False] * 3, [warning])
    assert (back[0], statuses) == (warning, ["in-progress", "completed"])
    assert back.count(warning) == 1
