"""What is said in one turn of the event loop, said at once.

A call of the system costs as much as a good part of a page, and more when it comes between two pages: what Python
and SQLite have in the processor's caches is lost. So answers and lines of the log leave when the turn is over.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from dialbook.log import describe

T = TypeVar("T", str, bytes)

log = logging.getLogger(__name__)

ENOUGH = 64 * 1024  # characters or bytes that are not kept until the turn ends


class Turn:
    """The turn that an event loop is in."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._callbacks: list[Callable[[], None]] = []

    def at_end(self, callback: Callable[[], None]) -> None:
        """Call `callback` when this turn is over."""
        if not self._callbacks:
            # Kept, since finding it takes a call of the system.
            self._loop = self._loop or asyncio.get_running_loop()
            self._loop.call_soon(self._end)
        self._callbacks.append(callback)

    async def over(self) -> None:
        """Wait until it is over, and what was said in it has left."""
        is_over = asyncio.Event()
        self.at_end(is_over.set)
        await is_over.wait()

    def _end(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            # What is wrong with one must keep the others neither from being handed on nor from being heard.
            try:
                callback()
            except Exception as bug:  # noqa: BLE001
                log.error("the end of a turn: %s", describe(bug))  # noqa: TRY400  # which would show its text


class Outbox(Generic[T]):
    """Gathers what is put into it, and hands it on together, in order, when the turn is over."""

    def __init__(self, turn: Turn, send: Callable[[list[T]], object]) -> None:
        self._turn = turn
        self._send: Callable[[list[T]], object] = send
        self._gathered: list[T] = []
        self._size = 0

    def put(self, text: T) -> None:
        """Hand `text` on by the end of this turn; at once when much has gathered."""
        if not self._gathered:
            self._turn.at_end(self.flush)
        self._gathered.append(text)
        self._size += len(text)
        if self._size >= ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Hand on what there is."""
        if self._gathered:
            gathered, self._gathered, self._size = self._gathered, [], 0
            self._send(gathered)

    def close(self) -> None:
        """Hand on nothing any more."""
        self._send = _to_nobody


class OneWrite:
    """A transport that writes what it is given in one turn together; in all else the transport that it wraps.

    Args:
        transport: it.
        turn: whose end is waited for.
        on_backlog: is called when much is left to the transport, which may go soon or never.
    """

    def __init__(self, transport: asyncio.Transport, turn: Turn, on_backlog: Callable[[], None]) -> None:
        self._transport = transport
        self._on_backlog = on_backlog
        self._outbox = Outbox[bytes](turn, self._send)
        self._given = 0
        self.write = self._outbox.put
        self.flush = self._outbox.flush
        self.is_closing = transport.is_closing

    @property
    def taken(self) -> int:
        """How many bytes have been written, and have left for the system."""
        return self._given - self.untaken

    @property
    def untaken(self) -> int:
        """How many bytes have been written, and wait to leave."""
        return self._transport.get_write_buffer_size()

    def write_eof(self) -> None:
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def forget(self) -> None:
        """Once the connection is lost, refer to nothing that refers to this: the garbage collector would find it."""
        self._outbox.close()
        self._on_backlog = _nothing

    def _send(self, parts: list[bytes]) -> None:
        if self.is_closing():  # whoever left in this turn hears nothing any more
            return
        data = b"".join(parts)
        self._given += len(data)
        self._transport.write(data)
        if self.untaken > ENOUGH:
            self._on_backlog()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _to_nobody(_: object) -> None:
    pass


def _nothing() -> None:
    pass
