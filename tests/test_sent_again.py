"""Requests that are sent again: by many at once, after whatever was lost, in whatever order."""

import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import Client, run_cli, serving
from tests.cutting import cutting
from tests.machine import run_machine
from tests.postgres import Postgres
from tests.processes import HANG_SECONDS, Running, started
from tests.test_concurrency import at_once
from tests.test_idempotency import Change, is_replayed
from tests.test_properties import BookMachine

ROUNDS = 10


# By many, and after losses


def serving_process(database: str, folder: Path, *options: str, **variables: str) -> AbstractContextManager[Running]:
    return started("serve", "--database", database, *options, folder=folder, **variables)


@dataclass
class Account:
    """An account in a database that one server after another serves."""

    database: str
    http: httpx2.Client
    url: str = ""

    def create_list(self, n: int) -> httpx2.Response:
        """Ask for a list in a way that can be repeated."""
        body = {"lists": [{"name": f"List {n}"}]}
        return self.http.post(self.url + "/v2/accounts/acme/lists", json=body, headers={"Idempotency-Key": f"list-{n}"})

    def count_lists(self) -> int:
        total: int = self.http.get(self.url + "/v2/accounts/acme/lists").json()["metadata"]["total"]
        return total


@pytest.fixture
def account(new_database: Callable[[], str]) -> Iterator[Account]:
    database = new_database()
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    with httpx2.Client(auth=(key["api_key"], key["api_token"]), timeout=HANG_SECONDS, verify=False) as http:
        yield Account(database, http)


def test_of_many_at_once_at_several_workers_one_is_made(account: Account, tmp_path: Path) -> None:
    with serving_process(account.database, tmp_path, "--port", "0", "--workers", "2") as server:
        account.url = server.url
        answers = at_once(lambda i: account.create_list(i % 5))
        total = account.count_lists()

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == total == 5
    assert [is_replayed(answer) for answer in answers].count(False) == 5


# Whatever is lost on the way


def test_a_server_that_is_killed_before_it_is_heard_answers_the_next_time(account: Account, tmp_path: Path) -> None:
    with serving_process(account.database, tmp_path, "--port", "0") as server:
        account.url = server.url
        request = account.http.build_request(
            "POST",
            account.url + "/v2/accounts/acme/lists",
            json={"lists": [{"name": "List 1"}]},
            headers={"Idempotency-Key": "list-1", "Content-Type": "application/json"},
        )
        with unheard(account, request, server.port):
            while account.count_lists() == 0:
                pass
            server.stop(signal.SIGKILL)
    with serving_process(account.database, tmp_path, "--port", "0") as server:
        account.url = server.url
        again = account.create_list(1)
        total = account.count_lists()

    assert is_replayed(again)
    assert again.json()["metadata"] == {"failed": 0, "total": 1, "success": 1}
    assert total == 1


def unheard(account: Account, request: httpx2.Request, port: int) -> socket.socket:
    """Send a request over a connection on which nobody listens for the answer."""
    assert isinstance(account.http.auth, httpx2.BasicAuth)
    signed = next(account.http.auth.auth_flow(request))
    head = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"{signed.method} {signed.url.path} HTTP/1.1\r\n{head}\r\n".encode() + signed.read())
    return connection


@dataclass
class Insistent(threading.Thread):
    """Asks for one list after the other, for each until it is answered, whatever becomes of the server."""

    account: Account
    serving: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    answers: list[httpx2.Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.ended.is_set():
            self.serving.wait(HANG_SECONDS)
            try:
                self.answers.append(self.account.create_list(len(self.answers)))
            except httpx2.TransportError:
                continue

    def wait_for(self, count: int) -> None:
        while len(self.answers) < count:
            assert self.is_alive()


@pytest.mark.timeout(600)
def test_who_asks_until_it_is_answered_gets_each_change_once(account: Account, tmp_path: Path) -> None:
    """A change that was made a second time would be answered that there is a list of this name."""
    chance = random.Random(7)
    insistent = Insistent(account)
    insistent.start()
    for _ in range(4):
        with serving_process(account.database, tmp_path, "--port", "0") as server:
            account.url = server.url
            insistent.serving.set()
            insistent.wait_for(len(insistent.answers) + chance.randint(1, 60))
            insistent.serving.clear()
            server.stop(signal.SIGKILL)
    with serving_process(account.database, tmp_path, "--port", "0") as server:
        account.url = server.url
        insistent.serving.set()
        insistent.wait_for(len(insistent.answers) + 1)
        insistent.ended.set()
        insistent.join()
        total = account.count_lists()

    assert {answer.status_code for answer in insistent.answers} == {200}
    assert total == len(insistent.answers)
    assert all(check["ok"] for check in run_cli("doctor", "--database", account.database))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_commit_that_is_cut_is_made_once(when: str, postgres: Postgres, new_client: Callable[..., Client]) -> None:
    url = postgres.create_book()
    with cutting(postgres.port) as proxy:
        through = postgres.url(url.rpartition("/")[2], proxy.server_address[1])
        with serving(Settings(database=through)) as server:
            client = new_client(server)

            def create(n: int) -> httpx2.Response:
                key = {"Idempotency-Key": f"list-{n}"}
                return client.request("POST", "/lists", json={"lists": [{"name": f"List {n}"}]}, headers=key)

            for n in range(ROUNDS):
                proxy.when = when
                cut = create(n)
                proxy.when = None
                again = create(n)

                assert cut.status_code == 503
                assert cut.headers["retry-after"] == "1"
                assert "same Idempotency-Key" in cut.text
                assert again.status_code == 200
                assert is_replayed(again) == (when == "after")
            assert client.get("/lists").json()["metadata"]["total"] == ROUNDS


# Whatever is done in whatever order


@dataclass
class Doubtful(Client):
    """Sends each change twice, and now and then an earlier one again; answers as the first time."""

    kept: list[tuple[Change, httpx2.Response]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        if method == "GET":
            return super().request(method, path, **options)
        sent = {
            "method": method,
            "path": path,
            **options,
            "headers": {"Idempotency-Key": f"key-{self.chance.random()}"},
        }
        first = super().request(**sent)
        if first.status_code >= 400:
            return first
        self.kept.append((sent, first))
        for earlier, answer in (self.kept[-1], self.chance.choice(self.kept)):
            again = super().request(**earlier)
            assert is_replayed(again)
            assert (again.status_code, again.content) == (answer.status_code, answer.content)
        return first


def test_whatever_is_sent_again_every_answer_is_the_models(connect: Callable[..., Client]) -> None:
    def doubtful() -> Doubtful:
        made = connect()
        return Doubtful(made.http, made.account, made.key, made.token)

    run_machine(BookMachine, examples=20, steps=25, connect=staticmethod(doubtful))
