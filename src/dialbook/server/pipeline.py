"""The requests of a connection, one after the other: so many wait, and each until the answer before it is taken."""

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dialbook.server.outbox import OneWrite

WAITING = 32  # requests behind the one that is under way
GOODBYE_SECONDS = 1


class Pipeline(HttpToolsProtocol):
    """uvicorn's protocol, which keeps as many as come, and begins each when the one before it has been answered."""

    _out: OneWrite  # the transport
    is_over = False  # what comes from now on is not read
    _under_way: RequestResponseCycle | None = None
    _last_words = b""  # to be said when all that came before has been answered

    def begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Have a request answered."""
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on to the next request; uvicorn's own sets a timer each time, which the deadlines make needless."""
        self.server_state.total_requests += 1
        self._under_way = None
        self._go_on()

    def resume_writing(self) -> None:
        """Go on to the next request, if it was only waited for that the client takes the answer before it."""
        super().resume_writing()
        self.loop.call_soon(self._go_on)  # a transport of asyncio's own must not be closed from here

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the request that is under way; uvicorn tells the last that came."""
        super().connection_lost(exc)
        if self._under_way:
            self._under_way.disconnected = True
            self._under_way.message_event.set()

    def end(self, last_words: bytes) -> None:
        """Read nothing more, and close the connection when all that came before has been answered.

        Args:
            last_words: the answer that is the last.
        """
        self.is_over = True
        self._last_words = last_words
        self._go_on()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.pipeline.appendleft((cycle, app))
        self._go_on()

    def _go_on(self) -> None:
        """Begin with the one that has waited longest, unless it has to wait on; read on when none waits."""
        if self._under_way or self.transport.is_closing():
            return
        if not self.pipeline:
            self._read_on()
        elif self._is_taken():
            cycle, app = self.pipeline.pop()
            self._under_way = cycle
            self.begin(cycle, app)
        else:
            self.flow.pause_reading()

    def _is_taken(self) -> bool:
        """Whether little is left of what was answered; who takes nothing would have his next answer kept, too."""
        self._out.flush()
        return not self.flow.write_paused

    def _read_on(self) -> None:
        self.flow.resume_reading()
        if self._last_words:
            self.transport.write(self._last_words)
            self._last_words = b""
            self._say_goodbye()

    def _say_goodbye(self) -> None:
        """Close our end; closed while the caller still sends, all would be reset, and answers might be lost."""
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:  # over TLS
            self.loop.call_later(GOODBYE_SECONDS, self.transport.close)
