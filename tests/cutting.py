"""A proxy before PostgreSQL that cuts a connection at the very moment of its commit."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


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

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            self.answers = threading.Thread(target=self._pass_answers, args=[upstream], daemon=True)
            self.answers.start()
            with suppress(OSError):
                while (data := self.request.recv(65536)) and not self._cuts(upstream, data):
                    upstream.sendall(data)
            end(self.request, upstream)

    def _cuts(self, upstream: socket.socket, data: bytes) -> bool:
        if self.server.when is None or not data.endswith(b"COMMIT\0"):
            return False
        if self.server.when == "after":
            self.is_silent = True
            upstream.sendall(data)
            self.answers.join()
        return True

    def _pass_answers(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while (data := upstream.recv(65536)) and not self.is_silent:
                self.request.sendall(data)
        end(self.request, upstream)


def end(*socks: socket.socket) -> None:
    for sock in socks:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(port: int) -> Iterator[Cutting]:
    """Such a proxy before the PostgreSQL server at a port of this machine."""
    with Cutting(port) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()
