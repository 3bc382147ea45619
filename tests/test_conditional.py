"""Conditional requests: an answer that differs has another tag, and whoever has seen it is told so without a body."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apsw
import httpx2
import hypothesis.strategies as st
import pytest
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.machine import run_machine

NO_TAGS = [
    "",
    "abc",
    "'abc'",
    '"abc',
    'abc"',
    '"a""b"',
    '"a" "b"',
    '*, "a"',
    '"a", *',
    "**",
    'w/"a"',
    'W/ "a"',
    "W/",
    '"a b"',
]
TAG_LISTS = ["{}", ',, {} ,\t"z"', '"a,b",{}', '"", W/"x" , {}', '"é", {}']
LIST_NAMES = ["Friends", "Foes", "Family"]

contacts = st.integers(0, 2)
lists = st.integers(0, 1)
numbers = st.sampled_from(NUMBERS[:4])
texts = st.sampled_from([None, "x", "y"])
changes = st.fixed_dictionaries({}, optional={"tag": texts, "first_name": texts, "number": numbers})
list_changes = st.fixed_dictionaries({}, optional={"tag": texts, "name": st.sampled_from(LIST_NAMES)})


class Poller(RuleBasedStateMachine):
    """Changes a small book at random, and after each step polls all of it with the tags that came last."""

    connect: Callable[[], Client]

    @initialize()
    def begin(self) -> None:
        self.api = type(self).connect()
        self.contacts = [made["sid"] for made in self.api.create_contacts(*({"number": n} for n in NUMBERS[:3]))]
        self.lists = [self.api.create_list(name)["sid"] for name in LIST_NAMES[:2]]
        for sid in self.lists:
            self.api.add_members(sid, *self.contacts)
        self.last: dict[str, str] = {}
        self.shown: dict[tuple[str, str], Any] = {}

    @rule(i=contacts, change=changes)
    def update_contact(self, i: int, change: dict[str, Any]) -> None:
        self.api.put(f"/contacts/{self.contacts[i]}", change)

    @rule(several=st.lists(st.tuples(contacts, changes), min_size=1, max_size=3))
    def update_contacts(self, several: list[tuple[int, dict[str, Any]]]) -> None:
        self.api.put("/contacts", {"contacts": [{"sid": self.contacts[i], **change} for i, change in several]})

    @rule(i=contacts)
    def delete_contact(self, i: int) -> None:
        self.api.delete(f"/contacts/{self.contacts[i]}")

    @rule(several=st.lists(contacts, min_size=1, max_size=3))
    def delete_contacts(self, several: list[int]) -> None:
        self.api.delete("/contacts", {"contacts": [{"sid": self.contacts[i]} for i in several]})

    @rule(i=contacts, number=numbers)
    def create_contact(self, i: int, number: str) -> None:
        (item,) = self.api.post("/contacts", {"contacts": [{"number": number}]}).json()["response"]
        self.contacts[i] = item["data"]["sid"]

    @rule(i=lists, change=list_changes)
    def update_list(self, i: int, change: dict[str, Any]) -> None:
        self.api.put(f"/lists/{self.lists[i]}", change)

    @rule(several=st.lists(st.tuples(lists, list_changes), min_size=1, max_size=3))
    def update_lists(self, several: list[tuple[int, dict[str, Any]]]) -> None:
        self.api.put("/lists", {"lists": [{"sid": self.lists[i], **change} for i, change in several]})

    @rule(i=lists, members=st.lists(contacts, min_size=1, max_size=3))
    def add_members(self, i: int, members: list[int]) -> None:
        self.api.add_members(self.lists[i], *(self.contacts[member] for member in members))

    @rule(i=lists, member=contacts)
    def remove_member(self, i: int, member: int) -> None:
        self.api.delete(f"/lists/{self.lists[i]}/contacts/{self.contacts[member]}")

    @rule(i=lists, members=st.lists(contacts, min_size=1, max_size=3))
    def remove_members(self, i: int, members: list[int]) -> None:
        body = {"contact_references": [{"contact_sid": self.contacts[member]} for member in members]}
        self.api.delete(f"/lists/{self.lists[i]}/contacts", body)

    @invariant()
    def polls_hear_of_every_change(self) -> None:
        for path in self.polled():
            polled = self.api.request("GET", path, headers={"If-None-Match": self.last.get(path, '"none"')})
            whole = self.api.request("GET", path)
            if whole.status_code == 404:
                assert polled.status_code == 404
                continue
            etag = whole.headers["etag"]
            assert polled.headers["etag"] == etag
            assert polled.status_code == (304 if self.last.get(path) == etag else 200)
            assert self.shown.setdefault((path, etag), shown(whole)) == shown(whole)
            self.last[path] = etag

    def polled(self) -> Iterator[str]:
        yield from (f"/contacts/{sid}" for sid in self.contacts)
        for sid in self.lists:
            yield f"/lists/{sid}"
            for query in ("", "?offset=1&limit=1", "?tag=x", "?sort_by=first_name"):
                yield f"/lists/{sid}/contacts{query}"


def shown(answer: httpx2.Response) -> Any:
    return {key: value for key, value in answer.json().items() if key != "request_id"}


def test_what_differs_has_another_tag(connect: Callable[..., Client]) -> None:
    run_machine(Poller, examples=20, steps=25, connect=staticmethod(connect))


@pytest.fixture
def paths(api: Client) -> dict[str, str]:
    """A contact in a list, and where they are."""
    (contact,) = api.create_contacts({"number": NUMBERS[0]})
    made = api.create_list()
    api.add_members(made["sid"], contact["sid"])
    return {
        "contact": f"/contacts/{contact['sid']}",
        "list": f"/lists/{made['sid']}",
        "page": f"/lists/{made['sid']}/contacts",
    }


def etag_of(api: Client, path: str) -> str:
    return api.request("GET", path).headers["etag"]


@pytest.mark.parametrize("tags", TAG_LISTS)
@pytest.mark.parametrize("kind", ["contact", "list", "page"])
def test_every_form_of_a_list_of_tags_is_read(kind: str, tags: str, api: Client, paths: dict[str, str]) -> None:
    header = tags.format(etag_of(api, paths[kind])).encode("latin-1")

    assert api.request("GET", paths[kind], headers={b"If-None-Match": header}).status_code == 304
    if kind != "page":
        assert api.request("DELETE", paths[kind], headers={b"If-Match": header}).status_code == 200


def test_a_list_of_tags_may_come_in_several_headers(api: Client, paths: dict[str, str]) -> None:
    tags = ['"a"', etag_of(api, paths["page"]), 'W/"b"']

    answer = api.request("GET", paths["page"], headers=[("If-None-Match", tag) for tag in tags])

    assert answer.status_code == 304


@pytest.mark.parametrize("wrong", NO_TAGS)
@pytest.mark.parametrize("kind", ["contact", "list", "page"])
def test_what_is_no_list_of_tags_is_refused(kind: str, wrong: str, api: Client, paths: dict[str, str]) -> None:
    answers = [api.request("GET", paths[kind], headers={"If-None-Match": wrong})]
    if kind != "page":
        answers += [
            api.request(method, paths[kind], json={}, headers={"If-Match": wrong}) for method in ("PUT", "DELETE")
        ]

    for answer in answers:
        assert (answer.status_code, answer.json()["response"]["error_data"]["code"]) == (400, 1002)
        assert "allowed are * and entity tags" in answer.json()["response"]["error_data"]["description"]
    assert api.get(paths[kind]).status_code == 200


@pytest.mark.sqlite
def test_cancelling_an_upload_passes_over_tags_but_not_over_what_is_none(api: Client) -> None:
    summary = api.upload(b"number\n", "Friends").json()["response"]["data"]["summary"]
    path = f"/csv-status/{summary['upload_id']}"

    answers = [api.request("DELETE", path, headers={"If-Match": text}) for text in ("none", '"other"')]

    assert [answer.status_code for answer in answers] == [400, 200]


def test_the_longest_header_is_read_once(api: Client, paths: dict[str, str]) -> None:
    """As long as the server takes it, and so that a pattern which tries twice would take minutes."""
    for text in (", " * 15_000 + "x", '"a",' * 7_500 + "x", '"' * 30_000):
        assert api.request("GET", paths["page"], headers={"If-None-Match": text}).status_code == 400


def test_a_304_leaves_the_connection_in_order(api: Client, server: Server, paths: dict[str, str]) -> None:
    """Read off the socket: nothing stands between it and the next answer."""
    credentials = base64.b64encode(f"{api.key}:{api.token}".encode()).decode()
    head = f"Host: dialbook\r\nAuthorization: Basic {credentials}\r\n"
    page = f"GET /v2/accounts/{api.account}{paths['page']} HTTP/1.1\r\n{head}"
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0)) as sock:
        sock.sendall(f"{page}If-None-Match: *\r\n\r\n{page}Connection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: sock.recv(65536), b""))

    first, second, body = received.split(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert b"\r\ncontent-" not in first.lower()
    assert b"transfer-encoding" not in first.lower()
    assert second.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(json.loads(body)["response"]) == 1


def test_a_304_reads_no_page(tmp_path: Path, connect: Callable[..., Client]) -> None:
    statements: list[str] = []

    def watch(connection: apsw.Connection) -> None:
        connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: statements.append(event["sql"]))

    apsw.connection_hooks.append(watch)
    try:
        with serving(Settings(database=f"sqlite:///{tmp_path / 'book.db'}")) as server:
            api = connect("poller", to=server)
            path = f"/lists/{api.create_list()['sid']}/contacts?offset=2000"
            etag = etag_of(api, path)
            statements.clear()
            assert api.request("GET", path, headers={"If-None-Match": etag}).status_code == 304
            asked = [sql for sql in statements if " lists " in sql or " members " in sql]
    finally:
        apsw.connection_hooks.remove(watch)

    assert asked == ["SELECT l.version FROM lists AS l WHERE l.account = :account AND l.sid = :sid"]


def test_pages_of_different_windows_have_different_tags(api: Client, paths: dict[str, str]) -> None:
    queries = [
        "",
        "?limit=5",
        "?offset=1",
        "?offset=1&limit=5",
        "?limit=20&offset=0",
        "?after=0",
        "?tag=x",
        "?tag=y",
        "?sort_by=number",
    ]

    tags = [etag_of(api, paths["page"] + query) for query in queries]

    assert tags[0] == tags[4]
    assert len(set(tags)) == len(tags) - 1
    assert etag_of(api, paths["list"]) not in tags


def test_what_is_refused_in_a_bulk_moves_no_tag(api: Client, paths: dict[str, str]) -> None:
    (other,) = api.create_contacts({"number": NUMBERS[1]})
    before = [etag_of(api, path) for path in paths.values()]
    contact_sid, list_sid = paths["contact"].rpartition("/")[2], paths["list"].rpartition("/")[2]

    api.put("/contacts", {"contacts": [{"sid": contact_sid, "number": other["number"]}, {"sid": contact_sid}]})
    api.put("/lists", {"lists": [{"sid": list_sid, "type": "dynamic"}, {"sid": list_sid}]})
    api.add_members(list_sid, contact_sid)

    assert [etag_of(api, path) for path in paths.values()] == before


def test_tags_are_ignored_where_no_operation_names_them(api: Client, paths: dict[str, str]) -> None:
    wrong = {"If-Match": '"other"', "If-None-Match": "*"}

    assert api.request("GET", "/contacts", headers=wrong).status_code == 200
    assert api.request("POST", "/lists", json={"lists": [{"name": "New"}]}, headers=wrong).status_code == 200
    assert api.request("PUT", paths["contact"], json={"tag": "x"}, headers={"If-None-Match": "*"}).status_code == 200
    assert api.request("GET", paths["contact"], headers={"If-Match": '"other"'}).status_code == 200
