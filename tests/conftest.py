"""A real server on a real socket and a real file, and accounts on it: each test has its own."""

import json
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import httpx2
import pytest
import uvicorn
from click.testing import CliRunner

from dialbook.cli.main import dialbook
from dialbook.server.app import create_app
from dialbook.server.main import listen
from dialbook.server.protocol import Protocol
from dialbook.settings import Settings
from dialbook.store.engines import open_database
from tests.contract import check_answer
from tests.statements import check_statement

NUMBERS = [f"+9198450{i:05}" for i in range(20_000)]  # invented; one each for as many contacts as a test needs

MEMORY = Path("/dev/shm")  # noqa: S108  # a file system in memory, where there is one


@dataclass(frozen=True)
class Server:
    """Where a server listens, and its database."""

    url: str
    database: str


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

    def delete(self, path: str) -> httpx2.Response:
        return self.request("DELETE", path)

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

    def add_members(self, list_sid: str, *sids: str) -> httpx2.Response:
        return self.post(f"/lists/{list_sid}/contacts", {"contact_references": [{"contact_sid": sid} for sid in sids]})


def run_cli(*arguments: str) -> Any:
    """Run an admin command in this process; return what it prints as JSON."""
    result = CliRunner().invoke(dialbook, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="session", autouse=True)
def _every_statement_names_the_account() -> None:
    """Look at each statement that any test has SQLite run in this process."""

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = check_statement

    apsw.connection_hooks.append(watch)


@contextmanager
def serving(settings: Settings) -> Iterator[Server]:
    """Serve in a thread of this process until the caller is done."""
    sock = listen("127.0.0.1", 0)
    app = create_app(open_database(settings.database), settings)
    server = uvicorn.Server(uvicorn.Config(app, loop="asyncio", http=Protocol, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{sock.getsockname()[1]}", settings.database)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server with default settings for all tests; what syncs to a disk promise is tried in test_durability."""
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.exists() else None) as folder,
        serving(Settings(database=f"sqlite:///{folder}/book.db")) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def connect(server: Server) -> Iterator[Callable[..., Client]]:
    """Make an account, unless it exists, and a key of it; return a client that has the key."""
    made: list[httpx2.Client] = []
    accounts: set[str] = set()

    def connect(account: str | None = None, *key_options: str, to: Server = server) -> Client:
        account = account or f"account-{len(made)}"
        if account not in accounts:
            accounts.add(account)
            run_cli("account", "create", account, "--database", to.database)
        credentials = run_cli("key", "create", account, *key_options, "--database", to.database)
        key, token = credentials["api_key"], credentials["api_token"]
        made.append(httpx2.Client(base_url=to.url, auth=(key, token), timeout=60, verify=False))
        return Client(made[-1], account, key, token)

    yield connect
    for http in made:
        http.close()


@pytest.fixture
def api(connect: Callable[..., Client]) -> Client:
    """A client with a fresh account."""
    return connect()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """The URL of a database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'book.db'}"
