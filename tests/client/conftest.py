"""The client library, connected to a fresh account of a live server, on both engines."""

from collections.abc import Iterator
from typing import Any

import pytest

from dialbook import Client
from dialbook.client import Contact
from tests.conftest import NUMBERS, Server
from tests.conftest import Client as Caller


def address(server: Server, api: Caller) -> str:
    """The account of a caller, as one URL."""
    return f"{server.url.replace('://', f'://{api.key}:{api.token}@')}/v2/accounts/{api.account}"


@pytest.fixture
def url(server: Server, api: Caller) -> str:
    return address(server, api)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def fill(client: Client, count: int, name: str = "Friends") -> tuple[str, list[str]]:
    """Make a list of new contacts; return its sid and theirs, in order."""
    made: list[Contact] = client.create_contacts({"number": n} for n in NUMBERS[:count]).raise_for_failures()
    (found,) = client.create_lists([{"name": name}]).raise_for_failures()
    sids = [contact.sid for contact in made]
    client.add_members(found.sid, sids).raise_for_failures()
    return found.sid, sids


def refuse_to_sleep(seconds: float) -> Any:
    raise AssertionError(f"slept {seconds} seconds")
