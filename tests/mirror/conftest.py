"""A server with an account, on each engine, and a local database beside it that follows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from click.testing import CliRunner, Result

from dialbook.cli.main import dialbook
from dialbook.client import Client
from dialbook.settings import Settings
from tests.client.conftest import address
from tests.conftest import Client as Caller
from tests.conftest import Server, run_cli, serving

FIELDS = ("number", "first_name", "last_name", "company_name", "email", "tag", "custom_field")


@dataclass
class Mirror:
    """The two sides, and what a person types between them."""

    client: Client
    url: str
    account: str
    there: str  # the server's database
    here: str
    home: dict[str, str]

    def run(self, *arguments: str, input: str | None = None) -> Result:  # noqa: A002  # as click's
        command = [*arguments, "--database", self.here]
        return CliRunner(env=self.home).invoke(dialbook, command, input=input, catch_exceptions=False)

    def pull(self, *options: str) -> dict[str, Any]:
        """Pull, which has to end with equal counts; return the report."""
        return read(self.run("pull", "--from", self.url, "--json", *options))

    def push(self, *options: str) -> dict[str, Any]:
        return read(self.run("push", "--to", self.url, "--json", *options))

    def check(self) -> None:
        """Both sides hold the same, and the local one is sound."""
        assert content(self.here, self.account) == content(self.there, self.account)
        assert [check for check in run_cli("doctor", "--database", self.here) if not check["ok"]] == []


def new_home(folder: Path) -> dict[str, str]:
    """What has a person's files kept in a folder."""
    return {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}


def saved(home: dict[str, str], url: str) -> str:
    """An account's URL without key and token, which a profile knows from now on."""
    account = urlsplit(url)
    plain = f"{account.scheme}://{account.hostname}:{account.port}{account.path}"
    add = ["profile", "add", plain, plain, "--key", str(account.username)]
    result = CliRunner(env=home).invoke(dialbook, add, input=f"{account.password}\n", catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return plain


def read(result: Result) -> dict[str, Any]:
    report: dict[str, Any] = msgspec.json.decode(result.stdout)
    assert (result.exit_code, result.stderr) == (0, ""), report
    return report


@contextmanager
def opened(database: str, account: str) -> Iterator[Client]:
    """An account's book, through a server of its own."""
    with serving(Settings(database=database)) as server:
        key = run_cli("key", "create", account, "--database", database)
        base = server.url.replace("://", f"://{key['api_key']}:{key['api_token']}@")
        with Client(f"{base}/v2/accounts/{account}") as client:
            yield client


def content(database: str, account: str) -> dict[str, Any]:
    """What is in an account's book, without what differs between books: sids and dates."""
    with opened(database, account) as client:
        lists = sorted(client.iter_lists(), key=lambda each: each.name or "")
        members = {each.name: [shown(contact) for contact in client.iter_members(each.sid)] for each in lists}
        contacts = sorted((shown(each) for each in client.iter_contacts()), key=lambda each: str(each["number"]))
        return {
            "contacts": contacts,
            "lists": [(each.name, each.tag, each.type, each.contact_count) for each in lists],
            "members": members,
        }


def shown(contact: Any) -> dict[str, Any]:
    return {field: getattr(contact, field) for field in FIELDS}


@pytest.fixture(params=[20, 5000], ids=["short pages", "long pages"])
def there(request: pytest.FixtureRequest, new_database: Callable[[], str]) -> Iterator[Server]:
    """A server whose pages are as short as the public service's, or not."""
    with serving(Settings(database=new_database(), page_limit=request.param)) as server:
        yield server


@pytest.fixture
def caller(there: Server, new_client: Callable[..., Caller]) -> Caller:
    return new_client(there)


@pytest.fixture
def mirror(there: Server, caller: Caller, new_database: Callable[[], str], tmp_path: Path) -> Iterator[Mirror]:
    """An empty account, and an empty database of the same engine."""
    home = new_home(tmp_path)
    url = address(there, caller)
    with Client(url) as client:
        yield Mirror(client, saved(home, url), caller.account, there.database, new_database(), home)
