"""`dialbook serve`: a process that says where it listens, answers there, and stops when told."""

import fcntl
import json
import os
import shutil
import signal
import socket
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import NUMBERS, run_cli
from tests.contract import check_answer
from tests.disks import mounted
from tests.processes import HEARING, Running, children, is_alive, started
from tests.raw import connected, read_to_end

SIGNALS = {"1": [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], "2": [signal.SIGTERM, signal.SIGINT]}  # of workers
ASKED = 200  # times; with two workers that share them, neither is left out


@pytest.fixture
def auth(database: str) -> httpx2.BasicAuth:
    """A key of an account in a book that nobody serves yet."""
    run_cli("account", "create", "acme", "--database", database)
    made = run_cli("key", "create", "acme", "--database", database)
    return httpx2.BasicAuth(made["api_key"], made["api_token"])


def ask(server: Running, auth: httpx2.BasicAuth) -> httpx2.Response:
    """One request over a connection of its own."""
    with httpx2.Client(verify=False) as http:
        return http.get(f"{server.url}/v2/accounts/acme/contacts", auth=auth)


def probe(server: Running, path: str) -> int:
    return httpx2.get(server.url + path).status_code


def ask_often(server: Running, auth: httpx2.BasicAuth) -> set[int]:
    with ThreadPoolExecutor(8) as pool:
        return {answer.status_code for answer in pool.map(lambda _: ask(server, auth), range(ASKED))}


def test_it_prints_where_it_listens_and_answers_there(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    with started("serve", "--port", "0", "--database", database, folder=tmp_path) as server:
        answer = ask(server, auth)
        documentation = httpx2.get(f"{server.url}/docs")

    check_answer(answer)
    assert answer.status_code == documentation.status_code == 200
    assert database in server.printed
    assert f"{server.url}/docs" in server.printed


def test_an_address_of_ipv6_is_printed_as_a_url(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    with started("serve", "--host", "::1", "--port", "0", "--database", database, folder=tmp_path) as server:
        answer = ask(server, auth)

    assert server.url.startswith("http://[::1]:")
    assert answer.status_code == 200


@pytest.mark.parametrize(("workers", "sign"), [(workers, sign) for workers in SIGNALS for sign in SIGNALS[workers]])
def test_a_signal_stops_it_when_the_request_under_way_is_answered(
    workers: str, sign: signal.Signals, tmp_path: Path, database: str, auth: httpx2.BasicAuth
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = ("--port", "0", "--workers", workers, "--database", database)
    with started("serve", *options, folder=tmp_path, by=HEARING, TMPDIR=str(temporary)) as server:
        assert ask(server, auth).status_code == 200
        with _half_sent(server, auth) as connection:
            server.process.send_signal(sign)
            if workers == "1":  # with more, their parent keeps the socket until the last of them is gone
                _wait_until_refused(server)
            connection.sendall(BODY)
            answer = connection.makefile("rb").read()
        status = server.process.wait()
        assert "Traceback" not in server.errors

    assert b"HTTP/1.1 200 OK" in answer
    assert status == 0
    assert not list(temporary.iterdir())
    assert [each["contacts"] for each in run_cli("account", "list", "--database", database)] == [1]
    socket.create_server(("127.0.0.1", server.port)).close()


@pytest.mark.sqlite
@pytest.mark.parametrize("workers", [1, 2])
def test_who_started_it_to_outlive_a_terminal_is_not_hung_up_on(
    workers: int, tmp_path: Path, database: str, auth: httpx2.BasicAuth
) -> None:
    options = ("serve", "--port", "0", "--workers", str(workers), "--database", database)
    with started(*options, folder=tmp_path, by=["setsid", "nohup"]) as server:
        while server.errors.count("Application startup complete") < workers:
            pass
        processes = children(server.process.pid)

        os.killpg(server.process.pid, signal.SIGHUP)

        assert ask_often(server, auth) == {200}
        assert all(map(is_alive, processes))
        assert "SIGHUP" not in server.errors
        assert server.stop() == 0


def test_workers_count_an_accounts_requests_together(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    options = ("--port", "0", "--workers", "2", "--database", database)
    with started("serve", *options, folder=tmp_path, DIALBOOK_RATE_LIMIT="50") as server:
        while server.errors.count("Application startup complete") < 2:
            pass
        with ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(lambda _: ask(server, auth), range(ASKED))]

    admitted = [answer for answer in answers if answer.status_code == 200]
    assert sorted(int(answer.headers["x-ratelimit-remaining"]) for answer in admitted) == [*range(50)]
    assert {answer.status_code for answer in answers} == {200, 429}


def test_workers_count_failed_sign_ins_together(tmp_path: Path, database: str) -> None:
    options = ("--port", "0", "--workers", "2", "--database", database)
    with started("serve", *options, folder=tmp_path, DIALBOOK_FAILED_SIGN_INS="20") as server:
        while server.errors.count("Application startup complete") < 2:
            pass
        with ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(lambda n: ask(server, httpx2.BasicAuth(f"nobody-{n}", "x")), range(ASKED))]

    assert Counter(answer.status_code for answer in answers) == {401: 20, 429: ASKED - 20}


def test_whoever_cannot_be_counted_is_let_in(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    options = ("--port", "0", "--database", database)
    with started("serve", *options, folder=tmp_path, TMPDIR=str(tmp_path), DIALBOOK_RATE_LIMIT="1") as server:
        while "Application startup complete" not in server.errors:
            pass
        (shared,) = tmp_path.glob("dialbook-*/")
        shutil.rmtree(shared)
        shared.touch()
        answers = [ask(server, auth) for _ in range(2)]
        said = server.errors

    assert {answer.status_code for answer in answers} == {200}
    assert said.count("No requests are counted: Not a directory.") == 1


def test_that_it_may_open_no_more_files_is_in_the_log_once(tmp_path: Path, database: str) -> None:
    few = ["sh", "-c", 'ulimit -n 64; exec "$@"', "sh"]
    with (
        started("serve", "--port", "0", "--database", database, folder=tmp_path, by=few) as server,
        ExitStack() as open_,
    ):
        while "Application startup complete" not in server.errors:
            pass
        for _ in range(64):
            open_.enter_context(closing(socket.create_connection(("127.0.0.1", server.port))))

        while "connections are closed as they come: Too many open files" not in server.errors:
            pass
        open_.close()
        while not is_answered(server):
            pass
        said = server.errors

    assert said.count("connections are closed") == 1


def is_answered(server: Running) -> bool:
    with suppress(httpx2.TransportError):
        return probe(server, "/healthz") == 200
    return False


def test_who_tidies_up_temporary_files_passes_over_its_folder(tmp_path: Path, database: str) -> None:
    """As systemd-tmpfiles does: a folder that it cannot lock is in use, however old it is."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = ("--port", "0", "--database", database)
    with started("serve", *options, folder=tmp_path, TMPDIR=str(temporary)):
        (shared,) = temporary.iterdir()
        directory = os.open(shared, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(directory)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_stops_though_its_temporary_folder_is_gone(workers: str, tmp_path: Path, database: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    options = ("--port", "0", "--workers", workers, "--database", database)
    with started("serve", *options, folder=tmp_path, TMPDIR=str(temporary)) as server:
        while server.errors.count("Application startup complete") < int(workers):
            pass
        for each in temporary.glob("dialbook-*"):
            shutil.rmtree(each)
        status = server.stop()

    assert status == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_goes_on_for_a_while_and_says_that_it_is_stopping(
    workers: str, tmp_path: Path, database: str, auth: httpx2.BasicAuth
) -> None:
    options = ("--port", "0", "--workers", workers, "--database", database)
    with started("serve", *options, folder=tmp_path, DIALBOOK_DRAIN_SECONDS="300") as server:
        while server.errors.count("Application startup complete") < int(workers):
            pass
        assert probe(server, "/readyz") == 200
        server.process.send_signal(signal.SIGTERM)
        while probe(server, "/readyz") == 200:
            pass
        during = probe(server, "/readyz"), probe(server, "/healthz"), ask(server, auth).status_code
        status = server.stop()  # at once, since it is told for the second time

    assert during == (503, 200, 200)
    assert status == 0


@pytest.mark.sqlite
def test_it_says_so_where_no_file_can_be_made_any_more(tmp_path: Path, database: str) -> None:
    options = ("serve", "--port", "0", "--database", database)
    with (
        mounted(tmp_path / "disk", 1_000_000, files=20) as disk,
        started(*options, folder=tmp_path, TMPDIR=str(disk), DIALBOOK_DRAIN_SECONDS="300") as server,
    ):
        while "Application startup complete" not in server.errors:
            pass
        with suppress(OSError):
            for name in NUMBERS:
                (disk / name).touch()

        server.process.send_signal(signal.SIGTERM)
        while probe(server, "/readyz") == 200:
            pass

        assert probe(server, "/readyz") == 503
        assert server.stop() == 0


@pytest.mark.sqlite
def test_it_is_told_to_stop_while_workers_are_replaced(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    options = ("--port", "0", "--workers", "2", "--database", database)
    by = ["setsid", *HEARING]
    with started("serve", *options, folder=tmp_path, by=by, DIALBOOK_DRAIN_SECONDS="300") as server:
        while server.errors.count("Application startup complete") < 2:
            pass
        with _half_sent(server, auth) as connection:  # its worker cannot be replaced before it has come
            os.killpg(server.process.pid, signal.SIGHUP)  # as a terminal does
            while "Waiting for child process" not in server.errors:
                pass
            server.process.send_signal(signal.SIGTERM)
            while send(server, "GET", "/readyz") == 200:
                pass
            server.process.send_signal(signal.SIGTERM)
            while "Received SIGTERM, exiting." not in server.errors:
                pass
            connection.sendall(BODY)
            answer = connection.makefile("rb").read()
        status = server.process.wait()

    assert b"HTTP/1.1 200 OK" in answer
    assert status == 0


def test_replacing_the_workers_loses_no_request(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    """All workers are replaced one after the other, twice. What was begun is answered: who finds a connection closed
    before there was any answer may send again, and does nothing twice."""
    statuses: list[int] = []
    numbers, enough = iter(NUMBERS), threading.Event()
    options = ("--port", "0", "--workers", "2", "--database", database)

    def write(server: Running) -> None:
        while not enough.is_set():
            body = {"contacts": [{"number": next(numbers)}]}
            statuses.append(send(server, "POST", "/v2/accounts/acme/contacts", json=body, auth=auth))
            statuses.append(send(server, "GET", "/readyz"))

    with (
        started("serve", *options, folder=tmp_path, by=HEARING) as server,
        ThreadPoolExecutor(4) as pool,
    ):
        while server.errors.count("Application startup complete") < 2:
            pass
        writers = [pool.submit(write, server) for _ in range(4)]
        for round_ in (1, 2):
            server.process.send_signal(signal.SIGHUP)
            while server.errors.count("Finished server process") < 2 * round_ and not any(map(Future.done, writers)):
                pass
        enough.set()
        for writer in writers:
            writer.result()

    assert set(statuses) == {200}
    stored = [each["contacts"] for each in run_cli("account", "list", "--database", database)]
    assert stored == [len(statuses) // 2]


def test_a_request_that_comes_over_a_new_connection_as_it_stops_is_answered(
    tmp_path: Path, database: str, auth: httpx2.BasicAuth
) -> None:
    with (
        started("serve", "--port", "0", "--database", database, folder=tmp_path) as server,
        connected(server) as connection,
    ):
        ask(server, auth)  # it came later, so that the other is accepted too
        server.process.send_signal(signal.SIGTERM)
        while "Shutting down" not in server.errors:
            pass
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: dialbook\r\n\r\n")
        answer = read_to_end(connection)

    assert answer.startswith(b"HTTP/1.1 200 OK")


def send(server: Running, method: str, path: str, **options: Any) -> int:
    """Send a request, again while its connection is closed before it is answered; its status."""
    while True:
        with suppress(httpx2.RemoteProtocolError, httpx2.ReadError), httpx2.Client(verify=False, timeout=60) as http:
            return http.request(method, f"{server.url}{path}", **options).status_code


@pytest.mark.parametrize("workers", ["1", "2"])
def test_nothing_of_it_stays_when_it_is_killed(workers: str, tmp_path: Path, database: str) -> None:
    options = ("--port", "0", "--workers", workers, "--database", database)
    with started("serve", *options, folder=tmp_path) as server:
        while server.errors.count("Application startup complete") < int(workers):
            pass
        server.stop(signal.SIGKILL)
        _wait_until_free(server.port)


def test_revoking_a_key_closes_it_in_every_worker(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    (key,) = run_cli("key", "list", "acme", "--database", database)
    options = ("--port", "0", "--workers", "2", "--database", database)
    with started("serve", *options, folder=tmp_path, DIALBOOK_FAILED_SIGN_INS="0") as server:
        while server.errors.count("Application startup complete") < 2:
            assert ask(server, auth).status_code == 200
        before = ask_often(server, auth)
        run_cli("key", "revoke", "acme", key["api_key"], "--database", database)
        after = ask_often(server, auth)

    assert (before, after) == ({200}, {401})


def test_settings_of_another_folder_are_none_of_its_business(
    tmp_path: Path, database: str, auth: httpx2.BasicAuth
) -> None:
    """With --config, `dialbook.toml` where it happens to run is not read: not by its workers either."""
    (tmp_path / "dialbook.toml").write_text("no_such_setting = 1\n")
    (tmp_path / "mine.toml").write_text(f"port = 0\ndatabase = {json.dumps(database)}\n")

    with started("serve", "--config", "mine.toml", folder=tmp_path) as server:
        answer = ask(server, auth)

    assert answer.status_code == 200


@pytest.mark.sqlite
def test_files_where_it_runs_are_none_of_its_modules(tmp_path: Path, database: str, auth: httpx2.BasicAuth) -> None:
    """Python would take them for the standard library's: in a folder for all, they are somebody else's program."""
    for name in ("csv", "pickle"):
        (tmp_path / f"{name}.py").write_text("open(__file__ + '.ran', 'w')\nraise ImportError(__file__)\n")
    options = ("--port", "0", "--workers", "2", "--database", database)
    with started("serve", *options, folder=tmp_path) as server:
        answer = httpx2.post(
            f"{server.url}/v2/accounts/acme/contacts/csv-upload",
            data={"list_name": "Friends"},
            files={"file_name": ("rows.csv", f"number\n{NUMBERS[0]}\n".encode())},
            auth=auth,
        )
        while ask(server, auth).json()["metadata"]["total"] == 0 and not [*tmp_path.glob("*.ran")]:
            pass

    assert answer.status_code == 202
    assert [*tmp_path.glob("*.ran")] == []


BODY = json.dumps({"contacts": [{"number": NUMBERS[0]}]}).encode()


def _half_sent(server: Running, auth: httpx2.BasicAuth) -> socket.socket:
    """A connection whose request the server has begun to work on: it asks for the body."""
    request = httpx2.Request("POST", f"{server.url}/v2/accounts/acme/contacts")
    authorization = next(auth.auth_flow(request)).headers["authorization"]
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(
        (
            f"POST {request.url.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n"
        ).encode()
    )
    assert connection.recv(1024).startswith(b"HTTP/1.1 100 Continue")
    return connection


def _wait_until_refused(server: Running) -> None:
    """Wait until the server has understood that it is to stop: from then on it takes no connection."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", server.port)).close()
        except ConnectionError:
            return


def _wait_until_free(port: int) -> None:
    """Wait until nobody listens, or holds a connection: until another server can take the address."""
    while True:
        with suppress(OSError):
            socket.create_server(("127.0.0.1", port)).close()
            return
