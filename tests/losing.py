"""A proxy before a server that loses what is answered to an upload."""

import socket
import socketserver
import threading
from contextlib import AbstractContextManager, suppress
from urllib.parse import urlsplit

from tests.cutting import end, running

UPLOAD = b"POST /console/uploads"


class Losing(socketserver.ThreadingTCPServer):
    """Stands between a browser and a server; what answers an upload it keeps, and closes the connection."""

    daemon_threads = True
    loses = True

    def __init__(self, server: str) -> None:
        self.upstream = ("127.0.0.1", urlsplit(server).port)
        super().__init__(("127.0.0.1", 0), Passing)

    @property
    def url(self) -> str:
        """Where a browser reaches the server through it."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passing(socketserver.BaseRequestHandler):
    """One connection."""

    server: Losing
    request: socket.socket
    is_upload = False

    def handle(self) -> None:
        with socket.create_connection(self.server.upstream) as upstream:
            asking = threading.Thread(target=self._pass_requests, args=[upstream], daemon=True)
            asking.start()
            with suppress(OSError):
                while (data := upstream.recv(65536)) and not (self.is_upload and self.server.loses):
                    self.request.sendall(data)
            end(self.request, upstream)
            asking.join()

    def _pass_requests(self, upstream: socket.socket) -> None:
        with suppress(OSError):
            while data := self.request.recv(65536):
                self.is_upload |= data.startswith(UPLOAD)
                upstream.sendall(data)
        end(upstream)


def losing(server: str) -> AbstractContextManager[Losing]:
    """Such a proxy before a server."""
    return running(Losing(server))
