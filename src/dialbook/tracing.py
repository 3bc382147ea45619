"""Traces for OpenTelemetry: a span for each request, and in it one for each transaction. Nobody's data is in any.

Who wants none does not import this (`process.py`), and nothing stands between its requests and the application. What
the standard variables `OTEL_…` say, the library reads by itself.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer, use_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook import __version__
from dialbook.counts import OTHER
from dialbook.store.database import A, Check, Database, Tx

P = ParamSpec("P")
R = TypeVar("R")

FLUSH_SECONDS = 3.0  # that a server which stops waits for a collector
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"}
OURS = {"service.name": "dialbook", "service.version": __version__}


class Tracing:
    """What makes spans and sends them, in a thread of its own, to the collector that the environment names."""

    def __init__(self) -> None:
        resource = Resource.create(OURS).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("dialbook", __version__)

    def of_database(self, db: Database) -> Database:
        """The database, with a span for each transaction."""
        return TracedDatabase(db, self._tracer)

    def of_requests(self, app: ASGIApp) -> ASGIApp:
        """The application, with a span for each request; as the server stops, what is left is sent."""
        return TracedRequests(app, self._tracer, self._flush)

    def _flush(self) -> None:
        flushing = threading.Thread(target=self._provider.shutdown, daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)


class TracedRequests:
    """Stands around the application, which notes in the scope of a request whose it is and what it asks for."""

    def __init__(self, app: ASGIApp, tracer: Tracer, flush: Callable[[], None]) -> None:
        self._app = app
        self._tracer = tracer
        self._flush = flush

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, self._flushing(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        span = self._tracer.start_span(OTHER, _callers_context(scope), SpanKind.SERVER)
        try:
            # No error is recorded: its text might name somebody.
            with use_span(span, record_exception=False, set_status_on_exception=False):
                await self._app(scope, receive, send_and_note)
        finally:
            span.update_name(scope.get("operation", OTHER))
            span.set_attributes(_attributes(scope, status))
            if status >= 500:
                span.set_status(StatusCode.ERROR)
            # A span that never ends is not sent: of one that asks every few seconds there is none.
            if "is_probe" not in scope:
                span.end()

    def _flushing(self, send: Send) -> Send:
        """Have what is left sent before the server is told that the application has ended."""

        async def flush_first(message: Message) -> None:
            if message["type"] == "lifespan.shutdown.complete":
                await asyncio.to_thread(self._flush)
            await send(message)

        return flush_first


class TracedDatabase:
    """A database each of whose transactions has a span, with the name of its storage function."""

    def __init__(self, db: Database, tracer: Tracer) -> None:
        self._db = db
        self._tracer = tracer

    async def read(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._span("read", fn):
            return await self._db.read(fn, *args, **kwargs)

    async def recall(self, fn: Callable[[Tx, A], R], about: A, /) -> R:
        with self._span("recall", fn):
            return await self._db.recall(fn, about)

    async def scan(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._span("scan", fn):
            return await self._db.scan(fn, *args, **kwargs)

    async def write(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._span("write", fn):
            return await self._db.write(fn, *args, **kwargs)

    def waiting(self) -> int:
        return self._db.waiting()

    def check(self) -> Sequence[Check]:
        return self._db.check()

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _span(self, way: str, fn: Any) -> Iterator[None]:
        function = getattr(fn, "func", fn)  # of a partial one
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        span = self._tracer.start_span(name, kind=SpanKind.CLIENT, attributes={"db.operation.name": way})
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            raise
        finally:
            span.end()


def _callers_context(scope: Scope) -> Context:
    """The trace that the caller says its request belongs to, if it does (W3C Trace Context).

    Its `tracestate` is left out: it is a text, and would be sent on.
    """
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
    return TraceContextTextMapPropagator().extract({"traceparent": given})


def _attributes(scope: Scope, status: int) -> Mapping[str, str | int]:
    method = scope["method"] if scope["method"] in KNOWN_METHODS else "_OTHER"
    attributes: dict[str, str | int] = {"http.request.method": method, "http.response.status_code": status}
    if "account" in scope:
        attributes["dialbook.account"] = scope["account"].sid
    if "request_id" in scope:
        attributes["dialbook.request_id"] = scope["request_id"]
    return attributes
