"""What Prometheus reads: the counts of all processes of a server, and what its database says of itself.

It is served by the first process, in a thread and at an address of its own: it holds no account's data, but is not for
callers of the API, and answers when they are not answered.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from dialbook import __version__
from dialbook.counts import OTHER, SECONDS, Spread, Total
from dialbook.model.errors import Invalid, Unavailable
from dialbook.server.app import METHODS
from dialbook.settings import Settings
from dialbook.store.database import Database
from dialbook.store.engines import open_database
from dialbook.store.figures import Figures, read_figures

PATIENCE = 2.0  # seconds for the database; Prometheus waits for 10
BOUNDS = [*map(str, SECONDS), "+Inf"]


@contextmanager
def serving_metrics(settings: Settings, folder: Path) -> Iterator[None]:
    """Answer at the address that the settings name, until the caller is done.

    Args:
        settings: of the server.
        folder: where its processes count.

    Raises:
        Invalid: the address is taken, or none of this machine.
    """
    collector, registry = ServerCollector(settings, folder), CollectorRegistry()
    registry.register(collector)
    try:
        server, thread = start_http_server(settings.metrics_port, settings.metrics_host, registry)
    except OSError as error:
        address = f"{settings.metrics_host} port {settings.metrics_port}"
        raise Invalid(f"Metrics cannot be served on {address}: {error.strerror}.") from None
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        collector.close()


class ServerCollector(Collector):
    """All metrics of a server, as they are when they are asked for."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._started = time.time()
        self._db: Database | None = None
        self._asking = threading.Lock()

    def describe(self) -> Iterator[Metric]:
        """Nothing: what there is to say is not known before."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        total = Total(self._folder, [*METHODS])
        yield _info(self._settings.database)
        yield GaugeMetricFamily("dialbook_start_time_seconds", "When the server started.", self._started)
        yield GaugeMetricFamily("dialbook_workers", "Processes that answer requests now.", total.workers)
        yield _requests(total)
        yield _seconds(total)
        yield _histogram("dialbook_event_loop_lag_seconds", "How late turns of the event loop came.", total.lag)
        yield GaugeMetricFamily("dialbook_changes_waiting", "Changes that wait, or are made, now.", total.waiting)
        yield CounterMetricFamily("dialbook_upload_rows", "Rows of uploads that were worked off.", total.rows)
        yield from _database(self._figures())

    def close(self) -> None:
        """Let go of the database."""
        if self._db:
            self._db.close()

    def _figures(self) -> Figures | None:
        # Each who asks has a thread, and a database serves one event loop at a time.
        with self._asking, suppress(TimeoutError, Unavailable):
            self._db = self._db or open_database(self._settings.database)
            return asyncio.run(asyncio.wait_for(self._db.scan(read_figures), PATIENCE))
        return None


def _info(database: str) -> Metric:
    info = GaugeMetricFamily("dialbook_info", "What runs.", labels=["version", "engine"])
    info.add_metric([__version__, database.partition(":")[0]], 1)
    return info


def _requests(total: Total) -> Metric:
    requests = CounterMetricFamily("dialbook_requests", "Requests answered.", labels=["operation", "method", "status"])
    for (operation, status), count in total.requests.items():
        requests.add_metric([operation, METHODS.get(operation, OTHER), status], count)
    return requests


def _seconds(total: Total) -> Metric:
    name, labels = "dialbook_request_seconds", ["operation", "method"]
    seconds = HistogramMetricFamily(name, "How long answers took, from the request's head to their end.", labels=labels)
    for operation, spread in total.seconds.items():
        seconds.add_metric([operation, METHODS.get(operation, OTHER)], _buckets(spread), spread.total)
    return seconds


def _histogram(name: str, text: str, spread: Spread) -> Metric:
    return HistogramMetricFamily(name, text, _buckets(spread), spread.total)


def _buckets(spread: Spread) -> list[tuple[str, float]]:
    """How often at most so many seconds, each with all that took less."""
    return list(zip(BOUNDS, accumulate(spread.times), strict=True))


def _database(figures: Figures | None) -> Iterator[Metric]:
    yield GaugeMetricFamily("dialbook_database_up", "Whether the database answered.", figures is not None)
    if figures:
        yield GaugeMetricFamily("dialbook_database_bytes", "The size of the database.", figures.size)
        yield GaugeMetricFamily("dialbook_accounts", "Accounts.", figures.accounts)
        yield GaugeMetricFamily("dialbook_contacts", "Contacts of all accounts.", figures.contacts)
        yield GaugeMetricFamily("dialbook_lists", "Lists of all accounts.", figures.lists)
        yield GaugeMetricFamily("dialbook_uploads_queued", "Uploads that are not at their end.", figures.uploads)
