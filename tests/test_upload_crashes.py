"""An upload that is killed again and again ends as if nothing had happened; and what it takes of the machine."""

import os
import random
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import run_cli
from tests.effort import SEED, effort
from tests.processes import HANG_SECONDS, Running, children, peak_memory, started

KILLS = 20
ROWS = effort("UPLOAD_ROWS", 50_000)
LIMITS = {"DIALBOOK_DYNAMIC_LIST_LIMIT": "1000000", "DIALBOOK_UPLOAD_FOLDER": "uploads"}


def row(i: int) -> str:
    """Nine of ten rows are good, each with another number; of the others half have none, half come a second time."""
    if i % 20 == 7:
        return f",Nobody {i},"
    number = 9_800_000_000 + (i - 7 if i % 20 == 17 else i)
    return f"{number},Name {i},{i % 50}"


FILE = "\n".join(["number,first_name,score", *(row(i) for i in range(ROWS))]).encode()
STATS = {
    "duplicate": len(range(17, ROWS, 20)),
    "total": ROWS,
    "success": ROWS - len(range(7, ROWS, 20)) - len(range(17, ROWS, 20)),
    "failed": len(range(7, ROWS, 20)),
}


class Caller:
    """Asks one server after another for the same account's data."""

    def __init__(self, key: dict[str, str]) -> None:
        self.http = httpx2.Client(auth=(key["api_key"], key["api_token"]), timeout=HANG_SECONDS, verify=False)
        self.url = ""

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(f"{self.url}/v2/accounts/acme{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def upload(self, file: bytes, **fields: str) -> str:
        answer = self.http.post(
            f"{self.url}/v2/accounts/acme/contacts/csv-upload",
            data={"list_name": "Everyone", "type": "dynamic", **fields},
            files={"file_name": ("rows.csv", file, "text/csv")},
        )
        assert answer.status_code == 202, answer.text
        return str(answer.json()["response"]["data"]["summary"]["upload_id"])

    def status(self, upload: str) -> Any:
        return self.get(f"/csv-status/{upload}")["response"]["data"]

    def wait(self, upload: str) -> Any:
        """Ask until it has ended."""
        while (found := self.status(upload))["status"] == "in-progress":
            pass
        return found

    def pages(self, path: str) -> Iterator[Any]:
        offset, total = 0, 1
        while offset < total:
            page = self.get(path, offset=offset, limit=5000)
            yield from (item["data"] for item in page["response"])
            offset, total = offset + page["metadata"]["count"], page["metadata"]["total"]


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """A database with an account."""
    database = new_database()
    run_cli("account", "create", "acme", "--database", database)
    return database


@pytest.fixture
def caller(database: str) -> Iterator[Caller]:
    """Somebody with a key of the account."""
    caller = Caller(run_cli("key", "create", "acme", "--database", database))
    with caller.http:
        yield caller


@contextmanager
def serving_process(database: str, caller: Caller, folder: Path) -> Iterator[Running]:
    with started("serve", "--port", "0", "--database", database, folder=folder, **LIMITS) as server:
        caller.url = server.url
        yield server


@pytest.mark.timeout(1200)
def test_an_upload_that_is_killed_again_and_again_ends_as_if_it_was_not(
    database: str, caller: Caller, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    with serving_process(database, caller, tmp_path) as server:
        upload = caller.upload(FILE)
        server.stop(signal.SIGKILL)
    seen = [0]

    for _ in range(KILLS):
        with serving_process(database, caller, tmp_path) as server:
            # A kill once it has gone on by some rows: after the end there is nothing to kill.
            enough = min(seen[-1] + chance.randint(0, 2 * ROWS // KILLS), ROWS)
            while (total := caller.status(upload)["stats"]["total"]) < enough:
                pass
            seen.append(total)
            server.kill()

    assert seen == sorted(seen)
    with serving_process(database, caller, tmp_path):
        found = caller.wait(upload)
        assert found["status"] == "completed"
        assert found["stats"] == STATS
        members = list(caller.pages(f"/lists/{found['list_sid']}/contacts"))
        report = list(caller.pages(f"/csv-status/{upload}/errors"))
    good = [i for i in range(ROWS) if i % 20 not in (7, 17)]
    assert [(each["number"], each["first_name"], each["custom_field"]) for each in members] == [
        (f"+91{9_800_000_000 + i}", f"Name {i}", {"score": str(i % 50)}) for i in good
    ]
    assert [(each["line"], each["reason"]) for each in report] == [
        (i + 2, "number_missing" if i % 20 == 7 else "duplicate") for i in range(ROWS) if i % 20 in (7, 17)
    ]
    assert all(check["ok"] for check in run_cli("doctor", "--database", database))
    assert [path.name for path in (tmp_path / "uploads").glob("*/*")] == ["folder-name"]


def test_a_worker_that_dies_is_followed_by_another(database: str, caller: Caller, tmp_path: Path) -> None:
    with serving_process(database, caller, tmp_path) as server:
        while not (workers := children(server.process.pid)):
            pass
        os.kill(workers[0], signal.SIGKILL)
        upload = caller.upload(b"number\n9800000001\n")

        assert caller.wait(upload)["stats"]["success"] == 1
        assert len(children(server.process.pid)) == 1
        assert children(server.process.pid) != workers


@pytest.mark.sqlite
def test_pages_are_answered_while_a_file_is_looked_through(database: str, caller: Caller, tmp_path: Path) -> None:
    with serving_process(database, caller, tmp_path) as server, looking_through(server, caller) as (process, uploading):
        os.kill(process, signal.SIGSTOP)

        assert caller.get("/contacts")["metadata"]["total"] == 0
        assert not uploading.done()

        os.kill(process, signal.SIGCONT)
        assert caller.wait(uploading.result())["stats"] == STATS


def test_a_file_is_refused_when_it_cannot_be_looked_through(database: str, caller: Caller, tmp_path: Path) -> None:
    with serving_process(database, caller, tmp_path) as server, looking_through(server, caller) as (process, uploading):
        os.kill(process, signal.SIGKILL)

        with pytest.raises(AssertionError, match=r'"http_code":503.*send it again'):
            uploading.result()
        assert caller.get("/csv-status")["metadata"]["total"] == 0
    assert not list((tmp_path / "uploads").glob("*/*.upload"))


@contextmanager
def looking_through(server: Running, caller: Caller) -> Iterator[tuple[int, Future[str]]]:
    """The process that looks through a file, and the request that waits for it."""
    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(caller.upload, FILE)
        while not (
            looking := [child for child in children(server.process.pid) if _runs(child, "dialbook.server.look_process")]
        ):
            assert not uploading.done()
        yield looking[0], uploading


def _runs(process: int, module: str) -> bool:
    try:
        return module in Path(f"/proc/{process}/cmdline").read_text()
    except OSError:  # it has ended meanwhile
        return False


def test_two_servers_work_on_different_uploads(database: str, caller: Caller, tmp_path: Path) -> None:
    with serving_process(database, caller, tmp_path), serving_process(database, caller, tmp_path):
        files = [f"number\n{9_800_000_000 + i}\n".encode() for i in range(20)]
        uploads = [caller.upload(file, list_name=f"List {i}") for i, file in enumerate(files)]

        found = [caller.wait(upload) for upload in uploads]

    assert [each["stats"]["success"] for each in found] == [1] * 20
    assert [each["status"] for each in found] == ["completed"] * 20


def test_a_large_file_is_never_held_in_memory(database: str, caller: Caller, tmp_path: Path) -> None:
    """60 MB of rows with long texts, which are as many as a static list may hold."""
    texts = ",".join(["x" * 140] * 4)
    file = "\n".join(
        ["number,first_name,last_name,company_name,email", *(f"{9_800_000_000 + i},{texts}" for i in range(100_000))]
    ).encode()
    with serving_process(database, caller, tmp_path) as server:
        caller.wait(caller.upload(b"number\n"))
        processes = [server.process.pid, *children(server.process.pid)]
        before = [peak_memory(process) for process in processes]

        assert len(file) > 55_000_000
        upload = caller.upload(file, list_name="Large", type="static")
        while caller.status(upload)["stats"]["total"] < 10_000:
            pass
        caller.http.delete(f"{caller.url}/v2/accounts/acme/csv-status/{upload}")

        after = [peak_memory(process) for process in processes]
    assert max(new - old for old, new in zip(before, after, strict=True)) < 64 * 2**20
