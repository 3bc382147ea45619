"""A server that is told to stop under its callers: each is answered, and what was uploaded is worked off later."""

import signal
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import islice

import msgspec

from acceptance.crowd import to_request
from acceptance.servers import client_of, complaints, ended_upload, new_databases, rows, serving, upload_file
from acceptance.trial import Figure, Trial
from bench.data import Book, make_book
from bench.failure import Failure
from tests.conftest import NUMBERS
from tests.processes import HANG_SECONDS, Running

CALLERS = 50
UPLOADED = 20_000  # rows
FILE = "\n".join(["number", *NUMBERS[CALLERS : CALLERS + UPLOADED]]).encode()
STOP_SECONDS = 30.0


def measure(trial: Trial) -> Sequence[Figure]:
    """Stop it with requests half sent; a round is such a stop."""
    with new_databases(trial) as databases:
        rounds = [_stop(trial, database) for database in islice(databases, trial.rounds)]
    answered, stored, longest, wrong, rows_left, problems = (list(each) for each in zip(*rounds, strict=True))
    return [
        Figure("requests under way", CALLERS * trial.rounds, at_least=1),
        Figure("of which answered", sum(answered), at_least=CALLERS * trial.rounds),
        Figure("of which stored", sum(stored), at_least=CALLERS * trial.rounds),
        Figure("longest stop", max(longest), " s", at_most=STOP_SECONDS),
        Figure("other exit statuses than 0", sum(wrong), at_most=0),
        Figure("rows of uploads not worked off", sum(rows_left), at_most=0),
        Figure("complaints of doctor", sum(problems), at_most=0),
    ]


def _stop(trial: Trial, database: str) -> tuple[int, int, float, bool, int, int]:
    book = make_book(database)
    with serving(trial, database) as server, ExitStack() as connections:
        with client_of(server, book) as http:
            upload = upload_file(http, "Everyone", FILE)
        halves = [_half_sent(server, book, number, connections) for number in NUMBERS[:CALLERS]]
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        _wait_until_refused(server)
        answered = sum(_finish(connection, rest) for connection, rest in halves)
        status = server.process.wait(HANG_SECONDS)
        took = time.monotonic() - began
    stored = len(rows(database, "SELECT 1 FROM contacts WHERE tag = 'under way'"))
    with serving(trial, database) as server, client_of(server, book) as http:
        left = UPLOADED - ended_upload(http, upload, seconds=HANG_SECONDS)["stats"]["success"]
    return answered, stored, took, status != 0, left, len(complaints(database))


def _half_sent(server: Running, book: Book, number: str, connections: ExitStack) -> tuple[socket.socket, bytes]:
    """A connection whose request the server has begun to work on, since it asks for the body; and the body.

    Raises:
        Failure: it does not ask.
    """
    body = msgspec.json.encode({"contacts": [{"number": number, "tag": "under way"}]})
    headers = {**book.headers, "Content-Type": "application/json", "Expect": "100-continue"}
    head, blank, _ = to_request("POST", f"{book.path}/contacts", headers, body).partition(b"\r\n\r\n")
    connection = connections.enter_context(socket.create_connection(("127.0.0.1", server.port), HANG_SECONDS))
    connection.sendall(head + blank)
    if not connection.recv(1024).startswith(b"HTTP/1.1 100 "):
        raise Failure("The server does not ask for a body.")
    return connection, body


def _finish(connection: socket.socket, rest: bytes) -> bool:
    """Send the rest; whether it was answered with success."""
    with suppress(OSError):
        connection.sendall(rest)
        return connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    return False


def _wait_until_refused(server: Running) -> None:
    with suppress(ConnectionError):
        while True:
            socket.create_connection(("127.0.0.1", server.port), HANG_SECONDS).close()
