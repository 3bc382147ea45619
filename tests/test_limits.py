"""Every limit: one less and just as much is taken, one more is refused, however the body comes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, run_cli, serving
from tests.processes import peak_memory, started
from tests.raw import connected, head, read_answer, read_to_end

BODY, FILE, ROWS = 64 * 1024, 128 * 1024, 1000
FORM = "multipart/form-data; boundary=form"

Request = tuple[str, str, bytes, str]


@pytest.fixture(scope="module")
def small(new_database: Callable[[], str]) -> Iterator[Server]:
    """A server whose settings make the largest limits quick to reach."""
    limits = Settings(
        database=new_database(), body_limit=BODY, upload_limit=FILE, static_list_limit=ROWS, page_limit=100
    )
    with serving(limits) as server:
        yield server


@pytest.fixture
def client(small: Server, connect: Callable[..., Client]) -> Client:
    return connect(to=small)


def contact(**fields: Any) -> Request:
    """To make a contact, with a number unless one is given."""
    body = json.dumps({"contacts": [{"number": NUMBERS[0], **fields}]}, separators=(",", ":")).encode()
    return "POST", "/contacts", body, "application/json"


def custom_field(text: str) -> Request:
    """To make a contact with this as its custom field, as it is written."""
    body = f'{{"contacts": [{{"number": "{NUMBERS[0]}", "custom_field": {text}}}]}}'.encode()
    return "POST", "/contacts", body, "application/json"


def form(file: bytes, *more: bytes) -> Request:
    """To upload a file; `more` are whole parts."""
    parts = [
        b'Content-Disposition: form-data; name="list_name"\r\n\r\nFriends',
        b'Content-Disposition: form-data; name="file_name"; filename="a.csv"\r\n\r\n' + file,
        *more,
    ]
    body = b"".join(b"--form\r\n%s\r\n" % part for part in parts) + b"--form--\r\n"
    return "POST", "/contacts/csv-upload", body, FORM


def get(path: str) -> Request:
    return "GET", path, b"", "application/json"


def body_of(size: int) -> Request:
    method, path, body, kind = contact()
    return method, path, body + b" " * (size - len(body)), kind


def bulk(count: int) -> Request:
    return "POST", "/contacts", b'{"contacts":[%s]}' % b",".join([b"7"] * count), "application/json"


def file_of(size: int) -> Request:
    return form(b"number\n" + b"\n" * (size - 7))


def record_of(size: int) -> Request:
    return form(b"number,first_name\r\n" + NUMBERS[0].encode() + b"," + b"x" * (size - len(NUMBERS[0]) - 3) + b"\r\n")


def rows_of(count: int) -> Request:
    return form("\n".join(["number", *NUMBERS[:count]]).encode())


def columns_of(count: int) -> Request:
    names = b",".join([b"number", *[b"extra-%d" % i for i in range(count)]])
    return form(names + b"\n", b'Content-Disposition: form-data; name="type"\r\n\r\ndynamic')


def part_headers(count: int) -> Request:
    headers = b"".join(b"X-%d: y\r\n" % i for i in range(count - 1))
    return form(b"number\n", headers + b'Content-Disposition: form-data; name="type"\r\n\r\nstatic')


def field_of(size: int) -> Request:
    method, path, body, kind = form(b"number\n")
    return method, path, body.replace(b"Friends", b"Friends".ljust(size)), kind


def bounded_by(boundary: str) -> Request:
    method, path, body, kind = form(b"number\n")
    return method, path, body.replace(b"--form", b"--" + boundary.encode()), kind.replace("=form", f"={boundary}")


def deep(levels: int) -> Request:
    return custom_field('{"a":' * levels + "1" + "}" * levels)


LIMITS: dict[str, tuple[Callable[[int], Request], int, int]] = {
    "bytes of a body": (body_of, BODY, 413),
    "items of a bulk": (bulk, 5000, 400),
    "characters of a text": (lambda size: contact(first_name="ñ" * size), 255, 400),
    "bytes of a custom field": (lambda size: custom_field('{"a":"' + "x" * (size - 8) + '"}'), 8192, 400),
    "keys of a custom field": (lambda count: custom_field(json.dumps(dict.fromkeys(map(str, range(count))))), 50, 400),
    "levels of a custom field": (deep, 32, 400),
    "characters of a list's name": (
        lambda size: ("POST", "/lists", json.dumps({"lists": [{"name": "x" * size}]}).encode(), "application/json"),
        255,
        400,
    ),
    "a page's limit": (lambda limit: get(f"/contacts?limit={limit}"), 100, 400),
    "an offset": (lambda offset: get(f"/contacts?offset={offset}"), 2**63 - 1, 400),
    "characters of a name to look for": (lambda size: get("/contacts?name=" + "x" * size), 255, 400),
    "lists to look into": (
        lambda count: get("/contacts?list_sids=" + ",".join(f"{i:032x}" for i in range(count))),
        100,
        400,
    ),
    "bytes of a file": (file_of, FILE, 413),
    "rows of a file": (rows_of, ROWS, 400),
    "characters of a row": (record_of, 65_536, 413),
    "extra columns": (columns_of, 5, 400),
    "bytes of a field of a form": (field_of, 4096, 413),
    "headers of a part": (part_headers, 8, 400),
    "characters of a form's boundary": (lambda size: bounded_by("b" * size), 256, 400),
}


CASES = [(name, framing) for name, (make, *_) in LIMITS.items() for framing in ("fixed", "chunked") if make(9)[2]]
CASES += [(name, "none") for name, (make, *_) in LIMITS.items() if not make(9)[2]]


@pytest.mark.parametrize(("name", "framing"), CASES)
def test_one_more_is_refused(name: str, framing: str, client: Client) -> None:
    make, limit, refusal = LIMITS[name]

    statuses = [status_of(send(client, make(size), framing)) for size in (limit - 1, limit, limit + 1)]

    assert [status // 100 for status in statuses[:2]] == [2, 2]
    assert statuses[2] == refusal


def send(client: Client, request: Request, framing: str) -> httpx2.Response:
    method, path, body, kind = request
    if framing != "chunked":
        return client.request(method, path, content=body, headers={"Content-Type": kind})
    parts = (body[i : i + 5000] for i in range(0, len(body), 5000))
    return client.request(method, path, content=parts, headers={"Content-Type": kind})


def status_of(answer: httpx2.Response) -> int:
    """Of the request, or of its one item; an item that is known already was taken before."""
    if answer.status_code != 207 or answer.json()["metadata"]["total"] > 1:
        return answer.status_code
    code = int(answer.json()["response"][0]["code"])
    return 200 if code == 409 else code


@pytest.mark.parametrize("framing", ["Content-Length: {}", "Transfer-Encoding: chunked"])
def test_no_more_of_a_body_is_waited_for_than_decides(framing: str, small: Server, client: Client) -> None:
    """What is announced too large is refused unread; what is not announced, once it has become too large."""
    sent = 0 if "Length" in framing else BODY + 1
    with connected(small) as sock:
        sock.sendall(head(client, "POST", "/contacts", framing.format(10**9), "Connection: close"))
        sock.sendall(b"%x\r\n" % 10**9 + b" " * sent if sent else b"")

        answer = read_answer(read_to_end(sock))

    assert (answer.status, answer.error["code"]) == (413, 1007)


BOMBS: dict[str, Callable[[], Request]] = {
    "a preamble of 5 MB": lambda: ("POST", "/contacts/csv-upload", b"x" * 5_000_000 + form(b"number\n")[2], FORM),
    "100,000 headers of a part": lambda: part_headers(100_000),
    "a header of 1 MB": lambda: form(b"number\n", b"X: " + b"y" * 1_000_000 + b"\r\n\r\nz"),
    "a form that never ends": lambda: ("POST", "/contacts/csv-upload", b"--form\r\n" * 10_000, FORM),
    "100,000 parts": lambda: form(
        b"number\n", *[b'Content-Disposition: form-data; name="type"\r\n\r\nstatic'] * 100_000
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_form_that_is_made_to_be_costly_is_refused(name: str, connect: Callable[..., Client]) -> None:
    method, path, body, kind = BOMBS[name]()

    answer = connect().request(method, path, content=body, headers={"Content-Type": kind})

    assert answer.status_code == 400


def test_the_largest_change_is_made_also_of_contacts_who_are_in_many_lists(api: Client) -> None:
    made = [contact["sid"] for contact in api.create_contacts(*({"number": number} for number in NUMBERS[:5000]))]
    for n in range(20):
        assert api.add_members(api.create_list(f"list {n}")["sid"], *made).status_code == 200

    answer = api.put("/contacts", {"contacts": [{"sid": sid, "tag": "vip"} for sid in made]})

    assert (answer.status_code, answer.json()["metadata"]) == (200, {"failed": 0, "total": 5000, "success": 5000})


MANY: dict[str, Callable[[], bytes]] = {
    "items": lambda: b'{"contacts":[' + b"0," * 5_000_000 + b"0]}",
    "keys": lambda: b"{" + b'"%d":0,' * 700_000 % (*range(700_000),) + b'"":0}',
}


@pytest.mark.parametrize("name", MANY)
def test_what_a_body_has_too_much_of_takes_no_memory(name: str, tmp_path: Path, database: str) -> None:
    run_cli("account", "create", "acme", "--database", database)
    made = run_cli("key", "create", "acme", "--database", database)
    body, auth = MANY[name](), (made["api_key"], made["api_token"])
    with started("serve", "--port", "0", "--database", database, folder=tmp_path) as server:
        contacts = f"{server.url}/v2/accounts/acme/contacts"
        httpx2.get(contacts, auth=auth)
        before = peak_memory(server.process.pid)
        answer = httpx2.post(contacts, content=body, auth=auth, timeout=60)
        taken = (peak_memory(server.process.pid) - before) / len(body)

    assert answer.status_code == 400
    assert taken < 5
