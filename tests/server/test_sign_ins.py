"""Whoever fails to sign in too often is told to wait; whoever gives the right credentials never is."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from itertools import count
from pathlib import Path

import httpx2
import pytest

from dialbook.model.errors import TooManyRequests
from dialbook.server.sign_ins import FILES, FailedSignIns
from dialbook.settings import Settings
from tests.conftest import Client, Server, run_cli, serving

ALLOWED = 3
ADDRESSES = (f"198.51.100.{last}" for last in count(1))


@pytest.fixture
def guarded(new_database: Callable[[], str]) -> Iterator[Server]:
    """A server behind a proxy that it trusts, as all tests are; each its own, since counts may fall together."""
    settings = Settings(database=new_database(), failed_sign_ins=ALLOWED, trusted_proxies="127.0.0.1")
    with serving(settings) as server:
        yield server


@pytest.fixture
def client(guarded: Server, connect: Callable[..., Client]) -> Client:
    return connect(to=guarded)


@pytest.fixture
def address() -> str:
    """One that nobody has failed from."""
    return next(ADDRESSES)


def ask(client: Client, address: str, key: str, token: str) -> httpx2.Response:
    """Ask for a page from an address, with credentials."""
    return client.http.get(
        f"/v2/accounts/{client.account}/contacts", auth=(key, token), headers={"X-Forwarded-For": address}
    )


def statuses(answers: list[httpx2.Response]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_after_so_many_failures_an_address_has_to_wait(client: Client, address: str) -> None:
    answers = [ask(client, address, f"nobody-{i}", "x") for i in range(ALLOWED + 1)]

    assert statuses(answers) == [401] * ALLOWED + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].json()["response"]["error_data"] == {
        "code": 1006,
        "message": "Too Many Requests",
        "description": "Signing in failed 3 times in a minute, which is as often as it may.",
    }


def test_right_credentials_open_whatever_failed_beside_them(client: Client, address: str) -> None:
    for i in range(2 * ALLOWED):
        ask(client, address, f"nobody-{i}", "x")
        ask(client, next(ADDRESSES), client.key, "wrong")

    assert statuses([ask(client, address, client.key, client.token)] * 2) == [200, 200]


def test_one_address_does_not_use_up_anothers(client: Client, address: str) -> None:
    for i in range(2 * ALLOWED):
        ask(client, address, f"somebody-{i}", "x")

    assert ask(client, next(ADDRESSES), "else", "x").status_code == 401


def test_after_so_many_failures_a_key_has_to_wait_from_any_address(client: Client) -> None:
    answers = [ask(client, next(ADDRESSES), client.key, f"wrong-{i}") for i in range(ALLOWED + 1)]

    assert statuses(answers) == [401] * ALLOWED + [429]


def test_a_revoked_key_is_a_failure_too(guarded: Server, client: Client, address: str) -> None:
    run_cli("key", "revoke", client.account, client.key, "--database", guarded.database)

    answers = [ask(client, address, client.key, client.token) for _ in range(ALLOWED + 1)]

    assert statuses(answers) == [401] * ALLOWED + [429]


@pytest.mark.parametrize("header", ["Bearer x", "Basic !!!", "Basic QUJD", "Basic " + "QUJD" * 1000])
def test_what_is_no_credentials_is_a_failure_of_the_address(header: str, client: Client, address: str) -> None:
    url = f"{client.http.base_url}/v2/accounts/{client.account}/contacts"
    headers = {"X-Forwarded-For": address, "Authorization": header}

    answers = [httpx2.get(url, headers=headers) for _ in range(ALLOWED + 1)]

    assert statuses(answers) == [401] * ALLOWED + [429]


def test_to_give_no_credentials_is_no_failure(client: Client, address: str) -> None:
    """Some clients ask once without, to be told which kind is wanted."""
    url = f"{client.http.base_url}/v2/accounts/{client.account}/contacts"

    answers = [httpx2.get(url, headers={"X-Forwarded-For": address}) for _ in range(ALLOWED + 5)]

    assert statuses(answers) == [401] * (ALLOWED + 5)


def test_signing_in_to_the_console_counts_alike(client: Client, address: str) -> None:
    def sign_in(token: str) -> int:
        return httpx2.post(
            f"{client.http.base_url}/console/sign-in",
            data={"key": client.key, "token": token},
            headers={"X-Forwarded-For": address},
        ).status_code

    assert [sign_in("wrong") for _ in range(ALLOWED + 1)] == [401] * ALLOWED + [429]
    assert ask(client, address, "nobody", "x").status_code == 429
    assert sign_in(client.token) == 303


def test_links_that_sign_in_count_alike(client: Client, address: str) -> None:
    answers = [
        httpx2.post(f"{client.http.base_url}/console/enter/guess-{i}", headers={"X-Forwarded-For": address})
        for i in range(ALLOWED + 1)
    ]

    assert statuses(answers) == [401] * ALLOWED + [429]


@pytest.mark.sqlite
def test_nobody_gets_more_tries_by_making_up_addresses(
    new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    with serving(Settings(database=new_database(), failed_sign_ins=ALLOWED)) as server:
        client = connect("acme", to=server)

        answers = [ask(client, next(ADDRESSES), f"nobody-{i}", "x") for i in range(ALLOWED + 1)]

    assert statuses(answers) == [401] * ALLOWED + [429]


def test_with_0_there_is_no_limit(tmp_path: Path) -> None:
    unlimited = FailedSignIns(0, tmp_path)
    for _ in range(100):
        unlimited.count(ip_address("198.51.100.1"), "key")


def test_all_addresses_of_a_network_of_ipv6_are_one(tmp_path: Path) -> None:
    failed = FailedSignIns(2, tmp_path)
    failed.count(ip_address("2001:db8::1"), "")
    failed.count(ip_address("2001:db8::ffff:2"), "")

    with pytest.raises(TooManyRequests):
        failed.count(ip_address("2001:db8::3"), "")
    failed.count(ip_address("2001:db8:0:1::1"), "")


def test_while_nothing_can_be_counted_nobody_has_to_wait(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    failed = FailedSignIns(1, tmp_path / "file")
    for _ in range(3):
        failed.count(ip_address("198.51.100.1"), "key")


def test_a_folder_that_is_taken_away_is_made_anew_and_counted_in(tmp_path: Path) -> None:
    """By two workers, of which neither has made it, and of which one goes on when the other has made it anew."""
    workers = [FailedSignIns(2, tmp_path / "shared") for _ in range(2)]
    for _ in range(2):
        for worker in workers:
            worker.count(ip_address("198.51.100.1"), "")
        with pytest.raises(TooManyRequests):
            workers[0].count(ip_address("198.51.100.1"), "")
        assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o700
        shutil.rmtree(tmp_path / "shared")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's folder")
def test_what_another_user_has_made_in_its_place_is_not_written_to(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    failed = FailedSignIns(2, shared)
    failed.count(ip_address("198.51.100.1"), "")
    shutil.rmtree(shared)
    shared.mkdir(mode=0o777)
    os.chown(shared, 65534, 65534)

    failed.count(ip_address("198.51.100.1"), "")

    assert [*shared.iterdir()] == []


def test_however_many_try_no_more_is_remembered(tmp_path: Path) -> None:
    failed = FailedSignIns(2, tmp_path)
    for number in range(10_000):
        with suppress(TooManyRequests):
            failed.count(ip_address(number), f"key {number}")

    assert len([*tmp_path.iterdir()]) <= FILES
