"""A real server on a real socket, for each engine, and accounts on it: each test has its own."""

import json
import os
import signal
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import pytest
import uvicorn
from anyio.from_thread import start_blocking_portal
from click.testing import CliRunner
from msgspec import structs
from starlette.types import ASGIApp

from dialbook.cli.main import dialbook
from dialbook.console.app import console
from dialbook.jobs.forgetting import forget, retention_of
from dialbook.jobs.runner import Runner
from dialbook.model.lists import ListLimits
from dialbook.model.upload import UploadLimits
from dialbook.process import listen
from dialbook.server.app import create_app
from dialbook.server.protocol import Protocol
from dialbook.settings import Settings
from dialbook.shared import Shared
from dialbook.store.database import Row, Tx
from dialbook.store.engines import open_database
from dialbook.store.spool import open_spool
from tests.contract import check_answer
from tests.postgres import MEMORY, Postgres, running_postgres
from tests.statements import watch_postgres, watch_sqlite

CHUNK = 500  # rows of an upload that are written together
NUMBERS = [f"+9198450{i:05}" for i in range(100_000)]  # invented; one each for as many contacts as a test needs

# How long an example takes tells how busy the machine is. Where it is enough to know that a test fails, as in
# `make mutation`, nobody waits for the smallest example.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
WITHOUT_SHRINKING = [hypothesis.Phase.explicit, hypothesis.Phase.reuse, hypothesis.Phase.generate]
hypothesis.settings.register_profile("verdict", hypothesis.settings.get_profile("patient"), phases=WITHOUT_SHRINKING)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))


@dataclass(frozen=True)
class Server:
    """Where a server listens, and its database."""

    url: str
    database: str
    settings: Settings


@dataclass
class Client:
    """A caller with credentials of one account; every answer it gets is checked against the API's description."""

    http: httpx2.Client
    account: str
    key: str
    token: str

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """`path` is below the account, as in `/contacts`."""
        answer = self.http.request(method, f"/v2/accounts/{self.account}{path}", **options)
        check_answer(answer)
        return answer

    def get(self, path: str, **params: Any) -> httpx2.Response:
        return self.request("GET", path, params=params)

    def post(self, path: str, body: Any) -> httpx2.Response:
        return self.request("POST", path, json=body)

    def put(self, path: str, body: Any) -> httpx2.Response:
        return self.request("PUT", path, json=body)

    def delete(self, path: str, body: Any = None) -> httpx2.Response:
        return self.request("DELETE", path, json=body)

    def create_contacts(self, *contacts: dict[str, Any]) -> list[dict[str, Any]]:
        """Make contacts that all have to be accepted."""
        answer = self.post("/contacts", {"contacts": contacts})
        assert answer.status_code == 200, answer.text
        return [item["data"] for item in answer.json()["response"]]

    def create_list(self, name: str = "Friends", **fields: Any) -> dict[str, Any]:
        """Make a list that has to be accepted."""
        answer = self.post("/lists", {"lists": [{"name": name, **fields}]})
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["response"][0]["data"]
        return data

    def upload(self, file: bytes, list_name: str = "Friends", **fields: str) -> httpx2.Response:
        """Upload a file as existing clients do."""
        files = {"file_name": ("contacts.csv", file, "text/csv")}
        return self.request("POST", "/contacts/csv-upload", data={"list_name": list_name, **fields}, files=files)

    def add_members(self, list_sid: str, *sids: str) -> httpx2.Response:
        return self.post(f"/lists/{list_sid}/contacts", {"contact_references": [{"contact_sid": sid} for sid in sids]})


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shortest-first",
        type=Path,
        metavar="FILE",
        help="run first what took least, by this file of mutmut's figures",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out PostgreSQL where a test is marked with `sqlite`; run the shortest tests first where that is asked."""
    items[:] = [item for item in items if not (item.get_closest_marker("sqlite") and "[postgres" in item.name)]
    figures = config.getoption("--shortest-first")
    if figures and figures.exists():  # mutmut writes it once it knows
        seconds = json.loads(figures.read_text(encoding="utf-8"))["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0))


def run_cli(*arguments: str) -> Any:
    """Run an admin command in this process; return what it prints as JSON."""
    return print_json(*arguments, "--json")


def print_json(*arguments: str) -> Any:
    """Run a command in this process that prints JSON; return that."""
    # A browser that is under way has an event loop in this thread, beside which there can be no other.
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(partial(CliRunner().invoke, dialbook, arguments, catch_exceptions=False)).result()
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def execute(database: str, sql: str, **params: object) -> None:
    """Change a database behind Dialbook's back."""

    def change(tx: Tx) -> None:
        tx.run(sql, **params)

    with closing(open_database(database)) as db, start_blocking_portal() as portal:
        portal.call(db.write, change)


def read_rows(database: str, sql: str, **params: object) -> list[Row]:
    """Look into a database behind Dialbook's back."""

    def read(tx: Tx) -> list[Row]:
        return [*tx.all(sql, **params)]

    with closing(open_database(database)) as db, start_blocking_portal() as portal:
        return portal.call(db.scan, read)


def turns(server: Server, chunk: int = CHUNK) -> Iterator[None]:
    """Work off the uploads that a server has received, chunk by chunk."""
    settings = server.settings
    with closing(open_database(server.database)) as db, start_blocking_portal() as portal:
        lists = ListLimits(settings.static_list_limit, settings.dynamic_list_limit)
        limits = UploadLimits(lists, settings.upload_limit, chunk)
        runner = Runner(db, open_spool(settings.upload_folder, settings.database), limits, lambda: datetime.now(UTC))
        with closing(runner):
            while portal.call(runner.turn):
                yield


def work_off(server: Server, chunk: int = CHUNK) -> None:
    """Work off all of them."""
    for _ in turns(server, chunk):
        pass


def forget_old(server: Server, now: datetime) -> None:
    """Forget what the process beside a server would, were it that late."""
    with closing(open_database(server.database)) as db, start_blocking_portal() as portal:
        portal.call(partial(forget, db, retention_of(server.settings), now=now))


@pytest.fixture(scope="session", autouse=True)
def _every_statement_names_the_account() -> None:
    """Look at each statement that any test has a database run in this process."""
    watch_sqlite()
    watch_postgres()


@contextmanager
def serving(
    settings: Settings,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    before: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    grace: int | None = None,
) -> Iterator[Server]:
    """Serve in a thread of this process until the caller is done.

    Args:
        settings: how.
        clock: tells the time.
        before: puts something before the server.
        grace: the most seconds for what is under way then; None for as many as it takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        if not settings.upload_folder:
            settings = structs.replace(settings, upload_folder=f"{folder}/uploads")
        yield from _serving(settings, Shared(Path(folder)), clock, before, grace)


def _serving(
    settings: Settings,
    shared: Shared,
    clock: Callable[[], datetime],
    before: Callable[[ASGIApp], ASGIApp],
    grace: int | None,
) -> Iterator[Server]:
    sock = listen("127.0.0.1", 0)
    db = open_database(settings.database)
    app = create_app(db, settings, shared=shared, clock=clock, beside=console())
    config = uvicorn.Config(
        before(app),
        loop="asyncio",
        http=Protocol,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=grace,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{sock.getsockname()[1]}", settings.database, settings)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests."""
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Make an empty database of an engine, ready to be served; what syncs to a disk promise is in test_durability."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as folder:

        def make(engine: str) -> str:
            if engine == "sqlite":
                return f"sqlite:///{folder}/{uuid.uuid4()}.db"
            postgres: Postgres = request.getfixturevalue("postgres")
            return postgres.create_book()

        yield make


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """Every test of a server is run on each."""
    return str(request.param)


@pytest.fixture(scope="session")
def new_database(engine: str, databases: Callable[[str], str]) -> Callable[[], str]:
    """Make an empty database, ready to be served."""
    return partial(databases, engine)


@pytest.fixture(scope="session")
def server(new_database: Callable[[], str]) -> Iterator[Server]:
    """One server for all tests, on each engine, with default settings, but that tests fail to sign in all the time."""
    with serving(Settings(database=new_database(), failed_sign_ins=0)) as server:
        yield server


@pytest.fixture
def alone(new_database: Callable[[], str]) -> Iterator[Server]:
    """A server that no other test uses: its book and its folder may be damaged."""
    with serving(Settings(database=new_database())) as server:
        yield server


@pytest.fixture(scope="session")
def new_client() -> Iterator[Callable[..., Client]]:
    """Make a key of an account on a server, and the account unless it exists; return a client that has the key."""
    made: list[httpx2.Client] = []
    accounts: set[tuple[str, str]] = set()

    def connect(server: Server, account: str | None = None, *key_options: str) -> Client:
        account = account or f"account-{len(made)}"
        if (server.database, account) not in accounts:
            accounts.add((server.database, account))
            run_cli("account", "create", account, "--database", server.database)
        credentials = run_cli("key", "create", account, *key_options, "--database", server.database)
        key, token = credentials["api_key"], credentials["api_token"]
        made.append(httpx2.Client(base_url=server.url, auth=(key, token), timeout=60, verify=False))
        return Client(made[-1], account, key, token)

    yield connect
    for http in made:
        http.close()


@pytest.fixture(scope="session")
def connect(server: Server, new_client: Callable[..., Client]) -> Callable[..., Client]:
    """Make such a client of the one server for all tests, unless another is named."""

    def connect(account: str | None = None, *key_options: str, to: Server = server) -> Client:
        return new_client(to, account, *key_options)

    return connect


@pytest.fixture
def api(connect: Callable[..., Client]) -> Iterator[Client]:
    """A client with a fresh account."""
    client = connect()
    yield client
    client.http.close()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'book.db'}"


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Who starts these tests in the background has them pass over Ctrl-C, and what they start, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
