"""Who was refused is in the audit log: gathered, so that a flood is a line, and without what was sent."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import Client, Server, execute, run_cli, serving

NAME, EMAIL = "Canary-Name", "canary@example.org"


@pytest.fixture
def refusing(new_database: Callable[[], str], new_client: Callable[..., Client]) -> Callable[..., list[dict[str, Any]]]:
    """Have a server refuse, and end; what its log has got of the account `victim`, or another."""

    def run(ask: Callable[[Server, Client], object], account: str = "victim", **settings: Any) -> list[dict[str, Any]]:
        with serving(Settings(database=new_database(), failed_sign_ins=0, **settings)) as server:
            ask(server, new_client(server, "victim"))
        found = run_cli("audit", "query", account, "--all", "--database", server.database)
        for each in run_cli("audit", "verify", "--database", server.database):
            assert each["broken"] is None
        return [each for each in found if each["refusal"]]

    return run


def test_a_flood_of_bad_keys_is_one_entry(refusing: Callable[..., list[dict[str, Any]]]) -> None:
    def ask(server: Server, client: Client) -> None:
        with httpx2.Client(base_url=server.url, auth=(NAME, EMAIL)) as http:
            for _ in range(150):
                assert http.get(f"/v2/accounts/{client.account}/contacts").status_code == 401

    (entry,) = refusing(ask)

    assert (entry["refusal"], entry["failed"], entry["action"], entry["via"]) == (401, 150, "list_contacts", "api")
    assert (entry["key"], entry["touched"]) == (None, [])
    assert NAME not in json.dumps(entry)


def test_made_up_accounts_are_nobodys_and_bounded(refusing: Callable[..., list[dict[str, Any]]]) -> None:
    def ask(server: Server, _: Client) -> None:
        with httpx2.Client(base_url=server.url) as http:
            for i in range(300):
                http.get(f"/v2/accounts/{NAME}-{i}/contacts")

    found = refusing(ask, "-")

    assert sum(each["failed"] for each in found) == 300
    assert len(found) <= 65
    assert NAME not in json.dumps(found)


def test_a_key_that_was_revoked_is_named(refusing: Callable[..., list[dict[str, Any]]]) -> None:
    keys = []

    def ask(server: Server, client: Client) -> None:
        keys.append(client.key)
        run_cli("key", "revoke", client.account, client.key, "--database", server.database)
        assert client.delete(f"/contacts/{'0' * 32}").status_code == 401

    (entry,) = refusing(ask)

    assert (entry["refusal"], [entry["key"]], entry["action"]) == (401, keys, "delete_contact")


def test_what_a_key_may_not_is_noted_in_its_own_account(refusing: Callable[..., list[dict[str, Any]]]) -> None:
    def ask(server: Server, client: Client) -> None:
        run_cli("account", "create", "other", "--database", server.database)
        answer = client.http.get("/v2/accounts/other/lists")
        assert answer.status_code == 403

    (entry,) = refusing(ask)

    assert (entry["refusal"], entry["action"], entry["failed"]) == (403, "list_lists", 1)


def test_too_many_requests_are_noted(refusing: Callable[..., list[dict[str, Any]]]) -> None:
    (entry,) = refusing(lambda _, client: [client.get("/lists") for _ in range(7)], rate_limit=3)

    assert (entry["refusal"], entry["failed"], entry["action"]) == (429, 4, "list_lists")


def test_a_failed_sign_in_is_noted(refusing: Callable[..., list[dict[str, Any]]]) -> None:
    def ask(server: Server, client: Client) -> None:
        httpx2.post(f"{server.url}/console/sign-in", data={"key": client.key, "token": "wrong"})

    (entry,) = refusing(ask, "-")

    assert (entry["refusal"], entry["via"], entry["action"]) == (401, "console", "sign_in")


@pytest.mark.sqlite
def test_what_is_wrong_with_one_log_loses_nothing_of_others(
    new_database: Callable[[], str], caplog: pytest.LogCaptureFixture
) -> None:
    """And the database is closed at the end of the server all the same."""
    database, writers = new_database(), _writers()
    for account in ("damaged", "sound"):
        run_cli("account", "create", account, "--database", database)
    run_cli("key", "create", "damaged", "--database", database)
    execute(database, "UPDATE audit_chains SET number = number - 1 WHERE account = :account", account="damaged")

    with serving(Settings(database=database)) as server:
        for account in ("damaged", "sound"):
            assert httpx2.get(f"{server.url}/v2/accounts/{account}/lists").status_code == 401

    (entry,) = [each for each in run_cli("audit", "query", "sound", "--database", database) if each["refusal"]]
    assert (entry["refusal"], entry["failed"]) == (401, 1)
    assert "1 refusals of an account are not in its log: ConstraintError at" in caplog.text
    assert _writers() == writers


def _writers() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "dialbook-writer"}
