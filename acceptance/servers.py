"""Servers of a trial's project, and books for them."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from typing import Any

import apsw
import httpx2
from click.testing import CliRunner

from acceptance.trial import Trial
from bench.data import Book, sqlite_url
from bench.failure import Failure
from dialbook.cli.main import dialbook
from dialbook.store.database import Row
from tests import postgres
from tests.postgres import running_postgres
from tests.processes import HANG_SECONDS, Running, started

SQLITE, POSTGRES = "sqlite", "postgres"


def serving(
    trial: Trial, database: str, *options: str, by: Sequence[str] = (), **settings: object
) -> AbstractContextManager[Running]:
    """`dialbook serve` of the trial's project, in the trial's folder.

    Args:
        trial: whose project it is.
        database: its URL.
        options: of the command.
        by: a command that runs it.
        settings: whatever is not by default, as `workers=2`.
    """
    variables = {f"DIALBOOK_{name.upper()}": str(value) for name, value in settings.items()}
    return started(
        *("serve", "--port", "0", "--database", database, *options),
        folder=trial.folder,
        by=by,
        PYTHONPATH=str(trial.project / "src"),
        **variables,
    )


@contextmanager
def new_databases(trial: Trial) -> Iterator[Iterator[str]]:
    """URLs of empty databases without end, of the trial's engine; PostgreSQL's are gone at the end."""
    if trial.engine == SQLITE:
        yield (sqlite_url(trial.folder / f"book-{n}.db") for n in count())
        return
    with running_postgres() as server:
        yield iter(server.create_book, "")


def client_of(server: Running, book: Book) -> httpx2.Client:
    """A client whose paths are below the account."""
    return httpx2.Client(base_url=server.url + book.path, headers=book.headers, timeout=HANG_SECONDS, verify=False)


def rows(database: str, sql: str) -> list[Row]:
    """What a database has, asked behind Dialbook's back."""
    if database.startswith("postgresql://"):
        return postgres.ask(database, sql)
    with closing(apsw.Connection(database.removeprefix("sqlite:///"))) as connection:
        connection.set_busy_timeout(HANG_SECONDS * 1000)  # a process that was killed may not be gone yet
        return connection.execute(sql).fetchall()


def complaints(database: str) -> list[str]:
    """What `dialbook doctor` finds wrong: the file, each row's parents, each counter."""
    said = CliRunner().invoke(dialbook, ["doctor", "--database", database, "--json"])
    if not said.stdout.startswith("["):
        return [said.output]
    return [f"{check['name']}: {check['found']}" for check in json.loads(said.stdout) if not check["ok"]]


def wait_until_ready(server: Running) -> None:
    """Ask until it says that it is ready.

    Raises:
        Failure: it never is.
    """
    began = time.monotonic()
    while time.monotonic() - began < HANG_SECONDS:
        if httpx2.get(f"{server.url}/readyz", timeout=HANG_SECONDS).status_code == 200:
            return
    raise Failure(f"{server.url} is never ready: {server.errors[-300:]}")


def upload_file(http: httpx2.Client, name: str, file: bytes) -> str:
    """Upload a file into a new list; return the upload's id.

    Raises:
        HTTPStatusError: it was not accepted.
    """
    files = {"file_name": ("rows.csv", file, "text/csv")}
    answer = http.post("/contacts/csv-upload", data={"list_name": name}, files=files).raise_for_status()
    return str(answer.json()["response"]["data"]["summary"]["upload_id"])


def ended_upload(http: httpx2.Client, upload: str, *, seconds: float) -> Mapping[str, Any]:
    """Wait for an upload's end, for so long; return what is known of it then, nothing if it is not there."""
    ends = time.monotonic() + seconds
    while (answer := http.get(f"/csv-status/{upload}")).status_code == 200:
        data: Mapping[str, Any] = answer.json()["response"]["data"]
        if data["status"] != "in-progress" or time.monotonic() > ends:
            return data
        time.sleep(0.02)
    return {}


def data_of(answer: httpx2.Response) -> list[Any]:
    """The data of each item of a bulk's answer."""
    return [item["data"] for item in answer.json()["response"]]
