"""On PostgreSQL a change begins with the lock of its account's book, so that no other comes between its steps."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx2
import psycopg
import pytest
from click.testing import CliRunner

from dialbook.cli.main import dialbook
from dialbook.mirror import changes
from dialbook.model.errors import Unavailable
from dialbook.settings import Settings
from dialbook.store.accounts import delete_account
from dialbook.store.engines import open_database
from dialbook.store.postgres import PostgresTx
from tests.conftest import Client, serving
from tests.postgres import ask

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_who_makes_a_key_or_signs_in_while_the_account_is_deleted_is_told_that_it_is_gone(
    url: str, new_client: Callable[..., Client]
) -> None:
    with serving(Settings(database=url)) as server, psycopg.connect(url) as outside, ThreadPoolExecutor(2) as pool:
        client = new_client(server, "acme")
        delete_account(PostgresTx(outside), "acme")
        form = {"key": client.key, "token": client.token}
        signing_in = pool.submit(httpx2.post, f"{server.url}/console/sign-in", data=form)
        command = ["key", "create", "acme", "--database", url]
        making = pool.submit(CliRunner().invoke, dialbook, command, catch_exceptions=False)
        while ask(url, WAITING) != [(2,)]:
            pass
        outside.commit()

        signed_in, made = signing_in.result(), making.result()

    assert (signed_in.status_code, "This API key was closed meanwhile." in signed_in.text) == (401, True)
    assert (made.exit_code, made.stderr) == (1, "Error: There is no account 'acme'.\n")


def test_what_a_list_keeps_of_its_members_is_not_changed_beside_another_change(
    url: str, new_client: Callable[..., Client]
) -> None:
    with serving(Settings(database=url)) as server:
        list_sid = new_client(server, "acme").create_list()["sid"]
    with closing(open_database(f"{url}?options=-c%20lock_timeout%3D100ms")) as db, psycopg.connect(url) as outside:
        outside.execute(b"SELECT 1 FROM books FOR UPDATE")

        with pytest.raises(Unavailable, match="lock not available"):
            asyncio.run(db.write(changes.set_variables, "acme", list_sid, []))
