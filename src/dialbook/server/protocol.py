"""HTTP/1.1 on a connection: an answer in one write, bounds on what is read and waited for, and our own words for what
is no HTTP."""

import asyncio
from collections.abc import Coroutine, Hashable, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import cast

from httptools import HttpParserError, HttpParserInvalidURLError, HttpParserUpgrade, HttpRequestParser
from starlette.requests import Request
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from dialbook.model.errors import RETRY_SOON, DialbookError, Invalid, TooManyRequests, Unreadable
from dialbook.model.ids import new_request_id
from dialbook.server.address import site
from dialbook.server.auth import LONGEST, read_credentials
from dialbook.server.deadlines import Deadlines, Stage
from dialbook.server.exchange import Exchange
from dialbook.server.head import UNENDED_LIMIT, Headers, check_head, unended
from dialbook.server.headers import RawHeader
from dialbook.server.load import Load, Place, Retry
from dialbook.server.outbox import OneWrite
from dialbook.server.pipeline import GOODBYE_SECONDS, WAITING, Pipeline
from dialbook.server.probes import PROBES
from dialbook.server.queue import Queue
from dialbook.wire.envelope import refusal, to_bytes

UNKNOWN_METHOD = "UNKNOWN"
ARRIVING_SECONDS = 2  # that the first request of a connection may take where the server stops
PIECE = 32 * 1024  # bytes that are read at once
API = "/v2/"
TOO_MANY_WAIT = f"{WAITING} requests wait on this connection already, which is all that may."


class Protocol(Pipeline):
    """uvicorn's protocol, which has no bounds of its own."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._out = OneWrite(transport, self.app_state["turn"], self._note_backlog)
        super().connection_made(cast(asyncio.Transport, self._out))
        self._load: Load = self.app_state["load"]
        self._queue: Queue = self.app_state["queue"]
        self._deadlines: Deadlines = self.app_state["deadlines"]
        self._exchange: Exchange = self.app_state["exchange"]
        self.url = b""
        self._received = 0  # bytes of bodies
        self._fruitless = 0  # bytes since a head, or a part of a body, was read
        self._retry = Retry()
        self._refusal: DialbookError | None = None
        self._begun: Scope = {}
        self._deadlines.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadlines.discard(self)
        self._load.forget(self)
        super().connection_lost(exc)
        self._forget_all()

    # What comes

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            if not self.is_over:
                self._read(data[start : start + PIECE])

    def on_headers_complete(self) -> None:
        if self._wants_another_protocol():
            return
        try:
            check_head(self.url, self.headers, self.parser.get_http_version())
            if len(self.pipeline) == WAITING:
                raise TooManyRequests(TOO_MANY_WAIT, headers=RETRY_SOON)
        except DialbookError as refusal:
            self._refusal = refusal
            raise
        super().on_headers_complete()
        # What stands behind a body is no part of the head (RFC 9110, section 6.5.1).
        self.headers = []

    def on_message_complete(self) -> None:
        if not self._wants_another_protocol():
            self.cycle.more_body = False  # uvicorn lets it be where the answer came first
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        super().on_body(body)

    def _read(self, piece: bytes) -> None:
        message, received = self.scope, self._received
        self._feed(piece)
        if self.scope is not message or self._received > received:
            self._fruitless = 0
            return
        self._fruitless += len(piece)
        if self._fruitless > UNENDED_LIMIT and not self.is_over:
            self._refuse(unended(self.url))

    def _feed(self, data: bytes) -> None:
        while data:
            data = self._fed(data)

    def _fed(self, data: bytes) -> bytes:
        """Have it parsed; what is to be parsed instead of what is left of it."""
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            (end_of_head,) = upgrade.args
            return self._as_ours(data[end_of_head:]) if self._wants_another_protocol() else b""
        except HttpParserInvalidURLError:
            self._refuse(
                Invalid("The URL cannot be read: it begins with / and is printable ASCII, all else percent-encoded.")
            )
        except HttpParserError:
            if not self.is_over:
                self.send_400_response("")
        return b""

    def _wants_another_protocol(self) -> bool:
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _as_ours(self, rest: bytes) -> bytes:
        """What is to be read of a request that asks for another protocol, as if it did not (RFC 9110, section 7.8).

        The parser takes what follows the head for that protocol, and gives up: another reads the head without the wish.
        """
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        return b"\r\n".join([*lines, b"", rest])

    # What is done about it

    def begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        scope = cast(Scope, cycle.scope)
        is_probe = scope["path"] in PROBES
        caller = _caller(scope["path"], scope["headers"])
        # Of the connection, not of the request: that holds its place, and both would wait for the garbage collector.
        place = Place(self._load, caller, self._site, self._retry, is_free=is_probe)
        scope["place"] = place
        self._begun = scope
        begin = partial(super().begin, cycle, app)
        if place.refusal:
            self._queue.hurry()
        if place.is_refused_at_once:
            _say_now(cycle.run_asgi(app))
        elif place.refusal or is_probe:
            begin()
        else:
            self._queue.add(begin)

    def on_response_complete(self) -> None:
        if self._begun["place"].refusal:  # which is heard at once, and not at the end of the turn
            self._out.flush()
        super().on_response_complete()

    def _site(self) -> Hashable:
        return site(Request(self._begun))

    def shutdown(self) -> None:
        """Let go of the connection: at once when nothing is under way, else after that.

        Who has just connected may have sent a request that nobody has read yet, and is waited for.
        """
        if self.scope is None:
            self.loop.call_later(ARRIVING_SECONDS, self._hang_up)
        else:
            self._hang_up()

    def _forget_all(self) -> None:
        """Refer to nothing that refers to us: the garbage collector stops everybody to find what does."""
        self._out.forget()
        self.pipeline.clear()
        if not self._under_way:
            self._begun = {}
            # As uvicorn has them before the first request.
            self.scope = None  # type: ignore[assignment]
            self.cycle = None  # type: ignore[assignment]

    def _hang_up(self) -> None:
        super().shutdown()
        # Over TLS a goodbye is waited for, and who keeps a connection for later may say none.
        if self.scheme == "https" and self.transport.is_closing():
            self.loop.call_later(GOODBYE_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # the parser's words are not ours
        self._refuse(self._refusal or Unreadable("The request is not valid HTTP."))

    def _refuse(self, error: DialbookError) -> None:
        """Answer what is no request, or too large a one, where nobody else does; read nothing more."""
        has_head = self.cycle is not None and self.cycle.scope is self.scope
        if has_head and not self.pipeline:
            self._break_off(error)
            return
        if has_head:  # it is the last of those that wait
            self.pipeline.popleft()
        self.end(self._answer(error))

    def _break_off(self, error: DialbookError) -> None:
        """Refuse the body of the request that is under way, unless it is being answered already."""
        self.is_over = True
        if not self.cycle.response_started:
            self.transport.write(self._answer(error))
        self.transport.close()

    def _answer(self, error: DialbookError) -> bytes:
        is_known = self.url and not isinstance(error, Unreadable)
        method = self.parser.get_method().decode() if is_known else UNKNOWN_METHOD
        request_id = new_request_id()
        self._exchange.note({"request_id": request_id}, error.status, 0.0)
        return _written(error, method, request_id, self._exchange.headers)

    # What is waited for

    @property
    def message(self) -> object:
        return self.scope

    @property
    def stage(self) -> Stage:
        cycle = self.cycle
        if self._out.untaken:
            return Stage.ANSWER
        if self.flow.read_paused or self._last_words:
            return Stage.US
        if self.scope is None:
            return Stage.REQUEST
        if cycle is None or cycle.scope is not self.scope:
            return Stage.HEAD
        if cycle.more_body:
            return Stage.BODY
        return Stage.REQUEST if cycle.response_complete else Stage.US

    @property
    def moved(self) -> int:
        return self._received + self._out.taken

    @property
    def untaken(self) -> int:
        return self._out.untaken

    def _note_backlog(self) -> None:
        self._begun["place"].note_backlog(self)

    def give_up(self) -> None:
        """Have the application say so where it waits for a body, once; else close the connection."""
        if self.stage is not Stage.BODY or self.cycle.response_started or "is_late" in self.scope:
            self.transport.abort()
            return
        cast(Scope, self.scope)["is_late"] = True
        self.cycle.keep_alive = False
        self.cycle.message_event.set()


def _caller(path: str, headers: Headers) -> Hashable:
    """The credentials that a request brings, of those that count where it goes; nothing where it brings none."""
    wanted = b"authorization" if path.startswith(API) else b"cookie"
    given = next((value for name, value in headers if name == wanted), b"")
    return read_credentials(given[: LONGEST + 1].decode("latin-1")) if path.startswith(API) else given


def _say_now(answer: Coroutine[None, None, None]) -> None:
    """Have a refusal said: a task would begin in the next turn, among all those who are answered there."""
    with suppress(StopIteration):
        answer.send(None)
        raise AssertionError("a refusal waits for something")


def _written(error: DialbookError, method: str, request_id: str, common: Sequence[RawHeader]) -> bytes:
    body = to_bytes(refusal(error), request_id, method)
    lines = [
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}".encode(),
        b"content-type: application/json",
        b"cache-control: no-store",
        *(b"%s: %s" % header for header in common),
        *(f"{name}: {value}".encode() for name, value in error.headers.items()),
        f"x-request-id: {request_id}".encode(),
        f"content-length: {len(body)}".encode(),
        b"connection: close",
    ]
    return b"\r\n".join([*lines, b"", body])
