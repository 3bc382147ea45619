"""Two servers side by side, one on each engine: whatever is done, every answer of the one is the other's, to the byte.

Only the ids differ, which each server makes by itself; both tell the same time.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import initialize, rule

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.effort import effort
from tests.machine import run_machine
from tests.test_properties import BookMachine, list_names, names, sort_directions, windows

ID = re.compile(r"\b[0-9a-f]{32}\b")
orders = st.sampled_from(["date_created", "date_updated", "number", "name", "first_name", "last_name"])
BEGINNING = [
    {"number": number, "first_name": first, "last_name": last}
    for number, first, last in zip(
        NUMBERS[7::-1],
        ["Åsa", None, "asha", "Asha", "राम", None, "Zoë", "ASHA"],
        [None, "x", "X", "", "é", "e", None, "~"],
        strict=True,
    )
]


@dataclass
class Clock:
    """Shows a later second for each request, so that ids are in the order in which they were made."""

    now: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Twins(Client):
    """Asks two servers the same, and answers as the first one does."""

    other: Client
    clock: Clock
    ids: dict[str, str] = field(default_factory=dict)  # of the first server, and what the other calls it

    def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        self.clock.now += timedelta(seconds=1)
        answer = super().request(method, path, **options)
        theirs = self.other.request(method, self._theirs(path), **json.loads(self._theirs(json.dumps(options))))
        found = zip(_ids(answer), _ids(theirs), strict=True)
        assert all(self.ids.setdefault(ours, their) == their for ours, their in found)
        assert self._theirs(_essence(answer)) == _essence(theirs)
        return answer

    def _theirs(self, text: str) -> str:
        return ID.sub(lambda match: self.ids.get(match[0], match[0]), text)


def _essence(answer: httpx2.Response) -> str:
    """All of an answer but what the connection adds; an ETag is made of ids, too."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"date", "content-length"}}
    headers |= {"etag": "there is one"} if "etag" in headers else {}
    return f"{answer.status_code}\n{headers}\n{answer.text}"


def _ids(answer: httpx2.Response) -> list[str]:
    return ID.findall(_essence(answer))


class TwinsMachine(BookMachine):
    """What the model beside a single server is asked, and more that the model does not know."""

    @initialize(target=BookMachine.contacts)
    def begin(self) -> Any:  # type: ignore[override]  # it fills a bundle, too
        """With some contacts and two lists of them, out of which some have left."""
        BookMachine.begin(self)
        made = BookMachine.create_contacts(self, BEGINNING)
        sids = list(self.book.contacts)
        for name in ("Ø", "50%"):
            BookMachine.create_lists(self, [(name, {})])
        for list_sid in self.book.lists:
            self.add_members(list_sid, sids)
            self.remove_member(list_sid, sids[2])
        return made

    @rule(path=st.sampled_from(["/contacts", "/lists"]), window=windows, order=orders, direction=sort_directions)
    def sort(self, path: str, window: tuple[int, int], order: str, direction: str) -> None:
        self.api.get(path, offset=window[0], limit=window[1], sort_by=order + direction)

    @rule(path=st.sampled_from(["/contacts", "/lists"]), name=list_names | names, text=st.text(max_size=2))
    def search(self, path: str, name: str | None, text: str) -> None:
        self.api.get(path, name=(name or "") + text)

    @rule(data=st.data(), limit=st.integers(1, 9))
    def read_members(self, data: st.DataObject, limit: int) -> None:
        """Of lists that are there, at every offset that has a member, and one more."""
        if self.book.lists:
            sid = data.draw(st.sampled_from(sorted(self.book.lists)))
            for offset in range(len(self.book.members[sid]) + 1):
                self.list_members(sid, (offset, limit))

    @rule(sid=BookMachine.lists, limit=st.integers(1, 3), after=st.integers(0, 40))
    def walk(self, sid: str, limit: int, after: int) -> None:
        self.api.get(f"/lists/{sid}/contacts", limit=limit, after=f"{after:x}")

    @rule(sid=BookMachine.lists, format_=st.sampled_from(["text/csv", "application/x-ndjson"]))
    def export(self, sid: str, format_: str) -> None:
        self.api.request("GET", f"/lists/{sid}/contacts", headers={"Accept": format_})

    @rule(sid=BookMachine.lists)
    def delete_members_contacts(self, sid: str) -> None:
        page = self.api.get(f"/lists/{sid}/contacts", limit=2).json()["response"]
        for contact in [item["data"]["sid"] for item in page] if isinstance(page, list) else []:
            self.delete_contact(contact)


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def servers(databases: Callable[[str], str], clock: Clock) -> Iterator[tuple[Server, Server]]:
    with (
        serving(Settings(database=databases("sqlite")), clock) as one,
        serving(Settings(database=databases("postgres")), clock) as other,
    ):
        yield one, other


@pytest.fixture(scope="module")
def twins(servers: tuple[Server, Server], new_client: Callable[..., Client], clock: Clock) -> Callable[[], Twins]:
    """Makes an account of the same name on both servers."""
    made = iter(range(10_000))

    def connect() -> Twins:
        account = f"twins-{next(made)}"
        one, other = (new_client(server, account) for server in servers)
        return Twins(one.http, account, one.key, one.token, other, clock)

    return connect


def test_every_answer_is_the_same_on_both(twins: Callable[[], Twins]) -> None:
    run_machine(TwinsMachine, examples=effort("EXAMPLES", 30), steps=50, connect=staticmethod(twins))


def test_bulks_are_answered_the_same_on_both(twins: Callable[[], Twins]) -> None:
    """5,000 at a time, some refused for this and some for that, with the same contact twice in one request."""
    api = twins()
    drafts = [{"number": number, "first_name": f"Name {i % 7}"} for i, number in enumerate(NUMBERS[:4000])]
    made = api.post("/contacts", {"contacts": [*drafts, *drafts[:900], {"number": "no number"}]}).json()["response"]
    sids = [item["data"]["sid"] for item in made[:4000]]
    list_sid = api.create_list()["sid"]

    api.add_members(list_sid, *sids[:3000], *sids[:500], "0" * 32)
    api.put("/contacts", {"contacts": [{"sid": sid, "tag": "a"} for sid in [*sids[::3], *sids[:50]]]})
    api.put("/contacts", {"contacts": [{"sid": sid, "number": NUMBERS[0]} for sid in sids[:3]]})
    for sid in sids[100:140]:
        api.delete(f"/contacts/{sid}")

    for offset in (0, 90, 1000, 2959, 2960, 5000):
        api.get(f"/lists/{list_sid}/contacts", offset=offset, limit=50)
    api.get("/contacts", sort_by="first_name:desc", offset=1500, limit=1000, filter="show_list")
