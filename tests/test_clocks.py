"""Clocks differ between servers, and are set back: no change is dated before one that was made earlier.

One server whose clock is turned stands for several whose clocks differ.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from dialbook.model.moment import utc_text
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, serving
from tests.raw import begin, connected, read_to_end
from tests.test_closed_meanwhile import BODIES

FIRST = datetime(2026, 1, 5, 9, tzinfo=UTC)
LATEST = FIRST + timedelta(minutes=20)
BEHIND = FIRST + timedelta(minutes=10)


@dataclass
class Book:
    """A list with one contact, both of the first moment; who is in no list came at the latest one."""

    api: Client
    list_path: str
    member_path: str
    other_sid: str

    def updated(self, path: str) -> str:
        found: dict[str, Any] = self.api.get(path).json()["response"]["data"]
        return str(found["date_updated"])


@pytest.fixture
def book(new_database: Callable[[], str], new_client: Callable[..., Client]) -> Iterator[Book]:
    times = [FIRST]
    with serving(Settings(database=new_database()), clock=lambda: times[-1]) as server:
        api = new_client(server)
        (member,) = api.create_contacts({"number": NUMBERS[0]})
        made = api.create_list()
        api.add_members(made["sid"], member["sid"])
        times.append(LATEST)
        (other,) = api.create_contacts({"number": NUMBERS[1]})
        times.append(BEHIND)
        yield Book(api, f"/lists/{made['sid']}", f"/contacts/{member['sid']}", other["sid"])


def update_contact(book: Book) -> str:
    book.api.put(book.member_path, {"tag": "vip"})
    return book.updated(book.member_path)


def update_list(book: Book) -> str:
    book.api.put(book.list_path, {"tag": "vip"})
    return book.updated(book.list_path)


def join(book: Book) -> str:
    book.api.add_members(book.list_path.removeprefix("/lists/"), book.other_sid)
    return book.updated(book.list_path)


def leave(book: Book) -> str:
    book.api.delete(f"{book.list_path}{book.member_path}")
    return book.updated(book.list_path)


def delete_member(book: Book) -> str:
    book.api.delete(book.member_path)
    return book.updated(book.list_path)


def create_contact(book: Book) -> str:
    (made,) = book.api.create_contacts({"number": NUMBERS[2]})
    return str(made["date_created"])


def create_list(book: Book) -> str:
    return str(book.api.create_list("Others")["date_created"])


@pytest.mark.parametrize(
    "change", [update_contact, update_list, join, leave, delete_member, create_contact, create_list]
)
def test_no_change_is_dated_before_an_earlier_one(change: Callable[[Book], str], book: Book) -> None:
    assert change(book) == utc_text(LATEST)


def test_contacts_of_one_second_come_in_the_order_in_which_they_were_made(
    new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    times = [FIRST]
    with serving(Settings(database=new_database()), clock=lambda: times[-1]) as server:
        api = new_client(server)
        for number, seconds in zip(NUMBERS, (2.5, 2.4, 0.9, 1.9, 2.5, 2.6), strict=False):
            times.append(FIRST + timedelta(seconds=seconds))
            api.create_contacts({"number": number})
        found = api.get("/contacts").json()["response"]

    assert [each["data"]["number"] for each in found] == NUMBERS[:6]
    assert {each["data"]["date_created"] for each in found} == {utc_text(FIRST + timedelta(seconds=2))}


@pytest.mark.parametrize("path", BODIES)
def test_a_change_is_of_the_moment_at_which_all_of_it_had_come(
    path: str, new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    times = [FIRST]
    kind, body = BODIES[path]
    with serving(Settings(database=new_database()), clock=lambda: times[-1]) as server, ExitStack() as open_:
        api = new_client(server)
        sock = begin(server, open_, api, path, kind, f"Content-Length: {len(body)}")
        times.append(LATEST)
        sock.sendall(body)
        read_to_end(sock)
        (made,) = api.get("/contacts" if path == "/contacts" else "/lists").json()["response"]

    assert made["data"]["date_created"] == utc_text(LATEST)


@pytest.mark.sqlite
def test_so_is_an_upload_of_the_console(new_database: Callable[[], str], new_client: Callable[..., Client]) -> None:
    times = [FIRST]
    kind, body = BODIES["/contacts/csv-upload"]
    with (
        serving(Settings(database=new_database()), clock=lambda: times[-1]) as server,
        httpx2.Client(base_url=server.url) as http,
        connected(server) as sock,
    ):
        api = new_client(server)
        http.post("/console/sign-in", data={"key": api.key, "token": api.token})
        cookie = f"Cookie: dialbook={http.cookies['dialbook']}"
        lines = ["POST /console/uploads HTTP/1.1", "Host: dialbook", cookie, kind, f"Content-Length: {len(body)}"]
        sock.sendall("\r\n".join([*lines, "Expect: 100-continue", "Connection: close", "", ""]).encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
        times.append(LATEST)
        sock.sendall(body)
        read_to_end(sock)
        (made,) = api.get("/lists").json()["response"]

    assert made["data"]["date_created"] == utc_text(LATEST)
