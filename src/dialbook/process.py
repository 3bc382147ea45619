"""The server process: its socket, its log, its workers."""

import gc
import logging
import multiprocessing
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from dialbook.console.app import console
from dialbook.draining import Drain, DrainingServer, DrainingWorkers
from dialbook.jobs.process import working_off
from dialbook.log import configure_logging
from dialbook.model.errors import DialbookError, Invalid
from dialbook.model.moment import utc_text
from dialbook.parent import on_parents_end
from dialbook.server.app import create_app
from dialbook.server.outbox import Outbox, Turn
from dialbook.server.protocol import Protocol
from dialbook.settings import PREFIX, Settings, load_settings, to_environment
from dialbook.shared import Shared, shared, sharing
from dialbook.store.engines import open_database
from dialbook.transport import tls_context

if TYPE_CHECKING:
    from dialbook.tracing import Tracing

BACKLOG = 2048  # connections that may wait to be accepted
ACCEPTED = 16  # connections in one turn of the loop
GRACE_SECONDS = 30
COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")  # either asks for traces
UNSENT = 128 * 1024  # bytes of an answer that the system takes before the client can
GARBAGE = 50_000  # new objects before the collector looks for circles: a page makes some, and keeps none


def listen(host: str, port: int) -> socket.socket:
    """Take the address; from here on clients can connect, and are answered once the server runs.

    Raises:
        Invalid: the address is taken, or none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Invalid(f"Cannot listen on {host} port {port}: {str(error.strerror).partition(' (while')[0]}.") from None
    # Connections inherit it. Without it, an answer's body may wait 40 ms for the caller to acknowledge its head.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Else the system takes megabytes of an answer at once, and does not say for minutes how a slow client takes them.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    return sock


def run(settings: Settings, sock: socket.socket, announce: Callable[[], None]) -> None:
    """Serve until told to stop by SIGINT or SIGTERM, or by SIGHUP with one worker; what is under way is finished first.

    Args:
        settings: how.
        sock: where, as `listen` gives it.
        announce: is called once every address is taken.

    Raises:
        Invalid: the address for metrics is taken, or none of this machine.
        SystemExit: it was told to stop, and has.
    """
    # A server that was told to stop raises the signal again once it has: by default that would be the end, with our
    # folder left. To hang up on several workers is to have them replaced, which they see to themselves.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    # Workers are fresh processes, and read their settings from the environment that they are given.
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[variable]
    os.environ.update(to_environment(settings))
    # Else they, and all that are started besides, would take a csv.py in the current folder for Python's own.
    os.environ["PYTHONSAFEPATH"] = "1"
    configure_logging(settings.log_level, settings.log_format)
    config = uvicorn.Config(
        "dialbook.process:make_app",
        factory=True,
        loop="uvloop",
        http=Protocol,
        ssl_context_factory=_tls(settings),
        ws="none",
        lifespan="on",
        workers=settings.workers,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # libuv accepts one connection on each socket in a turn of its loop, and a turn may answer a hundred requests: on
    # one socket alone, new callers would wait for as many turns as there are of them.
    socks = [sock, *(sock.dup() for _ in range(ACCEPTED - 1))]
    # Ctrl-C is how one stops a server at a terminal, and no error.
    with sharing() as mine, _metrics(settings, mine), working_off(), suppress(KeyboardInterrupt):
        announce()
        drain = Drain(mine, settings.drain_seconds)
        if settings.workers > 1:
            DrainingWorkers(config, drain, sockets=socks).run()
        else:
            DrainingServer(config, drain).run(sockets=socks)


@contextmanager
def _refusing_in_words() -> Iterator[None]:
    """End a worker that cannot begin, and say why in one line; its parent keeps the one that it was to replace."""
    try:
        yield
    except DialbookError as refusal:
        if multiprocessing.parent_process() is None:
            raise
        logging.getLogger(__name__).error("a worker cannot begin: %s", refusal)  # noqa: TRY400  # no more is to be said
        sys.exit(1)


@_refusing_in_words()
def make_app() -> ASGIApp:
    """The application of one worker, from the environment."""
    if parent := multiprocessing.parent_process():
        # Without it nobody works off uploads, nor can the address be taken by another server.
        on_parents_end(parent.sentinel, lambda: signal.raise_signal(signal.SIGTERM))
        # A terminal hangs up on all processes: the parent replaces us, and ends us by SIGTERM.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    settings = load_settings({})
    configure_logging(settings.log_level, settings.log_format)
    log = log_requests_as_json if settings.log_format == "json" else log_requests
    write_log = Outbox(Turn(), log).put if settings.log_level in {"debug", "info"} else None
    tracing = _tracing()
    db = open_database(settings.database)
    traced = tracing.of_database(db) if tracing else db
    app = create_app(traced, settings, write_log=write_log, beside=console(), shared=shared())
    # What is loaded by now stays for good: the collector need not walk through it again with every few requests.
    gc.freeze()
    gc.set_threshold(GARBAGE)
    return tracing.of_requests(app) if tracing else app


def _tracing() -> "Tracing | None":
    if not any(os.environ.get(variable) for variable in COLLECTORS):
        return None
    try:
        from dialbook.tracing import Tracing  # noqa: PLC0415  # which costs who does not want it 11 MiB
    except ImportError:
        logging.getLogger(__name__).warning("There are no traces: they need Dialbook's extra 'tracing'.")
        return None
    return Tracing()


def _tls(settings: Settings) -> Callable[..., ssl.SSLContext] | None:
    """What each worker makes its TLS context with; those that replace others see what the files are by then."""
    return partial(_make_tls_context, settings) if settings.tls_certificate else None


@_refusing_in_words()
def _make_tls_context(settings: Settings, *_: object) -> ssl.SSLContext:
    configure_logging(settings.log_level, settings.log_format)  # a worker begins with it
    return tls_context(settings.tls_certificate, settings.tls_key)


def _metrics(settings: Settings, shared: Shared) -> AbstractContextManager[None]:
    if not settings.metrics_port:
        return nullcontext()
    from dialbook.metrics import serving_metrics  # noqa: PLC0415  # which costs who does not want it 4 MiB

    return serving_metrics(settings, shared.folder)


def log_requests(lines: list[str]) -> None:
    """Log what Exchange says of some requests, as the logging package would, which takes a fifth of a page for each."""
    now = utc_text(datetime.now(UTC))
    sys.stderr.write("".join([f"{now} INFO dialbook.request {line}\n" for line in lines]))


def log_requests_as_json(lines: list[str]) -> None:
    """The same, an object a line."""
    head = f'{{"time":"{utc_text(datetime.now(UTC))}","level":"INFO","logger":"dialbook.request",'
    sys.stderr.write("".join([f"{head}{line}}}\n" for line in lines]))
