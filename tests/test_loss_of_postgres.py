"""PostgreSQL goes away in every way it can, under callers: nothing acknowledged is lost, nobody waits for long.

Whoever calls meanwhile is answered 503, in the envelope; once PostgreSQL is back, Dialbook is too, without a restart.
"""

import asyncio
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from dialbook.jobs.runner import Runner
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.settings import Settings
from dialbook.store import postgres_session
from dialbook.store.engines import open_database
from dialbook.store.lane import OF_ONE
from dialbook.store.spool import open_spool
from tests.conftest import NUMBERS, Client, run_cli, serving, work_off
from tests.cutting import cutting
from tests.effort import effort
from tests.postgres import Postgres, ask, missing, running_postgres
from tests.server.uploads.sending import upload_of

CALLERS = 6
RESTARTS = effort("RESTARTS", 3)
HANG_SECONDS = 60
LONGEST = 10.0  # seconds that any request may take
BACK = 5.0  # seconds until the first success, once PostgreSQL is back
TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def frail() -> Iterator[Postgres]:
    """A PostgreSQL server that may be stopped."""
    with running_postgres() as postgres:
        yield postgres


@dataclass
class Caller(threading.Thread):
    """Makes and reads contacts without a pause, and notes what became of it."""

    client: Client
    numbers: Iterator[str]
    ended: threading.Event
    acknowledged: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    longest: float = 0.0
    succeeded: threading.Event = field(default_factory=threading.Event)
    refused: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        while not self.ended.is_set():
            number = next(self.numbers)
            if self.call(self.client.post, "/contacts", {"contacts": [{"number": number}]}):
                self.acknowledged.append(number)
            self.call(self.client.get, "/contacts")

    def call(self, method: Callable[..., httpx2.Response], *arguments: Any) -> bool:
        began = time.monotonic()
        answer = method(*arguments)  # which is held against the description, the envelope of a refusal too
        self.longest = max(self.longest, time.monotonic() - began)
        self.statuses.add(answer.status_code)
        (self.succeeded if answer.status_code == 200 else self.refused).set()
        return answer.status_code == 200


@contextmanager
def calling(client: Client) -> Iterator[list[Caller]]:
    """Several callers, while the block runs; at the end, what all of them are promised is checked."""
    numbers, ended = iter(NUMBERS), threading.Event()
    callers = [Caller(client, numbers, ended) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield callers
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    assert set().union(*(caller.statuses for caller in callers)) <= {200, 503}
    assert max(caller.longest for caller in callers) < LONGEST


def wait_for_success(callers: list[Caller]) -> float:
    """Wait until each caller had one; return how many seconds that took."""
    began = time.monotonic()
    for caller in callers:
        caller.succeeded.clear()
    assert all(caller.succeeded.wait(HANG_SECONDS) for caller in callers)
    return time.monotonic() - began


def wait_for_refusal(callers: list[Caller]) -> None:
    """Wait until each caller had three, the last of which has not seen better times."""
    for _ in range(3):
        for caller in callers:
            caller.refused.clear()
        assert all(caller.refused.wait(HANG_SECONDS) for caller in callers)


def check_nothing_is_lost(url: str, callers: list[Caller]) -> None:
    stored = {row[0] for row in ask(url, "SELECT number FROM contacts")}
    acknowledged = [number for caller in callers for number in caller.acknowledged]
    assert acknowledged
    assert set(acknowledged) <= stored
    assert [check for check in run_cli("doctor", "--database", url) if not check["ok"]] == []


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_the_connection_is_cut_at_the_commit(
    when: str, made: int, postgres: Postgres, new_client: Callable[..., Client]
) -> None:
    """Either way the caller is told that nobody knows, and it is not made twice."""
    url = postgres.create_book()
    with cutting(postgres.port) as proxy:
        through = postgres.url(url.rpartition("/")[2], proxy.server_address[1])
        with serving(Settings(database=through)) as server:
            client = new_client(server)
            proxy.when = when
            answer = client.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]})
            proxy.when = None
            total = client.get("/contacts").json()["metadata"]["total"]
            again = client.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]})

    assert answer.status_code == 503
    assert "outcome is unknown" in answer.text
    assert "retry-after" not in answer.headers
    assert total == made
    assert again.status_code == (207 if made else 200)


def test_an_upload_whose_commit_comes_late_has_its_file(
    frail: Postgres, new_client: Callable[..., Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that waits for a standby outlives the connection that asked for it, and the patience of the caller."""
    monkeypatch.setattr(postgres_session, "SILENCE_SECONDS", 3.0)  # instead of 16
    url = frail.create_book()
    with serving(Settings(database=url, upload_folder=str(tmp_path))) as server:
        client = new_client(server)
        ask(url, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        ask(url, "SELECT pg_reload_conf()")
        answer = client.upload(f"number\n{NUMBERS[0]}\n".encode())
        work_off(server)
        ask(url, "ALTER SYSTEM RESET synchronous_standby_names")
        ask(url, "SELECT pg_reload_conf()")
        while not (uploads := client.get("/csv-status").json()["response"]):
            pass
        work_off(server)
        status = client.get(f"/csv-status/{uploads[0]['data']['upload_id']}").json()["response"]["data"]

    assert answer.status_code == 503
    assert (status["status"], status["stats"]["success"]) == ("completed", 1)


def test_an_account_whose_book_is_locked_keeps_no_other_waiting(
    postgres: Postgres, new_client: Callable[..., Client]
) -> None:
    """By whoever is at its database, for as long as he likes."""
    with serving(Settings(database=postgres.create_book())) as server, psycopg.connect(server.database) as outside:
        locked, other = new_client(server), new_client(server)
        locked.upload(f"number\n{NUMBERS[0]}\n".encode())
        upload_id = upload_of(other.upload(f"number\n{NUMBERS[0]}\n".encode()))
        whose = {"account": locked.account}
        outside.execute("SELECT 1 FROM books AS b WHERE b.account = %(account)s FOR UPDATE", whose)

        spool = open_spool(server.settings.upload_folder, server.database)
        limits = UploadLimits(ListLimits(), 10_000)
        with (
            closing(open_database(server.database)) as db,
            asyncio.Runner() as loop,
            closing(Runner(db, spool, limits, lambda: datetime.now(UTC))) as runner,
        ):
            assert loop.run(runner.turn())

        status = other.get(f"/csv-status/{upload_id}").json()["response"]["data"]["status"]

    assert status == "completed"


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_is_restarted(mode: str, frail: Postgres, new_client: Callable[..., Client]) -> None:
    url = frail.create_book()
    with serving(Settings(database=url)) as server, calling(new_client(server)) as callers:
        for _ in range(RESTARTS):
            wait_for_success(callers)
            frail.stop(mode)
            frail.start()
            assert wait_for_success(callers) < BACK

    check_nothing_is_lost(url, callers)
    assert ask(url, "SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'") == []


def fill_pool(client: Client, url: str) -> None:
    """Make changes at once, as many as may be, which each take a connection."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(url) as outside, ThreadPoolExecutor(OF_ONE) as threads:
        outside.execute(b"SELECT 1 FROM books FOR UPDATE")
        for number in NUMBERS[:OF_ONE]:
            threads.submit(client.post, "/contacts", {"contacts": [{"number": number}]})
        while ask(url, waiting) != [(OF_ONE,)]:
            pass
        outside.rollback()


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.post("/contacts", {"contacts": [{"number": NUMBERS[OF_ONE]}]}),
        lambda client: client.get("/csv-status"),
    ],
    ids=["change", "read of several statements"],
)
def test_who_calls_first_after_a_quiet_restart_is_answered(
    call: Callable[[Client], httpx2.Response], frail: Postgres, new_client: Callable[..., Client]
) -> None:
    """There were several connections, and nobody has noticed yet that they were closed."""
    url = frail.create_book()
    with serving(Settings(database=url)) as server:
        client = new_client(server)
        fill_pool(client, url)
        frail.stop()
        frail.start()
        answer = call(client)

    assert answer.status_code == 200, answer.text


def test_sessions_are_ended(frail: Postgres, new_client: Callable[..., Client]) -> None:
    url = frail.create_book()
    with serving(Settings(database=url)) as server, calling(new_client(server)) as callers:
        for _ in range(5):
            wait_for_success(callers)
            ask(url, TERMINATE)
        assert wait_for_success(callers) < BACK

    check_nothing_is_lost(url, callers)


def test_who_calls_while_it_is_away_hears_so_at_once(frail: Postgres, new_client: Callable[..., Client]) -> None:
    url = frail.create_book()
    with serving(Settings(database=url)) as server:
        client = new_client(server)
        frail.stop()
        try:
            answers = [client.get("/contacts"), client.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]})]
        finally:
            frail.start()

    assert [(answer.status_code, answer.headers["retry-after"]) for answer in answers] == [(503, "1")] * 2
    assert max(answer.elapsed.total_seconds() for answer in answers) < 3


def test_postgres_says_nothing_more(
    frail: Postgres, new_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its processes are stopped, and the machine it runs on acknowledges what they are sent."""
    monkeypatch.setattr(postgres_session, "SILENCE_SECONDS", 3.0)  # instead of 16
    url = frail.create_book()
    with serving(Settings(database=url)) as server, calling(new_client(server)) as callers:
        wait_for_success(callers)
        with frail.frozen():
            wait_for_refusal(callers)
        assert wait_for_success(callers) < BACK

    check_nothing_is_lost(url, callers)


def test_probes_tell_the_truth_while_it_is_away(frail: Postgres) -> None:
    with serving(Settings(database=frail.create_book())) as server:

        def probe(path: str) -> tuple[int, list[str]]:
            answer = httpx2.get(server.url + path, timeout=HANG_SECONDS)
            return answer.status_code, answer.json().get("reasons", [])

        frail.stop()
        gone = probe("/healthz"), probe("/readyz")
        frail.start()
        with frail.frozen():
            silent = probe("/healthz"), probe("/readyz"), probe("/readyz")
        back = [probe("/readyz")]
        while back[-1][0] != 200:  # what was asked while it was silent has to end first
            back.append(probe("/readyz"))

    assert gone == ((200, []), (503, ["The database cannot be reached."]))
    assert silent == ((200, []), *[(503, ["The database does not answer within 1 s."])] * 2)


# A link that goes dead: nothing comes back, and nothing says so

HERE, THERE = "10.213.77.1", "10.213.77.2"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=HANG_SECONDS)


@contextmanager
def link() -> Iterator[str]:
    """A network of its own, and a cable to it whose ends have its name."""
    name = f"dialbook{os.getpid() % 10_000}"
    if os.geteuid() != 0 or shutil.which("ip") is None:
        missing("a network namespace needs root, and ip (Debian: apt-get install iproute2)")
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as refused:
        missing(f"no network namespaces here: {refused.stderr.decode()}")
    try:
        ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", name)
        ip("addr", "add", f"{HERE}/24", "dev", name)
        ip("link", "set", name, "up")
        ip("-n", name, "addr", "add", f"{THERE}/24", "dev", name)
        ip("-n", name, "link", "set", name, "up")
        yield name
    finally:
        ip("link", "del", name)
        ip("netns", "del", name)


def test_the_link_goes_dead(new_client: Callable[..., Client]) -> None:
    """Nobody hears of it: what is under way has to find out by itself, and what comes next does not wait for long."""
    with link() as name, running_postgres(THERE, name) as postgres:
        url = postgres.create_book()
        with serving(Settings(database=url)) as server, calling(new_client(server)) as callers:
            wait_for_success(callers)
            ip("-n", name, "link", "set", name, "down")
            wait_for_refusal(callers)
            ip("-n", name, "link", "set", name, "up")
            assert wait_for_success(callers) < BACK

        check_nothing_is_lost(url, callers)
