"""The requests of a connection, one after the other: so many wait, and each until the answer before it is taken."""

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dialbook.server.outbox import OneWrite

WAITING = 32  # requests behind the one that is under way


class TooManyWaitError(Exception):
    """Keeps the parser from beginning with another."""


class Pipeline(HttpToolsProtocol):
    """uvicorn's protocol, which keeps as many as come, and begins each when the one before it has been answered."""

    _out: OneWrite  # the transport
    is_over = False  # what comes from now on is not read
    _is_busy = False  # one is under way

    def begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Have a request answered."""
        super()._start_asgi_task(cycle, app)

    def on_message_begin(self) -> None:
        """Begin to read a request; where so many wait already, the connection ends with the last of those."""
        if len(self.pipeline) == WAITING:
            self.is_over = True
            self.cycle.keep_alive = False
            raise TooManyWaitError
        super().on_message_begin()

    def on_response_complete(self) -> None:
        """Go on to the next request; uvicorn's own sets a timer each time, which the deadlines make needless."""
        self.server_state.total_requests += 1
        self._is_busy = False
        self._go_on()

    def resume_writing(self) -> None:
        """Go on to the next request, if it was only waited for that the client takes the answer before it."""
        super().resume_writing()
        self._go_on()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.pipeline.append((cycle, app))
        self._go_on()

    def _go_on(self) -> None:
        """Begin with the one that has waited longest, unless it has to wait on; read on when none waits."""
        if self._is_busy or self.transport.is_closing():
            return
        if not self.pipeline:
            self.flow.resume_reading()
        elif self._is_taken():
            self._is_busy = True
            self.begin(*self.pipeline.pop())
        else:
            self.flow.pause_reading()

    def _is_taken(self) -> bool:
        """Whether little is left of what was answered; who takes nothing would have his next answer kept, too."""
        self._out.flush()
        return not self.flow.write_paused
