"""The PostgreSQL engine: callers in a crowd, and those who keep others waiting."""

import asyncio
import resource
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx2
import psycopg

from dialbook.model.credentials import hash_token
from dialbook.settings import Settings
from dialbook.store import accounts, sessions
from dialbook.store.database import Row
from dialbook.store.engines import open_database
from dialbook.store.lane import OF_ONE
from dialbook.store.postgres import TRIPS, WAITING_LIMIT, WRITERS
from tests.conftest import NUMBERS, Client, run_cli, serving
from tests.postgres import ask
from tests.processes import started
from tests.server.test_export import ask as begin_export
from tests.server.test_export import fill, rest

UNKNOWN = "0" * 32
CROWD = WRITERS + WAITING_LIMIT + 40
WAITING_FOR_LOCKS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@contextmanager
def locked(url: str, account: str = "%") -> Iterator[psycopg.Connection[Row]]:
    """Somebody keeps all books, or one, locked, until they end their transaction."""
    with psycopg.connect(url) as connection:
        connection.execute(b"SELECT 1 FROM books AS b WHERE b.account LIKE %s FOR UPDATE", [account])
        yield connection


def test_more_changes_than_may_wait_are_refused_at_once(url: str, new_client: Callable[..., Client]) -> None:
    with serving(Settings(database=url, max_requests=2 * CROWD)) as server:
        client = new_client(server, "crowd")
        unlimited = httpx2.Limits(max_connections=None)
        http = httpx2.Client(base_url=server.url, auth=client.http.auth, verify=False, timeout=60, limits=unlimited)
        with http, locked(url) as lock, ThreadPoolExecutor(CROWD) as pool:
            bodies = [{"contacts": [{"number": number}]} for number in NUMBERS[:CROWD]]
            calls = [pool.submit(http.post, "/v2/accounts/crowd/contacts", json=body) for body in bodies]
            refused = next(as_completed(calls)).result()
            lock.rollback()
            statuses = [call.result().status_code for call in calls]

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert set(statuses) == {200, 503}
        assert client.get("/contacts").json()["metadata"]["total"] == statuses.count(200)


def test_who_waits_too_long_is_refused_and_reads_go_on(url: str, new_client: Callable[..., Client]) -> None:
    with serving(Settings(database=url)) as server:
        client = new_client(server, "patient")
        with locked(url), ThreadPoolExecutor(12) as pool:
            calls = [pool.submit(client.post, "/contacts", {"contacts": [{"number": n}]}) for n in NUMBERS[:12]]
            assert client.get("/contacts").status_code == 200
            assert {call.result(10).status_code for call in calls} == {503}

        assert client.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]}).status_code == 200


def test_changes_of_one_account_leave_threads_to_the_others(url: str, new_client: Callable[..., Client]) -> None:
    with serving(Settings(database=url)) as server:
        crowded, other = new_client(server, "crowded"), new_client(server, "other")
        with locked(url, "crowded"), ThreadPoolExecutor(5 * WRITERS) as pool:
            waiting = [pool.submit(_change, crowded) for _ in range(5 * WRITERS)]
            while ask(url, WAITING_FOR_LOCKS) == [(0,)]:
                pass
            assert _change(other) == 200
        assert {call.result() for call in waiting} == {503}


def test_an_export_goes_on_while_no_short_read_does(url: str, new_client: Callable[..., Client]) -> None:
    """Whether its key is still open is asked before each part, by itself."""
    unhurried = "options=-c%20lock_timeout%3D0%20-c%20statement_timeout%3D0"
    with serving(Settings(database=f"{url}?{unhurried}", body_limit=2**26)) as server:
        client = new_client(server, "exporting")
        client.create_contacts(*({"number": number, "custom_field": {"x": "y" * 8000}} for number in NUMBERS[:4100]))
        with (
            closing(begin_export(server, client, fill(client))) as export,
            psycopg.connect(url) as lock,
            ThreadPoolExecutor(TRIPS) as pool,
        ):
            lock.execute("LOCK TABLE uploads")
            calls = []
            for under_way in range(1, TRIPS + 1):  # one by one: at once they would be one trip
                calls.append(pool.submit(client.get, f"/csv-status/{UNKNOWN}"))
                while ask(url, WAITING_FOR_LOCKS) != [(under_way,)]:
                    pass
            text = rest(export)
            lock.rollback()

        assert text.count(b'"first_name"') == 4100
        assert {call.result().status_code for call in calls} == {404}


def test_so_do_those_who_sign_in(url: str, new_client: Callable[..., Client]) -> None:
    """With whatever key of the account, and by links."""
    links = [str(n) for n in range(WRITERS)]
    with serving(Settings(database=url)) as server, closing(open_database(url)) as db:
        crowded, other = [new_client(server, "crowded") for _ in range(WRITERS)], new_client(server, "other")
        make_link = partial(sessions.make_link, account="crowded", key=crowded[0].key, now=datetime.now(UTC))
        for link in links:
            asyncio.run(db.write(make_link, token_hash=hash_token(link, "")))
        with locked(url, "crowded"), ThreadPoolExecutor(2 * WRITERS) as pool:
            waiting = [pool.submit(httpx2.post, f"{server.url}/console/enter/{link}", timeout=60) for link in links]
            waiting += [pool.submit(_sign_in, client) for client in crowded]
            while ask(url, WAITING_FOR_LOCKS) < [(OF_ONE,)]:
                pass
            assert _change(other) == 200
            assert ask(url, WAITING_FOR_LOCKS) <= [(OF_ONE,)]
        assert {call.result().status_code for call in waiting} == {503}


def _change(client: Client) -> int:
    return client.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]}).status_code


def _sign_in(client: Client) -> httpx2.Response:
    return httpx2.post(
        client.http.base_url.join("/console/sign-in"), data={"key": client.key, "token": client.token}, timeout=60
    )


def test_each_worker_sees_a_revoked_key_at_once(url: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", url)
    key = run_cli("key", "create", "acme", "--database", url)
    auth = (key["api_key"], key["api_token"])
    with started("serve", "--port", "0", "--workers", "2", "--database", url, folder=tmp_path) as server:
        path = f"{server.url}/v2/accounts/acme/contacts"
        assert {httpx2.get(path, auth=auth).status_code for _ in range(10)} == {200}
        run_cli("key", "revoke", "acme", key["api_key"], "--database", url)
        assert {httpx2.get(path, auth=auth).status_code for _ in range(10)} == {401}


def test_a_process_with_many_sockets_gets_connections_all_the_same(url: str) -> None:
    """The system numbers open files; the numbers of the many come before the connection's."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as many:
        for _ in range(1100):
            many.enter_context(closing(socket.socket()))
        with closing(open_database(url)) as db:
            assert asyncio.run(db.read(accounts.list_accounts)) == []
