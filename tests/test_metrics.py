"""What Prometheus reads: every request of every worker, what the database holds, and nobody's data."""

import os
import re
import shutil
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import NUMBERS, run_cli
from tests.disks import fill_up, mounted
from tests.processes import Running, run_program, started
from tests.raw import connected, read_answer, read_to_end

pytestmark = pytest.mark.timeout(60)

Metrics = Mapping[tuple[str, ...], float]

TIMES = 40  # enough that each of two workers gets some


class Book:
    """A database with an account, and how its server is asked."""

    def __init__(self, database: str, folder: Path) -> None:
        run_cli("account", "create", "acme", "--database", database)
        self.key = run_cli("key", "create", "acme", "--database", database)
        self.database = database
        self.port = _free_port()
        self._folder = folder

    @contextmanager
    def served(self, *options: str, **variables: str) -> Iterator[Running]:
        metrics = {"DIALBOOK_METRICS_PORT": str(self.port), "DIALBOOK_UPLOAD_FOLDER": str(self._folder / "uploads")}
        options = ("--port", "0", "--database", self.database, *options)
        with started("serve", *options, folder=self._folder, **metrics, **variables) as server:
            yield server

    def ask(self, server: Running, method: str, path: str, **options: Any) -> int:
        """Ask over a connection of its own; return the status."""
        auth = (self.key["api_key"], self.key["api_token"])
        with httpx2.Client(verify=False, timeout=60) as http:
            return http.request(method, f"{server.url}/v2/accounts/acme{path}", auth=auth, **options).status_code

    def text(self) -> str:
        return httpx2.get(f"http://127.0.0.1:{self.port}/metrics").text

    def metrics(self) -> Metrics:
        """Each sample by its name and the values of its labels, which are sorted by their names."""
        families = text_string_to_metric_families(self.text())
        return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}

    def metrics_once(self, *sample: str, is_: float) -> Metrics:
        """The same, once a sample has a value: what is answered is counted right after."""
        while (found := self.metrics()).get(sample, 0) < is_:
            pass
        assert found[sample] == is_
        return found


@pytest.fixture
def book(new_database: Callable[[], str], tmp_path: Path) -> Book:
    return Book(new_database(), tmp_path)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_request_of_every_worker_is_counted(workers: str, book: Book) -> None:
    with book.served("--workers", workers) as server:
        _wait_for_workers(server, int(workers))
        for number in NUMBERS[:TIMES]:
            assert book.ask(server, "POST", "/contacts", json={"contacts": [{"number": number}]}) == 200
        assert book.ask(server, "GET", "/contacts/nobody") == 404
        assert book.ask(server, "GET", "/nowhere") == 404

        book.metrics_once("dialbook_requests_total", "other", "other", "404", is_=1)
        book.metrics_once("dialbook_requests_total", "GET", "get_contact", "404", is_=1)
        book.metrics_once("dialbook_requests_total", "POST", "create_contacts", "200", is_=TIMES)
        while (found := book.metrics())[
            "dialbook_changes_waiting",
        ]:  # at the last look, which may be of a change above
            pass

    assert found["dialbook_request_seconds_count", "POST", "create_contacts"] == TIMES
    assert found["dialbook_request_seconds_bucket", "+Inf", "POST", "create_contacts"] == TIMES
    assert 0 < found["dialbook_request_seconds_sum", "POST", "create_contacts"] < 60 * TIMES
    assert found["dialbook_workers",] == int(workers)
    assert found["dialbook_contacts",] == TIMES
    assert found["dialbook_accounts",] == found["dialbook_database_up",] == 1
    assert found["dialbook_database_bytes",] > 100_000
    assert found["dialbook_event_loop_lag_seconds_count",] > 0
    assert found["dialbook_uploads_queued",] == 0


@pytest.mark.sqlite
def test_a_worker_that_ends_takes_no_count_with_it(book: Book) -> None:
    with book.served("--workers", "2") as server:
        _wait_for_workers(server, 2)
        for _ in range(TIMES):
            book.ask(server, "GET", "/contacts")
        book.metrics_once("dialbook_requests_total", "GET", "list_contacts", "200", is_=TIMES)
        first, second = re.findall(r"Started server process \[(\d+)\]", server.errors)
        os.kill(int(first), signal.SIGKILL)
        _wait_for_workers(server, 3)
        os.kill(int(second), signal.SIGTERM)
        _wait_for_workers(server, 4)
        book.ask(server, "GET", "/contacts")

        found = book.metrics_once("dialbook_requests_total", "GET", "list_contacts", "200", is_=TIMES + 1)

    assert found["dialbook_workers",] == 2


@pytest.mark.sqlite
def test_when_the_temporary_folder_is_taken_away_counts_go_on_and_workers_begin(book: Book, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with book.served("--workers", "2", TMPDIR=str(temporary), DIALBOOK_RATE_LIMIT=str(TIMES)) as server:
        _wait_for_workers(server, 2)
        for _ in range(TIMES):
            book.ask(server, "GET", "/contacts")
        book.metrics_once("dialbook_requests_total", "GET", "list_contacts", "200", is_=TIMES)
        shutil.rmtree(temporary)

        kept = book.metrics_once("dialbook_requests_total", "GET", "list_contacts", "200", is_=TIMES)
        asked = [book.ask(server, "GET", "/contacts") for _ in range(TIMES)]
        for worker in re.findall(r"Started server process \[(\d+)\]", server.errors):
            os.kill(int(worker), signal.SIGKILL)
        _wait_for_workers(server, 4)
        late = book.ask(server, "GET", "/contacts")
        found = book.metrics_once("dialbook_requests_total", "GET", "list_contacts", "429", is_=1)

    assert kept["dialbook_workers",] == found["dialbook_workers",] == 2
    assert found["dialbook_requests_total", "GET", "list_contacts", "200"] == 2 * TIMES
    assert (asked, late) == ([200] * TIMES, 429)  # counted anew, by all workers together
    assert [*temporary.iterdir()] == []


@pytest.mark.sqlite
def test_when_the_disk_is_full_too_it_goes_on_and_counts_come_back_with_the_room(book: Book, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", 1_000_000) as disk, book.served(TMPDIR=str(disk)) as server:
        _wait_for_workers(server, 1)
        fill_up(disk)
        (counts,) = disk.glob("dialbook-*/*.counts")
        counts.unlink()

        asked = [book.ask(server, "GET", "/contacts") for _ in range(TIMES)]
        left = [*disk.glob("dialbook-*/*.counts")]
        (disk / "more-ballast").unlink()
        found = book.metrics_once("dialbook_requests_total", "GET", "list_contacts", "200", is_=TIMES)

    assert asked == [200] * TIMES
    assert left == []
    assert found["dialbook_workers",] == 1


@pytest.mark.sqlite
def test_a_worker_that_has_no_room_to_count_says_so_until_it_has(book: Book, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", 1_000_000) as disk, book.served("--workers", "2", TMPDIR=str(disk)) as server:
        _wait_for_workers(server, 2)
        fill_up(disk)
        first, _ = re.findall(r"Started server process \[(\d+)\]", server.errors)
        os.kill(int(first), signal.SIGKILL)

        while "No space left on device" not in server.errors:
            pass
        (disk / "more-ballast").unlink()
        _wait_for_workers(server, 3)

        assert "a worker cannot begin: Nothing can be counted in" in server.errors


@pytest.mark.sqlite
def test_what_cannot_be_read_is_counted_and_logged_and_probes_are_not(book: Book) -> None:
    with book.served() as server:
        with connected(server) as sock:
            sock.sendall(b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 10_000))
            answer = read_answer(read_to_end(sock))
        httpx2.get(f"{server.url}/healthz").raise_for_status()

        found = book.metrics_once("dialbook_requests_total", "other", "other", "414", is_=1)

        assert found["dialbook_request_seconds_count", "other", "other"] == 1
        assert f"{answer.headers['x-request-id']} - - 414 " in server.errors


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("path", "operation"),
    [("/lists/nothing/contacts", "export_members"), ("/csv-status/nothing/errors", "export_report")],
)
def test_what_is_sent_as_a_whole_is_counted_and_logged_apart_from_pages(path: str, operation: str, book: Book) -> None:
    """However long somebody takes for it, pages are not slow."""
    with book.served() as server:
        assert book.ask(server, "GET", path, headers={"Accept": "text/csv"}) == 404

        book.metrics_once("dialbook_requests_total", "GET", operation, "404", is_=1)

        assert f" acme {operation} 404 " in server.errors


@pytest.mark.sqlite
def test_failures_are_told_of_before_there_are_any(book: Book) -> None:
    with book.served():
        found = book.metrics()

    assert {found["dialbook_requests_total", "GET", "list_members", status] for status in ("500", "503")} == {0}


def test_rows_of_uploads_are_counted(book: Book) -> None:
    file = "\n".join(["number", *NUMBERS[:100], "bad"]).encode()
    with book.served() as server:
        form = {"files": {"file_name": ("a.csv", file, "text/csv")}, "data": {"list_name": "Friends"}}
        assert book.ask(server, "POST", "/contacts/csv-upload", **form) == 202

        found = book.metrics_once("dialbook_upload_rows_total", is_=101)

    assert found["dialbook_lists",] == 1


def test_nothing_in_it_is_somebodys(book: Book) -> None:
    with book.served() as server:
        contact = {"number": NUMBERS[0], "first_name": "Canary"}
        book.ask(server, "POST", "/contacts", json={"contacts": [contact]})
        book.ask(server, "GET", f"/contacts/{NUMBERS[0]}", params={"name": "Canary"})
        book.metrics_once("dialbook_requests_total", "GET", "get_contact", "404", is_=1)
        text = book.text()

    for secret in ("acme", "Canary", NUMBERS[0][1:], book.key["api_key"], book.key["api_token"], "open-sesame"):
        assert secret not in text


@pytest.mark.sqlite
def test_there_are_none_unless_they_are_asked_for(book: Book) -> None:
    with started("serve", "--port", "0", "--database", book.database, folder=Path("/")) as server:
        assert httpx2.get(f"{server.url}/metrics").status_code == 404
        with pytest.raises(httpx2.ConnectError):
            book.text()


@pytest.mark.sqlite
def test_callers_of_the_api_cannot_read_them(book: Book) -> None:
    with book.served() as server:
        assert httpx2.get(f"{server.url}/metrics").status_code == 404


@pytest.mark.sqlite
def test_a_taken_port_is_refused(book: Book, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", book.port)):
        result = run_program(
            *("serve", "--port", "0", "--database", book.database),
            folder=tmp_path,
            DIALBOOK_METRICS_PORT=str(book.port),
        )

    assert (result.returncode, result.stdout) == (1, "")
    assert f"Error: Metrics cannot be served on 127.0.0.1 port {book.port}: Address already in use." in result.stderr


def _wait_for_workers(server: Running, count: int) -> None:
    """Wait until so many have begun in all."""
    while server.errors.count("Application startup complete") < count:
        pass


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
