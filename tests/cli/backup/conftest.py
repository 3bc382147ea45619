"""A book in use, and a copy of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, run_cli, serving


@pytest.fixture
def served(database: str) -> Iterator[Server]:
    with serving(Settings(database=database)) as server:
        yield server


@pytest.fixture
def client(served: Server, new_client: Callable[..., Client]) -> Client:
    """An account with some contacts and a list, on a server that is running."""
    client = new_client(served)
    contacts = client.create_contacts(*({"number": number} for number in NUMBERS[:20]))
    client.add_members(client.create_list()["sid"], *(contact["sid"] for contact in contacts[:10]))
    return client


@pytest.fixture
def copy(client: Client, served: Server, tmp_path: Path) -> Path:
    """A copy of that book."""
    assert client.get("/contacts").json()["metadata"]["total"] == 20
    run_cli("backup", str(tmp_path / "copy.db"), "--database", served.database)
    return tmp_path / "copy.db"
