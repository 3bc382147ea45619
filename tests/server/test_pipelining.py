"""Requests that come before the one before them is answered: a few wait, in order, and no more are read."""

import json
from collections.abc import Callable

import pytest

from dialbook.server.pipeline import WAITING
from dialbook.settings import Settings
from tests.conftest import Client, Server
from tests.gate import gated
from tests.raw import connected, head, read_answer, read_to_end

pytestmark = pytest.mark.sqlite  # the engine makes no difference here

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def answers_in(received: bytes) -> list[bytes]:
    return received.split(b"HTTP/1.1 ")[1:]


def test_a_few_are_answered_in_order(server: Server, api: Client) -> None:
    requests = [head(api, "GET", f"/contacts?offset={i}") for i in range(WAITING)]
    with connected(server) as sock:
        sock.sendall(b"".join([*requests, LAST]))
        *pages, last = answers_in(read_to_end(sock))

    offsets = [json.loads(page.partition(b"\r\n\r\n")[2])["metadata"]["offset"] for page in pages]
    assert offsets == [*range(WAITING)]
    assert last.startswith(b"303 ")


def test_when_many_wait_the_next_is_refused_and_ends_the_connection(server: Server) -> None:
    with connected(server) as sock:
        sock.sendall(HEAD * 100 + LAST)
        *answers, last = answers_in(read_to_end(sock))
        sock.sendall(b"what comes later is taken, and heard by nobody")

    assert [answer[:3] for answer in answers] == [b"303"] * (1 + WAITING)
    refused = read_answer(b"HTTP/1.1 " + last)
    assert (refused.status, refused.headers["connection"], refused.headers["retry-after"]) == (429, "close", "1")
    assert refused.error["description"] == "32 requests wait on this connection already, which is all that may."


def test_nothing_is_read_while_some_wait(new_database: Callable[[], str], connect: Callable[..., Client]) -> None:
    with gated(Settings(database=new_database())) as (server, gate), connected(server) as sock:
        waiting = head(connect("early", to=server), "GET", "/contacts", "Wait: yes")
        sock.sendall(waiting + HEAD * (WAITING - 1))
        gate.waiting.acquire()
        sock.sendall(HEAD * (WAITING - 1) + LAST)
        gate.open()
        answers = answers_in(read_to_end(sock))

    assert len(answers) == 2 * WAITING
