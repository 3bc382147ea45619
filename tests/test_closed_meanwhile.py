"""A request whose key, or account, is closed while its body is on the way changes nothing."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, run_cli, serving
from tests.raw import Answer, begin, connected, read_answer, read_to_end
from tests.server.uploads.sending import files_in

JSON, FORM = "Content-Type: application/json", "Content-Type: multipart/form-data; boundary=form"
FILE = (
    b'--form\r\nContent-Disposition: form-data; name="list_name"\r\n\r\nFriends\r\n'
    b'--form\r\nContent-Disposition: form-data; name="file_name"; filename="a.csv"\r\n\r\nnumber\r\n--form--\r\n'
)
# Of each path the type of its body, and the body.
BODIES = {
    "/contacts": (JSON, b'{"contacts": [{"number": "%s"}]}' % NUMBERS[0].encode()),
    "/lists": (JSON, b'{"lists": [{"name": "Friends"}]}'),
    "/contacts/csv-upload": (FORM, FILE),
}
KEYED = ("Idempotency-Key: first",)


def closed_meanwhile(server: Server, client: Client, path: str, *commands: list[str], headers: Any = ()) -> Answer:
    """What is answered to a request that was begun before these commands were given, and ends after them."""
    kind, body = BODIES[path]
    with ExitStack() as open_:
        sock = begin(server, open_, client, path, kind, f"Content-Length: {len(body)}", *headers)
        for command in commands:
            run_cli(*command, "--database", server.database)
        sock.sendall(body)
        return read_answer(read_to_end(sock))


def held(server: Server, account: str) -> tuple[int, int]:
    """How many contacts and lists an account has."""
    accounts = run_cli("account", "list", "--database", server.database)
    (found,) = [each for each in accounts if each["account_sid"] == account]
    return found["contacts"], found["lists"]


@pytest.mark.parametrize("path", BODIES)
def test_in_an_account_that_was_deleted(path: str, api: Client, server: Server) -> None:
    before = files_in(server)

    answer = closed_meanwhile(server, api, path, ["account", "delete", api.account, "--yes"])

    assert answer.status == 404
    assert answer.error["description"] == f"There is no account '{api.account}'."
    assert files_in(server) == before


@pytest.mark.parametrize("headers", [(), KEYED], ids=["", "with an Idempotency-Key"])
@pytest.mark.parametrize("path", BODIES)
def test_in_another_account_of_the_same_name(path: str, headers: Any, api: Client, server: Server) -> None:
    before = files_in(server)
    commands = [["account", "delete", api.account, "--yes"], ["account", "create", api.account]]

    answer = closed_meanwhile(server, api, path, *commands, headers=headers)

    assert answer.status == 401
    assert held(server, api.account) == (0, 0)
    assert files_in(server) == before


@pytest.mark.parametrize("path", BODIES)
def test_by_a_key_that_was_revoked(path: str, api: Client, server: Server) -> None:
    answer = closed_meanwhile(server, api, path, ["key", "revoke", api.account, api.key])

    assert answer.status == 401
    assert held(server, api.account) == (0, 0)
    log = run_cli("audit", "query", api.account, "--all", "--database", server.database)
    assert {entry["action"] for entry in log} <= {"create_account", "create_key", "revoke_key"}


@pytest.mark.sqlite
@pytest.mark.parametrize("path", BODIES)
def test_by_a_key_that_has_expired(
    path: str, new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    now = datetime.now(UTC)
    kind, body = BODIES[path]
    with serving(Settings(database=new_database()), lambda: now) as server, ExitStack() as open_:
        client = new_client(server, None, "--expires", "1d")
        sock = begin(server, open_, client, path, kind, f"Content-Length: {len(body)}")
        now += timedelta(days=2)
        sock.sendall(body)

        answer = read_answer(read_to_end(sock))

    assert answer.status == 401
    assert held(server, client.account) == (0, 0)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "path",
    [
        "/lists",
        "/lists/{list}/selection/export",
        # These are refused, with a page of what is stored or with words that may tell of it.
        "/contacts",
        "/contacts/{contact}",
        "/lists/{list}/selection",
        "/lists/{list}/selection/work",
    ],
)
def test_by_somebody_who_has_signed_out_of_the_console(path: str, api: Client, server: Server) -> None:
    """Nor is anything given."""
    made = api.create_list()["sid"]
    (member,) = api.create_contacts({"number": NUMBERS[0]})
    api.add_members(made, member["sid"])
    body = f"name=Others&contact={member['sid']}".encode()
    with httpx2.Client(base_url=server.url) as http, connected(server) as sock:
        http.post("/console/sign-in", data={"key": api.key, "token": api.token})
        lines = [
            f"POST /console{path.format(list=made, contact=member['sid'])} HTTP/1.1",
            "Host: dialbook",
            f"Cookie: dialbook={http.cookies['dialbook']}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
            "Expect: 100-continue",
            "Connection: close",
        ]
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        http.post("/console/sign-out")
        sock.sendall(body)

        answer = read_answer(read_to_end(sock))

    assert (answer.status, answer.headers["location"], answer.body) == (303, "/console/sign-in?next=", b"")
    assert held(server, api.account) == (1, 1)


def test_what_is_kept_of_an_earlier_request_is_no_longer_given(api: Client, server: Server) -> None:
    kind, body = BODIES["/contacts"]
    first = api.request("POST", "/contacts", content=body, headers=dict(line.split(": ") for line in (kind, *KEYED)))
    assert first.status_code == 200

    answer = closed_meanwhile(server, api, "/contacts", ["key", "revoke", api.account, api.key], headers=KEYED)

    assert answer.status == 401
