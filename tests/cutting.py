"""A proxy before PostgreSQL that cuts a connection at the very moment of its commit."""

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

Proxy = TypeVar("Proxy", bound=socketserver.ThreadingTCPServer)

# What a client sends, as "Message Formats" in PostgreSQL's manual has it: a type, four bytes of length, then text.
# The driver prepares what it has sent some times on one connection, COMMIT too.
ASKS = re.compile(rb"Q.{4}COMMIT\0", re.DOTALL)
PREPARES = re.compile(rb"P.{4}(?P<name>[^\0]+)\0COMMIT\0", re.DOTALL)
BINDS = re.compile(rb"B.{4}[^\0]*\0(?P<name>[^\0]+)\0", re.DOTALL)


class Cutting(socketserver.ThreadingTCPServer):
    """Stands between Dialbook and PostgreSQL, and cuts a connection before or after it has passed a COMMIT on."""

    daemon_threads = True
    when: str | None = None

    def __init__(self, port: int) -> None:
        self.upstream = ("127.0.0.1", port)
        super().__init__(("127.0.0.1", 0), Passing)


class Passing(socketserver.BaseRequestHandler):
    """One connection."""

    server: Cutting
    request: socket.socket
    is_silent = False
    prepared: bytes | None = None  # the name of a COMMIT

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            self.answers = threading.Thread(target=self._pass_answers, args=[upstream], daemon=True)
            self.answers.start()
            with suppress(OSError):
                while (data := self.request.recv(65536)) and not self._cuts(upstream, data):
                    upstream.sendall(data)
            end(self.request, upstream)

    def _cuts(self, upstream: socket.socket, data: bytes) -> bool:
        if not self._is_commit(data) or self.server.when is None:
            return False
        if self.server.when == "after":
            self.is_silent = True
            upstream.sendall(data)
            self.answers.join()
        return True

    def _is_commit(self, data: bytes) -> bool:
        if prepares := PREPARES.match(data):
            self.prepared = prepares["name"]
        binds = BINDS.match(data)
        return ASKS.match(data) is not None or (binds is not None and binds["name"] == self.prepared)

    def _pass_answers(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while (data := upstream.recv(65536)) and not self.is_silent:
                self.request.sendall(data)
        end(self.request, upstream)


def end(*socks: socket.socket) -> None:
    for sock in socks:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def cutting(port: int) -> AbstractContextManager[Cutting]:
    """Such a proxy before the PostgreSQL server at a port of this machine."""
    return running(Cutting(port))


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Have a proxy pass on what comes, in a thread, until the caller is done."""
    with proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()
