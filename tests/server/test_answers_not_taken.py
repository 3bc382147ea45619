"""Answers that nobody takes: so much of them, and no more, and nobody else goes without."""

import socket
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack

import httpx2
import pytest

from dialbook.server import load
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.raw import connected, head, read_to_end
from tests.server.conftest import Narrow, disguised


def fill(client: Client) -> None:
    """Make 500 contacts, of which a page has 4 MB."""
    client.create_contacts(*({"number": number, "custom_field": {"x": "y" * 8000}} for number in NUMBERS[:500]))


def test_who_takes_no_answers_is_given_no_more_of_them_and_others_are(
    new_database: Callable[[], str], connect: Callable[..., Client], open_: ExitStack
) -> None:
    with serving(Settings(database=new_database())) as server:
        greedy, modest = connect("greedy", to=server), connect("modest", to=server)
        fill(greedy)
        socks = [open_.enter_context(connected(server, receive_buffer=4096)) for _ in range(16)]
        for sock in socks:
            sock.sendall(disguised(head(greedy, "GET", "/contacts?limit=500", "Connection: close")))
        statuses = Counter(sock.recv(12) for sock in socks)

        refused = greedy.get("/contacts")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["response"]["error_data"]["description"] == (
            "You have as many bytes of answers under way as one may have here: 33554432."
        )
        assert greedy.post("/contacts", {"contacts": [{"number": NUMBERS[500]}]}).status_code == 429
        assert modest.get("/contacts").status_code == 200
        assert 8 <= statuses[b"HTTP/1.1 200"] <= 10
        assert statuses[b"HTTP/1.1 200"] + statuses[b"HTTP/1.1 429"] == 16

        for sock in socks:
            read_to_end(sock)
        assert greedy.get("/contacts").json()["metadata"]["total"] == 500


BUNDLE = "/docs/assets/swagger-ui-bundle.js"


def ask_as_stranger(
    server: Server, open_: ExitStack, path: str, number: int, times: int = 1, source: str = "127.0.0.1"
) -> socket.socket:
    """Ask for what anybody may have, with credentials that nobody else makes up, and take only how it begins."""
    sock = open_.enter_context(connected(server, receive_buffer=4096, source=source))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: dialbook={number}\r\n\r\n".encode() * times)
    assert sock.recv(9) == b"HTTP/1.1 "
    return sock


@pytest.mark.sqlite
def test_strangers_who_take_no_files_take_nobodys_place(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    for number in range(4):
        ask_as_stranger(narrow.server, open_, BUNDLE, number)

    assert connect("modest", to=narrow.server).get("/contacts").status_code == 200
    assert httpx2.get(f"{narrow.server.url}/console/sign-in").status_code == 200


@pytest.mark.sqlite
def test_what_is_asked_behind_an_answer_that_nobody_takes_has_no_place(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    greedy, modest = connect("greedy", to=narrow.server), connect("modest", to=narrow.server)
    fill(greedy)
    for number in range(3):
        sock = open_.enter_context(connected(narrow.server, receive_buffer=4096))
        behind = f"GET /console HTTP/1.1\r\nHost: x\r\nCookie: a={number}\r\nConnection: close\r\n\r\n"
        sock.sendall(head(greedy, "GET", "/contacts?limit=500") + behind.encode())
        assert sock.recv(12) == b"HTTP/1.1 200"
    narrow.hold(open_, modest)

    assert modest.get("/contacts").status_code == 200
    assert b"HTTP/1.1 303" in read_to_end(sock)


@pytest.mark.sqlite
def test_an_address_has_half_of_the_files_that_are_sent_at_the_same_time(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    for number in range(load.FILES // 2):
        ask_as_stranger(narrow.server, open_, BUNDLE, number)

    refused = httpx2.get(f"{narrow.server.url}{BUNDLE}")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert connect("modest", to=narrow.server).get("/contacts").status_code == 200


@pytest.mark.sqlite
def test_what_strangers_do_not_take_is_counted_against_no_account(
    new_database: Callable[[], str], connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor against other strangers, as long as it is one who takes nothing."""
    monkeypatch.setattr(load, "ANSWERS", 2**20)  # so that a few are enough
    with serving(Settings(database=new_database())) as server, ExitStack() as open_:
        for number in range(16):
            ask_as_stranger(server, open_, "/openapi.json", number, times=4)

        assert connect("modest", to=server).get("/contacts").status_code == 200
        assert httpx2.get(f"{server.url}/console/sign-in").status_code == 429
        assert {httpx2.get(f"{server.url}/{probe}").status_code for probe in ("healthz", "readyz")} == {200}
        with httpx2.Client(transport=httpx2.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
            assert elsewhere.get(f"{server.url}/console/sign-in").status_code == 200

        for source in ("127.0.0.2", "127.0.0.3"):
            for number in range(16):
                ask_as_stranger(server, open_, "/openapi.json", number, times=4, source=source)

        assert connect("modest", to=server).get("/contacts").status_code == 200
