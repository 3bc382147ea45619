"""What opens an account, on each engine: which tokens, sealed how, from where, and at what cost to the database."""

import base64
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TypeAlias

import httpx2
import pytest

import tests.statements
from dialbook.model.credentials import hash_token, new_key, new_session_token, new_token
from dialbook.settings import Settings
from tests.conftest import Client, Server, execute, read_rows, run_cli, serving
from tests.contract import check_answer

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"  # addresses that a caller on this machine may have
FAR, FARTHER = "198.51.100.7", "203.0.113.9"
SECRET = "a secret for tests alone, 32 or more"
OLD_TOKEN = "kept_since-before-tokens-had-their-checksum"  # 43 characters

Ask: TypeAlias = Callable[..., httpx2.Response]
Statements: TypeAlias = Callable[[], list[str]]


@pytest.fixture
def ask() -> Iterator[Ask]:
    """Ask a server for a client's contacts, from an address of this machine."""
    with ExitStack() as stack:

        def ask(server: Server, client: Client, address: str = HERE, **headers: str) -> httpx2.Response:
            http = stack.enter_context(httpx2.Client(transport=httpx2.HTTPTransport(local_address=address)))
            url, auth = f"{server.url}/v2/accounts/{client.account}/contacts", (client.key, client.token)
            answer = http.get(url, auth=auth, headers=headers)
            check_answer(answer)
            return answer

        yield ask


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Every statement that any database runs in this process from here on."""
    run: list[str] = []
    monkeypatch.setattr(tests.statements, "check_statement", lambda sql, _: run.append(sql))
    return lambda: run


def wrong(client: Client, key: str | None = None, token: str | None = None) -> Client:
    """The same caller with another key, or another token."""
    return Client(client.http, client.account, key or client.key, token or client.token)


# Which tokens


def test_a_token_made_before_they_had_a_checksum_opens_what_it_did(
    server: Server, connect: Callable[..., Client], ask: Ask
) -> None:
    client = connect()
    old = hash_token(OLD_TOKEN, "")
    execute(server.database, "UPDATE api_keys SET token_hash = :old WHERE key = :key", old=old, key=client.key)

    assert ask(server, wrong(client, token=OLD_TOKEN)).status_code == 200
    assert ask(server, client).status_code == 401


@pytest.mark.parametrize(
    "token", [f"{'dbk_' + '0' * 43}2CZclk", "dbk_short", "x", "A" * 44], ids=["checksum", "short", "letter", "long"]
)
def test_a_text_that_is_no_token_costs_the_database_nothing(
    token: str, new_database: Callable[[], str], new_client: Callable[..., Client], statements: Statements, ask: Ask
) -> None:
    with serving(Settings(database=new_database())) as server:
        client = new_client(server)
        assert ask(server, client).status_code == 200
        before = len(statements())
        refused = ask(server, wrong(client, token=token))
        after = len(statements())
        assert ask(server, wrong(client, token=new_token())).status_code == 401
        looked_up = len(statements())

    assert refused.status_code == 401
    assert after == before
    assert looked_up > after


def test_an_unknown_key_and_a_wrong_token_get_the_same_answer(server: Server, api: Client, ask: Ask) -> None:
    answers = [
        ask(server, wrong(api, key=new_key())),
        ask(server, wrong(api, token=new_token())),
        ask(server, wrong(api, token=f"{api.token[:-1]}?")),
        ask(server, wrong(api, key="nobody")),
    ]

    assert len({(answer.status_code, _masked(answer.text), _fixed(answer.headers)) for answer in answers}) == 1
    assert answers[0].status_code == 401


# From where


def test_a_key_opens_its_account_from_its_networks_alone(
    server: Server, connect: Callable[..., Client], ask: Ask
) -> None:
    client = connect(None, "--allow", f"{ELSEWHERE}, 2001:db8::/32")

    refused, allowed = ask(server, client), ask(server, client, ELSEWHERE)

    assert (refused.status_code, allowed.status_code) == (403, 200)
    assert refused.json()["response"]["error_data"]["description"] == "This API key may not be used from here."


def test_of_a_wrong_token_nobody_hears_from_where_the_right_one_may_come(
    server: Server, connect: Callable[..., Client], ask: Ask
) -> None:
    client = connect(None, "--allow", ELSEWHERE)

    assert ask(server, wrong(client, token=new_token())).status_code == 401


@pytest.mark.sqlite
def test_networks_of_ipv4_are_known_when_written_as_ones_of_ipv6(
    server: Server, connect: Callable[..., Client], ask: Ask
) -> None:
    one, many = connect(None, "--allow", f"::ffff:{HERE}"), connect(None, "--allow", "::ffff:127.0.0.0/104")
    shown = [*run_cli("key", "list", one.account, "--database", server.database)]

    assert [ask(server, one, address).status_code for address in (HERE, ELSEWHERE)] == [200, 403]
    assert [ask(server, many, address).status_code for address in (HERE, ELSEWHERE)] == [200, 200]
    assert [each["allowed_from"] for each in shown] == [f"{HERE}/32"]


def test_networks_hold_from_the_next_request_on(server: Server, connect: Callable[..., Client], ask: Ask) -> None:
    client = connect()

    def statuses(*options: str) -> list[int]:
        run_cli("key", "update", client.account, client.key, *options, "--database", server.database)
        return [ask(server, client, address).status_code for address in (HERE, ELSEWHERE)]

    assert statuses("--allow", HERE) == [200, 403]
    assert statuses("--allow", ELSEWHERE) == [403, 200]
    assert statuses("--allow", "127.0.0.0/8") == [200, 200]
    assert statuses("--allow", "192.0.2.0/24", "--allow", ELSEWHERE) == [403, 200]
    assert statuses("--allow-all") == [200, 200]


def test_a_proxy_that_is_trusted_says_from_where_a_request_comes(
    new_database: Callable[[], str], new_client: Callable[..., Client], ask: Ask
) -> None:
    with serving(Settings(database=new_database(), trusted_proxies=HERE)) as server:
        client = new_client(server, None, "--allow", "198.51.100.0/24")
        forwarded = {"X-Forwarded-For": f"{FARTHER}, {FAR}"}
        made_up = {"X-Forwarded-For": f"{FAR}, {FARTHER}"}

        by_proxy, past_proxy = ask(server, client, HERE, **forwarded), ask(server, client, ELSEWHERE, **forwarded)

        assert (by_proxy.status_code, past_proxy.status_code) == (200, 403)
        assert ask(server, client, HERE, **made_up).status_code == 403
        assert ask(server, client, HERE).status_code == 403


def test_the_console_is_closed_from_elsewhere_too(server: Server, connect: Callable[..., Client]) -> None:
    client = connect(None, "--allow", HERE)
    form = {"key": client.key, "token": client.token}
    far = httpx2.Client(base_url=server.url, transport=httpx2.HTTPTransport(local_address=ELSEWHERE))
    with httpx2.Client(base_url=server.url) as near, far:
        assert far.post("/console/sign-in", data=form).status_code == 401
        assert near.post("/console/sign-in", data=form).status_code == 303
        assert near.get("/console/lists").status_code == 200

        far.cookies.update(near.cookies)
        stolen = far.get("/console/lists")

    assert stolen.status_code == 403
    assert "may not be used from here" in stolen.text
    assert client.account not in stolen.text


# Sealed with a secret


@pytest.fixture
def sealed(
    new_database: Callable[[], str], new_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Server, Client]]:
    """A server with a secret, and a client."""
    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", SECRET)
    with serving(Settings(database=new_database(), token_secret=SECRET)) as server:
        yield server, new_client(server)


def test_with_a_secret_the_hash_is_sealed_and_tokens_open_as_ever(sealed: tuple[Server, Client], ask: Ask) -> None:
    server, client = sealed
    ((kept,),) = read_rows(server.database, "SELECT token_hash FROM api_keys")

    assert kept == hash_token(client.token, SECRET)
    assert hash_token(client.token, "") not in kept
    assert ask(server, client).status_code == 200
    assert ask(server, wrong(client, token=new_token())).status_code == 401


def test_who_can_write_to_the_database_makes_no_key_without_the_secret(sealed: tuple[Server, Client], ask: Ask) -> None:
    server, client = sealed
    for forged in (hash_token(OLD_TOKEN, ""), hash_token(OLD_TOKEN, "another secret, of 32 characters")):
        execute(server.database, "UPDATE api_keys SET token_hash = :hash WHERE key = :key", hash=forged, key=client.key)

        assert ask(server, wrong(client, token=OLD_TOKEN)).status_code == 401


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), ("", 303)], ids=["with", "without"])
def test_who_can_write_to_the_database_makes_no_session_without_the_secret(
    secret: str, status: int, sealed: tuple[Server, Client]
) -> None:
    server, client = sealed
    token, now = new_session_token(), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    execute(
        server.database,
        """
        INSERT INTO sessions (token_hash, account, key, is_link, created, used)
        VALUES (:hash, :account, :key, 0, :now, :now)
        """,
        hash=hash_token(token, secret),
        account=client.account,
        key=client.key,
        now=now,
    )

    answer = httpx2.get(f"{server.url}/console/lists", cookies={"dialbook": token})

    assert answer.status_code == status


def test_a_book_of_plain_hashes_is_sealed_as_it_is(
    new_database: Callable[[], str],
    new_client: Callable[..., Client],
    monkeypatch: pytest.MonkeyPatch,
    ask: Ask,
) -> None:
    """The tokens stay what they are; without the secret they open nothing any more."""
    settings = Settings(database=new_database())
    with serving(settings) as server:
        client, revoked = new_client(server), new_client(server)
        run_cli("key", "revoke", revoked.account, revoked.key, "--database", server.database)

    monkeypatch.setenv("DIALBOOK_TOKEN_SECRET", SECRET)
    assert run_cli("key", "seal", "--database", settings.database) == {"sealed": 2}
    assert run_cli("key", "seal", "--database", settings.database) == {"sealed": 0}

    with serving(Settings(database=settings.database, token_secret=SECRET)) as server:
        assert ask(server, client).status_code == 200
    with serving(settings) as server:
        assert ask(server, client).status_code == 401


def _masked(text: str) -> str:
    return re.sub(r'"request_id":"[0-9a-f]{32}"', "", text)


def _fixed(headers: httpx2.Headers) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in headers.items() if name not in ("date", "x-request-id"))


@pytest.mark.parametrize(
    ("scheme", "status"),
    [("Basic", 200), ("basic", 200), ("Bearer", 401), ("Token", 401), ("", 401), ("Basic Basic", 401)],
)
def test_key_and_token_come_by_basic_authentication_alone(
    scheme: str, status: int, api: Client, server: Server
) -> None:
    encoded = base64.b64encode(f"{api.key}:{api.token}".encode()).decode()

    answer = httpx2.get(
        f"{server.url}/v2/accounts/{api.account}/lists", headers={"Authorization": f"{scheme} {encoded}".strip()}
    )

    assert answer.status_code == status
