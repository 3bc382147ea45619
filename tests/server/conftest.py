"""A server that is full soon."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from secrets import token_bytes

import pytest
from msgspec import Struct

from dialbook.settings import Settings
from tests.conftest import Client, Server
from tests.gate import Gate, gated
from tests.raw import connected, head


class Narrow(Struct, frozen=True):
    """A server with four places for requests, and two for uploads and exports."""

    server: Server
    gate: Gate

    def hold(self, open_: ExitStack, client: Client) -> socket.socket:
        """Take a place, until the gate is opened."""
        sock = open_.enter_context(connected(self.server))
        sock.sendall(head(client, "GET", "/contacts", "Wait: yes", "Connection: close"))
        self.gate.waiting.acquire()
        return sock


@pytest.fixture
def narrow(new_database: Callable[[], str]) -> Iterator[Narrow]:
    with gated(Settings(database=new_database(), max_requests=4, max_streams=2)) as (server, gate):
        yield Narrow(server, gate)


@pytest.fixture
def open_() -> Iterator[ExitStack]:
    """Connections that are closed at the end."""
    with ExitStack() as stack:
        yield stack


def disguised(request: bytes) -> bytes:
    """With credentials before its own that nobody asked for, and others each time."""
    return request.replace(b"Authorization", b"Cookie: a=%s\r\nAuthorization" % token_bytes(8).hex().encode(), 1)
