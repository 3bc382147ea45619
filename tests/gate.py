"""A gate before a server, to keep requests under way for as long as a test wants."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from dialbook.settings import Settings
from tests.conftest import Server, serving


class Gate:
    """Stands before a server, and keeps whoever has the header Wait until it is opened."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._is_open = asyncio.Event()
        self.waiting = threading.Semaphore(0)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        if (b"wait", b"yes") in scope.get("headers", []):
            self.waiting.release()
            await self._is_open.wait()
        await self._app(scope, receive, send)

    def open(self) -> None:
        assert self._loop
        self._loop.call_soon_threadsafe(self._is_open.set)


@contextmanager
def gated(settings: Settings) -> Iterator[tuple[Server, Gate]]:
    """A server behind a gate, which is opened at the end."""
    gates: list[Gate] = []

    def before(app: ASGIApp) -> ASGIApp:
        gates.append(Gate(app))
        return gates[0]

    with serving(settings, before=before) as server:
        try:
            yield server, gates[0]
        finally:  # else the server would wait for those whom it keeps
            gates[0].open()
