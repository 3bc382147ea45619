"""A SQLite book on a disk that is full."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, run_cli, serving
from tests.disks import fill_up, mounted
from tests.processes import run_program

DISK = 8 * 1024 * 1024  # enough that the log is carried over into the file before the disk is full
BALLAST = 2 * 1024 * 1024
ITEMS = 100  # in one request


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with ballast on it."""
    with mounted(tmp_path / "disk", DISK) as folder:
        (folder / "ballast").write_bytes(b"\0" * BALLAST)
        yield folder


class Caller:
    """Makes contacts by bulk requests, and remembers which were acknowledged."""

    def __init__(self, server: Server, http: httpx2.Client, key: dict[str, str]) -> None:
        http.base_url, http.auth = httpx2.URL(server.url), httpx2.BasicAuth(key["api_key"], key["api_token"])
        self._client = Client(http, "acme", key["api_key"], key["api_token"])
        self._batches = (NUMBERS[i : i + ITEMS] for i in range(0, len(NUMBERS), ITEMS))
        self.acknowledged: list[str] = []

    def create(self) -> httpx2.Response:
        numbers = next(self._batches)
        answer = self._client.post("/contacts", {"contacts": [{"number": number} for number in numbers]})
        if answer.status_code == 200:
            self.acknowledged += numbers
        return answer

    def numbers(self) -> list[str]:
        """Of all contacts that there are, in the order in which they were made."""
        found: list[str] = []
        while (page := self._client.get("/contacts", offset=len(found), limit=5000).json())["response"]:
            found += [item["data"]["number"] for item in page["response"]]
        assert page["metadata"]["total"] == len(found)
        return found


@pytest.fixture
def key_of_small_book(small_disk: Path) -> dict[str, str]:
    database = f"sqlite:///{small_disk}/book.db"
    run_cli("account", "create", "acme", "--database", database)
    key: dict[str, str] = run_cli("key", "create", "acme", "--database", database)
    return key


def test_a_full_disk_refuses_changes_and_loses_none_that_was_acknowledged(
    small_disk: Path, key_of_small_book: dict[str, str]
) -> None:
    database = f"sqlite:///{small_disk}/book.db"
    with serving(Settings(database=database)) as server, httpx2.Client(timeout=60, verify=False) as http:
        caller = Caller(server, http, key_of_small_book)
        while (refused := caller.create()).status_code == 200:
            pass
        fill_up(small_disk)
        still_refused = [caller.create() for _ in range(3)]
        while_full = caller.numbers()
        acknowledged_before = len(caller.acknowledged)

        (small_disk / "ballast").unlink()
        accepted_again = [caller.create().status_code for _ in range(3)]
        afterwards = caller.numbers()

    assert {answer.status_code for answer in (refused, *still_refused)} == {503}
    assert refused.headers["Retry-After"] == "1"
    assert while_full == caller.acknowledged[:acknowledged_before]
    assert accepted_again == [200, 200, 200]
    assert afterwards == caller.acknowledged
    assert len(while_full) >= 10 * ITEMS
    assert _account(database)["contacts"] == len(afterwards)
    assert all(check["ok"] for check in run_cli("doctor", "--database", database))


def test_a_command_on_a_full_disk_says_so_in_one_line(
    small_disk: Path, key_of_small_book: dict[str, str], tmp_path: Path
) -> None:
    assert key_of_small_book
    database = f"sqlite:///{small_disk}/book.db"
    with serving(Settings(database=database)):  # which has made the files beside the book
        fill_up(small_disk)
        create = ("account", "create", "--database", database)
        done = [run_program(*create, f"account-{n}", folder=tmp_path) for n in range(3)][-1]

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: The database cannot be used now (database or disk is full).\n"


def _account(database: str) -> dict[str, object]:
    (found,) = run_cli("account", "list", "--database", database)
    account: dict[str, object] = found
    return account
