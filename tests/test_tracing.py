"""Traces: what a collector is sent of requests and transactions, and what it never is."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.conftest import NUMBERS, run_cli
from tests.processes import Running, environment, started

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
NAME, EMAIL, TEXT = "Asha-of-nobody", "asha@example.com", "what-is-looked-for"

# What a worker imports, and says, as it is made.
MAKE = (
    "import sys; {before}\n"
    "from dialbook.process import make_app; from dialbook.shared import sharing\n"
    "with sharing(): make_app()\n"
    "print(*sorted({{name.partition('.')[0] for name in sys.modules}} & {{'opentelemetry', 'requests'}}))"
)


class Collector:
    """Takes what is sent to it, as an OpenTelemetry collector does (OTLP over HTTP)."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    @property
    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(body) for body in self.bodies]

    @property
    def spans(self) -> dict[str, Span]:
        """All spans, by name; none has the name of another."""
        found = [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        assert len({span.name for span in found}) == len(found), [span.name for span in found]
        return {span.name: span for span in found}

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Its address, while it takes anything."""
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
            thread.join()


@pytest.fixture
def collector() -> Collector:
    return Collector()


class Book:
    """A database with an account, and how its server is asked."""

    def __init__(self, database: str, folder: Path) -> None:
        run_cli("account", "create", "acme", "--database", database)
        self.key = run_cli("key", "create", "acme", "--database", database)
        self.database = database
        self._folder = folder

    @contextmanager
    def served(self, endpoint: str, **variables: str) -> Iterator[Running]:
        variables |= {"DIALBOOK_UPLOAD_FOLDER": str(self._folder / "uploads"), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        options = ("--port", "0", "--database", self.database)
        with started("serve", *options, folder=self._folder, **variables) as server:
            yield server

    def ask(self, server: Running, method: str, path: str, **options: Any) -> httpx2.Response:
        auth = (self.key["api_key"], self.key["api_token"])
        with httpx2.Client(verify=False, timeout=60, auth=auth) as http:
            return http.request(method, f"{server.url}/v2/accounts/acme{path}", **options)


@pytest.fixture
def book(new_database: Callable[[], str], tmp_path: Path) -> Book:
    return Book(new_database(), tmp_path)


def attributes(span: Span) -> Mapping[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_request_has_a_span_and_each_of_its_transactions_one_in_it(book: Book, collector: Collector) -> None:
    with collector.listening() as endpoint, book.served(endpoint) as server:
        caller = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
        body = {"contacts": [{"number": NUMBERS[0]}]}
        answer = book.ask(server, "POST", "/contacts", json=body, headers=caller)
        server.stop()

    spans = collector.spans
    assert spans.keys() == {"create_contacts", "auth.verify", "contacts.create_contacts"}
    request = spans.pop("create_contacts")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, CALLER)
    assert request.kind == Span.SPAN_KIND_SERVER
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "dialbook.account": "acme",
        "dialbook.request_id": answer.json()["request_id"],
    }
    for span in spans.values():
        assert (span.trace_id, span.parent_span_id) == (request.trace_id, request.span_id)
        assert request.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= request.end_time_unix_nano
    assert attributes(spans["contacts.create_contacts"]) == {"db.operation.name": "write"}
    named = [each for sent in collector.requests for each in sent.resource_spans[0].resource.attributes]
    assert {"service.name": "dialbook"}.items() <= {each.key: each.value.string_value for each in named}.items()


def test_nothing_personal_is_in_a_span(book: Book, collector: Collector) -> None:
    known = {"number": NUMBERS[0], "first_name": NAME, "email": EMAIL, "custom_field": {"city": TEXT}}
    with collector.listening() as endpoint, book.served(endpoint) as server:
        made = book.ask(server, "POST", "/contacts", json={"contacts": [known, {"number": NUMBERS[1]}]})
        other = made.json()["response"][1]["data"]["sid"]
        taken = book.ask(server, "PUT", f"/contacts/{other}", json={"number": NUMBERS[0]})
        caller = {"traceparent": f"00-{TRACE}-{CALLER}-01", "tracestate": f"caller={TEXT}"}
        book.ask(server, "GET", f"/contacts?name={TEXT}", headers=caller)
        book.ask(server, "GET", f"/{TEXT}/{NAME}")
        book.ask(server, "GET", f"/contacts/{TEXT}")
        httpx2.request("PROPFIND", f"{server.url}/{TEXT}", auth=(NAME, TEXT), headers={"User-Agent": TEXT})
        server.stop()

    sent = b"".join(collector.bodies)
    assert (taken.status_code, NUMBERS[0] in taken.text) == (409, True)
    assert sent.count(b"dialbook.request_id") == 6
    for secret in (NUMBERS[0], NUMBERS[0][1:], NAME, EMAIL, TEXT, book.key["api_key"], book.key["api_token"]):
        assert secret.lower().encode() not in sent.lower()


@pytest.mark.sqlite
def test_what_failed_is_told_by_its_kind(book: Book, collector: Collector) -> None:
    with collector.listening() as endpoint, book.served(endpoint) as server:
        assert book.ask(server, "GET", "/contacts/0123").status_code == 404
        assert httpx2.get(f"{server.url}/nowhere").status_code == 404
        server.stop()

    spans = collector.spans
    assert attributes(spans["contacts.get_contact"])["error.type"] == "NotFound"
    assert attributes(spans["get_contact"])["http.response.status_code"] == 404
    assert attributes(spans["other"]).keys() == {
        "http.request.method",
        "http.response.status_code",
        "dialbook.request_id",
    }
    assert {span.status.code for span in spans.values()} == {Status.STATUS_CODE_UNSET}


@pytest.mark.sqlite
def test_probes_have_none(book: Book, collector: Collector) -> None:
    with collector.listening() as endpoint, book.served(endpoint) as server:
        assert httpx2.get(f"{server.url}/healthz").status_code == 200
        assert httpx2.get(f"{server.url}/readyz").status_code == 200
        book.ask(server, "GET", "/lists")
        server.stop()

    assert collector.spans.keys() == {"list_lists", "auth.verify", "lists.list_lists"}


@pytest.mark.sqlite
def test_the_environment_names_the_service_and_samples(book: Book, collector: Collector) -> None:
    variables = {"OTEL_SERVICE_NAME": "book-of-acme", "OTEL_TRACES_SAMPLER": "parentbased_always_off"}
    caller = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    with collector.listening() as endpoint, book.served(endpoint, **variables) as server:
        book.ask(server, "GET", "/contacts")
        book.ask(server, "GET", "/lists", headers=caller)
        server.stop()

    assert "list_lists" in collector.spans
    assert "list_contacts" not in collector.spans
    assert b"book-of-acme" in collector.bodies[0]


@pytest.mark.sqlite
def test_a_collector_that_is_away_keeps_nothing_from_being_answered(book: Book) -> None:
    with book.served("http://127.0.0.1:9") as server:
        assert book.ask(server, "GET", "/contacts").status_code == 200

        assert server.stop() == 0


def made(database: str, folder: Path, before: str = "pass", **variables: str) -> subprocess.CompletedProcess[str]:
    """Make the application of a worker in a process of its own."""
    variables |= {"DIALBOOK_DATABASE": database, "DIALBOOK_UPLOAD_FOLDER": str(folder / "uploads")}
    return subprocess.run(
        [sys.executable, "-c", MAKE.format(before=before)],
        env=environment(variables),
        capture_output=True,
        text=True,
        check=False,
    )


def test_who_wants_no_traces_does_not_even_import_them(database: str, tmp_path: Path) -> None:
    assert not any(name.startswith("OTEL_") for name in os.environ)

    without = made(database, tmp_path)
    with_them = made(database, tmp_path, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://127.0.0.1:9/v1/traces")

    assert (without.stdout, without.stderr) == ("\n", "")
    assert "opentelemetry" in with_them.stdout


def test_a_server_without_the_packages_says_so_and_serves(database: str, tmp_path: Path) -> None:
    missing = "sys.modules['opentelemetry'] = None"

    done = made(database, tmp_path, missing, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert done.returncode == 0, done.stderr
    assert "Dialbook's extra 'tracing'" in done.stderr
