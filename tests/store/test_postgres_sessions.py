"""Sessions of the console on PostgreSQL, where several requests change them at the same moment."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import httpx2
import psycopg

from dialbook.model.credentials import hash_token
from dialbook.settings import Settings
from dialbook.store import sessions
from dialbook.store.engines import open_database
from dialbook.store.lane import OF_ONE
from tests.conftest import Client, serving
from tests.postgres import ask


def test_a_link_that_is_followed_by_many_at_the_same_moment_signs_in_once(
    url: str, new_client: Callable[..., Client]
) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with serving(Settings(database=url)) as server, closing(open_database(url)) as db:
        client = new_client(server)
        asyncio.run(
            db.write(sessions.make_link, client.account, client.key, hash_token("link", ""), now=datetime.now(UTC))
        )
        with psycopg.connect(url) as outside, ThreadPoolExecutor(OF_ONE) as pool:
            outside.execute(b"SELECT 1 FROM sessions FOR UPDATE")
            calls = [pool.submit(httpx2.post, f"{server.url}/console/enter/link") for _ in range(OF_ONE)]
            while ask(url, waiting) != [(OF_ONE,)]:
                pass
            outside.rollback()
            statuses = [call.result().status_code for call in calls]

    assert sorted(statuses) == [303] + [401] * (OF_ONE - 1)
    assert ask(url, "SELECT count(*) FROM sessions") == [(1,)]
