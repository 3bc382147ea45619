"""The audit log: every way to change something leaves an entry, and none leaves personal data."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from dialbook.console.app import OPEN_PAGES, PAGES, READING_PAGES
from dialbook.model.audit import Author, Effect, Via
from dialbook.server.app import OPERATIONS
from dialbook.settings import Settings
from dialbook.store.audit import PRUNED_AT_ONCE, note
from dialbook.store.database import Tx
from dialbook.store.engines import open_database
from tests.conftest import NUMBERS, Client, Server, forget_old, run_cli, serving, work_off

NAME, EMAIL, TAG = "Canary-Name", "canary@example.org", "canary-tag"
PERSON = {"first_name": NAME, "last_name": NAME, "email": EMAIL, "tag": TAG, "custom_field": {"born": NAME}}
WRITES = [handler.__name__ for by in OPERATIONS.values() for method, handler in by.items() if method != "GET"]
FORMS = [path for path, by in {**PAGES, **READING_PAGES}.items() if "POST" in by]


def entries(client: Client, server: Server) -> list[dict[str, Any]]:
    """The log of a client's account, oldest first."""
    found: list[dict[str, Any]] = run_cli("audit", "query", client.account, "--all", "--database", server.database)
    return found[::-1]


def verified(client: Client, server: Server) -> dict[str, Any]:
    (found,) = run_cli("audit", "verify", client.account, "--database", server.database)
    assert found["broken"] is None
    return dict(found)


@dataclass
class Book:
    """An account with a contact in a list, one that is in none, another list and an upload that waits."""

    client: Client
    server: Server
    member: str
    outsider: str
    list: str
    other_list: str
    upload: str

    def last(self) -> dict[str, Any]:
        return entries(self.client, self.server)[-1]


@pytest.fixture
def book(api: Client, server: Server) -> Book:
    member, outsider = (each["sid"] for each in api.create_contacts({"number": NUMBERS[0]}, {"number": NUMBERS[1]}))
    made, other = api.create_list("Friends")["sid"], api.create_list("Others")["sid"]
    api.add_members(made, member)
    upload = api.upload(b"number\n", "Friends").json()["response"]["data"]["summary"]["upload_id"]
    return Book(api, server, member, outsider, made, other, upload)


@dataclass(frozen=True)
class Write:
    """A request, and what its entry says: what was done, to what, and how often that succeeded."""

    ask: Callable[[Book], httpx2.Response]
    touches: Callable[[Book, Any], list[str]]
    action: str | None = None  # unless it is called as the operation
    done: tuple[int, int] = (1, 0)


def made(_: Book, answer: Any) -> list[str]:
    return [item["data"]["sid"] for item in answer["response"] if item["code"] == 200]


MEMBER = {"number": NUMBERS[2], **PERSON}
REQUESTS = {
    "create_contacts": Write(
        lambda book: book.client.post("/contacts", {"contacts": [MEMBER, MEMBER, {"number": NUMBERS[3]}, {"a": 1}]}),
        made,
        done=(2, 2),
    ),
    "update_contacts": Write(
        lambda book: book.client.put(
            "/contacts", {"contacts": [{"sid": book.member, **PERSON}, {"sid": NUMBERS[0], "tag": "x"}]}
        ),
        lambda book, _: [book.member],
        done=(1, 1),
    ),
    "update_contact": Write(
        lambda book: book.client.put(f"/contacts/{book.member}", PERSON), lambda book, _: [book.member]
    ),
    "delete_contacts": Write(
        lambda book: book.client.delete(
            "/contacts", {"contacts": [{"sid": book.member}, {"number": NUMBERS[1]}, {"number": NUMBERS[9]}]}
        ),
        lambda book, _: [book.member, book.outsider],
        done=(2, 1),
    ),
    "delete_contact": Write(lambda book: book.client.delete(f"/contacts/{book.member}"), lambda book, _: [book.member]),
    "create_lists": Write(
        lambda book: book.client.post("/lists", {"lists": [{"name": NAME, "tag": TAG}, {"name": NAME}]}),
        made,
        done=(1, 1),
    ),
    "update_lists": Write(
        lambda book: book.client.put("/lists", {"lists": [{"sid": book.list, "name": NAME}]}),
        lambda book, _: [book.list],
    ),
    "update_list": Write(
        lambda book: book.client.put(f"/lists/{book.list}", {"name": NAME}), lambda book, _: [book.list]
    ),
    "delete_list": Write(lambda book: book.client.delete(f"/lists/{book.list}"), lambda book, _: [book.list]),
    "add_members": Write(
        lambda book: book.client.add_members(book.list, book.member, book.outsider, EMAIL),
        lambda book, _: [book.list, book.outsider],
        done=(1, 2),
    ),
    "remove_members": Write(
        lambda book: book.client.delete(
            f"/lists/{book.list}/contacts",
            {"contact_references": [{"contact_sid": sid} for sid in (book.member, book.outsider, EMAIL)]},
        ),
        lambda book, _: [book.list, book.member],
        done=(1, 2),
    ),
    "remove_member": Write(
        lambda book: book.client.delete(f"/lists/{book.list}/contacts/{book.member}"),
        lambda book, _: [book.list, book.member],
    ),
    "upload_csv": Write(
        lambda book: book.client.upload(f"number,first_name\n{NUMBERS[5]},{NAME}\n".encode(), NAME),
        lambda _, answer: [answer["response"]["data"]["summary"][name] for name in ("upload_id", "list_sid")],
        action="create_upload",
    ),
    "cancel_upload": Write(
        lambda book: book.client.delete(f"/csv-status/{book.upload}"), lambda book, _: [book.upload, book.list]
    ),
}


@pytest.mark.parametrize("operation", WRITES)
def test_every_operation_that_writes_leaves_one_entry(operation: str, book: Book) -> None:
    """An operation that is new has to be among the requests."""
    request, before = REQUESTS[operation], entries(book.client, book.server)

    answer = request.ask(book)

    assert answer.status_code in (200, 202, 207), answer.text
    *earlier, entry = entries(book.client, book.server)
    assert earlier == before
    assert (entry["account"], entry["number"]) == (book.client.account, len(before) + 1)
    assert (entry["via"], entry["key"], entry["refusal"]) == ("api", book.client.key, None)
    assert entry["action"] == (request.action or operation)
    assert entry["touched"] == request.touches(book, answer.json())
    assert (entry["succeeded"], entry["failed"]) == request.done
    assert entry["request"] == answer.json()["request_id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry["moment"])
    assert verified(book.client, book.server)["entries"] == entry["number"]


@dataclass(frozen=True)
class Form:
    """What is typed, the action that it becomes, what of the book it touches, and how many things it makes."""

    typed: dict[str, str]
    action: str | None  # None of a form that changes nothing
    touches: Callable[[Book], set[str]] = lambda _: set()
    makes: int = 0


TYPED = {
    "/lists": Form({"name": NAME, "type": "static"}, "create_lists", makes=1),
    "/lists/{list_sid}": Form({"name": NAME, "shown_name": "Friends"}, "update_list", lambda book: {book.list}),
    "/lists/{list_sid}/delete": Form({"name": "Friends"}, "delete_list", lambda book: {book.list}),
    "/lists/{list_sid}/selection": Form({"action": "remove", "contact": "{contact_sid}"}, None),
    "/lists/{list_sid}/selection/work": Form(
        {"action": "copy", "list_name": "Others", "contact": "{contact_sid}", "total": "1"},
        "add_members",
        lambda book: {book.other_list, book.member},
    ),
    "/lists/{list_sid}/selection/export": Form(
        {"contact": "{contact_sid}"}, "export_selection", lambda book: {book.list, book.member}
    ),
    "/contacts": Form({"number": NUMBERS[2], "first_name": NAME}, "create_contacts", makes=1),
    "/contacts/{contact_sid}": Form(
        {"number": NUMBERS[0], "etag": "{etag}"}, "update_contact", lambda book: {book.member}
    ),
    "/contacts/{contact_sid}/delete": Form({}, "delete_contact", lambda book: {book.member}),
    "/uploads": Form({"list_name": "Friends"}, "create_upload", lambda book: {book.list}, makes=1),
    "/uploads/{upload_id}/cancel": Form({}, "cancel_upload", lambda book: {book.upload, book.list}),
}


@pytest.fixture
def console(book: Book) -> Iterator[httpx2.Client]:
    """Somebody who is signed in."""
    with httpx2.Client(base_url=book.server.url) as http:
        http.post("/console/sign-in", data={"key": book.client.key, "token": book.client.token})
        yield http


@pytest.mark.parametrize("path", FORMS)
def test_every_form_of_the_console_that_writes_leaves_one_entry(path: str, book: Book, console: httpx2.Client) -> None:
    names = {"list_sid": book.list, "contact_sid": book.member, "upload_id": book.upload}
    names["etag"] = book.client.get(f"/contacts/{book.member}").headers["etag"].strip('W/"')
    form, before = TYPED[path], entries(book.client, book.server)
    fields = {name: value.format(**names) for name, value in form.typed.items()}
    files = {"file_name": ("rows.csv", b"number\n", "text/csv")} if path == "/uploads" else None

    answer = console.post(f"/console{path.format(**names)}", data=fields, files=files)

    assert answer.status_code in (200, 303), answer.text
    new = entries(book.client, book.server)[len(before) :]
    assert [entry["action"] for entry in new] == ([form.action] if form.action else [])
    for entry in new:
        assert (entry["via"], entry["key"]) == ("console", book.client.key)
        assert form.touches(book) <= set(entry["touched"])
        assert len(entry["touched"]) == len(form.touches(book)) + form.makes


@pytest.mark.usefixtures("console")
def test_signing_in_leaves_an_entry(book: Book) -> None:
    entry = book.last()

    assert (entry["via"], entry["key"], entry["action"]) == ("console", book.client.key, "open_session")
    assert set(OPEN_PAGES) == {"/sign-in", "/sign-out", "/enter/{link}"}


@pytest.mark.parametrize(
    ("path", "media_type", "action"),
    [
        ("/lists/{0.list}/contacts", "text/csv", "export_members"),
        ("/lists/{0.list}/contacts", "application/x-ndjson", "export_members"),
        ("/csv-status/{0.upload}/errors", "text/csv", "export_report"),
    ],
)
def test_an_export_leaves_an_entry_and_a_page_of_it_none(path: str, media_type: str, action: str, book: Book) -> None:
    path = path.format(book)
    before = entries(book.client, book.server)
    book.client.get(path, limit=500)

    for method in ("HEAD", "GET"):  # by HEAD nothing is given
        book.client.request(method, path, headers={"Accept": media_type})

    *earlier, entry = entries(book.client, book.server)
    assert earlier == before
    assert (entry["action"], entry["touched"], entry["via"]) == (action, [path.split("/")[2]], "api")
    assert (entry["succeeded"], entry["failed"]) == (1, 0)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("DELETE", f"/contacts/{'0' * 32}", None, 404),
        ("DELETE", f"/contacts/{NUMBERS[0]}", None, 404),
        ("PUT", "/contacts/{member}", {"number": NUMBERS[1]}, 409),
        ("PUT", "/contacts/{member}", {"number": "12"}, 400),
        ("POST", f"/lists/{'0' * 32}/contacts", {"contact_references": [{"contact_sid": "x"}]}, 404),
        ("GET", "/contacts/{member}", None, 200),
    ],
)
def test_what_changes_nothing_leaves_none(method: str, path: str, body: Any, status: int, book: Book) -> None:
    before = entries(book.client, book.server)

    answer = book.client.request(method, path.format(member=book.member), json=body)

    assert answer.status_code == status
    assert entries(book.client, book.server) == before


def test_a_bulk_names_all_that_it_touched(api: Client, server: Server) -> None:
    contacts = [{"number": number} for number in (*NUMBERS[:3000], *NUMBERS[:10])]

    answer = api.post("/contacts", {"contacts": contacts}).json()

    entry = entries(api, server)[-1]
    assert (entry["succeeded"], entry["failed"]) == (3000, 10)
    assert entry["touched"] == made(None, answer)  # type: ignore[arg-type]
    some = entry["touched"][::-7]
    api.put("/contacts", {"contacts": [{"sid": sid, "tag": "x"} for sid in some]})
    assert entries(api, server)[-1]["touched"] == some


def test_an_upload_is_noted_from_its_beginning_to_its_end_in_the_name_of_its_key(book: Book) -> None:
    book.client.delete(f"/csv-status/{book.upload}")
    rows = "".join(f"{number}\n" for number in [*NUMBERS[:1200], "bad", NUMBERS[0]])
    before = entries(book.client, book.server)
    upload = book.client.upload(f"number\n{rows}".encode(), "Friends").json()["response"]["data"]["summary"]

    work_off(book.server)

    begin, *chunks, end = entries(book.client, book.server)[len(before) :]
    assert [begin["action"], *(each["action"] for each in chunks), end["action"]] == [
        "create_upload",
        *["write_chunk"] * 3,
        "end_upload",
    ]
    assert {each["via"] for each in (*chunks, end)} == {"job"}
    assert {each["key"] for each in (begin, *chunks, end)} == {book.client.key}
    assert [(each["succeeded"], each["failed"]) for each in (*chunks, end)] == [(499, 0), (500, 0), (200, 1), (1199, 1)]
    written = [sid for each in chunks for sid in each["touched"][2:]]
    members = book.client.get(f"/lists/{book.list}/contacts", limit=5000).json()["response"]
    assert written == [item["data"]["sid"] for item in members][1:]
    assert {tuple(each["touched"][:2]) for each in chunks} == {(upload["upload_id"], book.list)}
    assert end["touched"] == [upload["upload_id"]]


def test_an_upload_that_fails_is_noted(book: Book) -> None:
    book.client.delete(f"/lists/{book.list}")

    work_off(book.server)

    entry = entries(book.client, book.server)[-1]
    assert (entry["action"], entry["via"], entry["touched"]) == ("fail_upload", "job", [book.upload, book.list])


def test_an_answer_that_is_given_again_leaves_no_second_entry(book: Book) -> None:
    before = entries(book.client, book.server)
    ask = {"headers": {"Idempotency-Key": "once"}, "json": {"contacts": [{"number": NUMBERS[7]}]}}

    first, again = (book.client.request("POST", "/contacts", **ask) for _ in range(2))

    assert again.headers["idempotent-replayed"] == "true"
    (entry,) = entries(book.client, book.server)[len(before) :]
    assert (entry["action"], entry["touched"]) == ("create_contacts", made(book, first.json()))
    assert entry["request"] == first.json()["request_id"]


def test_many_at_once_make_one_chain(book: Book) -> None:
    before = verified(book.client, book.server)["entries"]

    def write(i: int) -> int:
        if i % 3 == 0:
            return book.client.delete(f"/contacts/{'0' * 32}").status_code
        return book.client.put(f"/contacts/{book.member}", {"tag": str(i)}).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(write, range(60)))

    assert verified(book.client, book.server)["entries"] == before + statuses.count(200) == before + 40


# What is not in it, and for how long


def test_nothing_personal_is_in_it(book: Book) -> None:
    for request in REQUESTS.values():
        request.ask(book)
    work_off(book.server)
    book.client.get("/contacts", name=NAME)
    book.client.request("GET", f"/lists/{book.other_list}/contacts", headers={"Accept": "text/csv"})

    found = json.dumps(entries(book.client, book.server))

    for secret in (NAME, EMAIL, TAG, book.client.token, *(number[1:] for number in NUMBERS[:10])):
        assert secret not in found


def note_many(server: Server, account: str, count: int) -> None:
    """Entries as of so many changes."""

    def change(tx: Tx) -> None:
        for _ in range(count):
            note(tx, account, Author(Via.API, datetime.now(UTC)), "update_contact", Effect(succeeded=1))

    with closing(open_database(server.database)) as db:
        asyncio.run(db.write(change))


def test_old_entries_are_pruned_and_the_rest_is_whole(
    new_database: Callable[[], str], new_client: Callable[..., Client]
) -> None:
    database, later = new_database(), datetime.now(UTC) + timedelta(days=20)
    with serving(Settings(database=database)) as server:
        client = new_client(server, "acme")
        (contact,) = client.create_contacts({"number": NUMBERS[0]})
        note_many(server, client.account, PRUNED_AT_ONCE)
    old = verified(client, server)["entries"]
    with serving(Settings(database=database, audit_days=10), clock=lambda: later) as server:
        client = Client(new_client(server, "acme").http, "acme", client.key, client.token)
        key_made = entries(client, server)[-1]
        for tag in "abc":
            client.put(f"/contacts/{contact['sid']}", {"tag": tag})
        new = entries(client, server)[-3:]

        forget_old(server, later + timedelta(days=5))

        *kept, first_note, second_note = entries(client, server)
        assert kept == new
        assert [note["action"] for note in (first_note, second_note)] == ["prune_audit"] * 2
        assert first_note["succeeded"] + second_note["succeeded"] == key_made["number"] == old + 1
        assert verified(client, server)["pruned"] == key_made["number"]
        forget_old(server, later + timedelta(days=5, hours=1))
        assert entries(client, server) == [*kept, first_note, second_note]


def test_a_change_that_fails_beside_others_leaves_no_entry(book: Book) -> None:
    """Changes that wait together are one transaction on SQLite, and each is undone on its own."""
    before = verified(book.client, book.server)["entries"]

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(
            lambda i: (
                book.client.request("PUT", f"/contacts/{book.member}", json={"number": NUMBERS[i % 2]}).status_code
            ),
            range(40),
        )
        statuses = list(answers)

    assert set(statuses) == {200, 409}
    assert verified(book.client, book.server)["entries"] == before + statuses.count(200)
