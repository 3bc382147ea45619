"""What comes on a connection before the request before it is answered: so much of it waits, and no more is read."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

WAITING = 32  # requests behind the one that is under way


class TooManyWaitError(Exception):
    """Keeps the parser from beginning with another."""


class Pipeline(HttpToolsProtocol):
    """uvicorn's protocol, which keeps as many as come, and reads on after each answer."""

    is_over = False  # what comes from now on is not read

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
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.flow.resume_reading()
