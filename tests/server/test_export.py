"""A whole list in one response: complete, in order, harmless in a spreadsheet, and holding nothing open."""

import csv
import gzip
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, run_cli, serving
from tests.raw import connected, head, read_answer, read_to_end
from tests.sqlite import beside

SIZE = 4500  # more than two chunks
CHUNK_SECONDS = 5  # for reading one, at the most
COLUMNS = ["number", "first_name", "last_name", "company_name", "email", "tag"]
CSV, NDJSON = "text/csv", "application/x-ndjson"

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", "'=1", "\uff1d1", "'", '"', '""', ",", "\n", "\r\n", " ", "é", "=\"'"]
)


@pytest.fixture(scope="module")
def client(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture(scope="module")
def members(client: Client) -> list[dict[str, Any]]:
    return client.create_contacts(*({"number": number, "tag": "export"} for number in NUMBERS[:SIZE]))


@pytest.fixture(scope="module")
def path(client: Client, members: list[dict[str, Any]]) -> str:
    made = client.create_list()["sid"]
    client.add_members(made, *(member["sid"] for member in members))
    return f"/lists/{made}/contacts"


def export(client: Client, path: str, accept: str, **params: Any) -> httpx2.Response:
    answer = client.request("GET", path, params=params, headers={"Accept": accept})
    assert answer.status_code == 200, answer.text
    return answer


def read_csv(answer: httpx2.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


def read_ndjson(answer: httpx2.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.content.decode().split("\n")[:-1]]


def test_ndjson_has_every_contact_as_a_page_has_it(client: Client, path: str, members: list[dict[str, Any]]) -> None:
    answer = export(client, path, NDJSON)

    assert read_ndjson(answer) == members
    assert answer.headers["content-type"] == NDJSON
    assert answer.headers["content-disposition"].endswith('.ndjson"')


def test_csv_has_every_contact_in_the_columns_of_an_upload(
    client: Client, path: str, members: list[dict[str, Any]]
) -> None:
    answer = export(client, path, CSV)

    assert answer.content.startswith(",".join(COLUMNS).encode() + b"\r\n")
    assert read_csv(answer) == [{column: member[column] or "" for column in COLUMNS} for member in members]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"


@pytest.mark.parametrize("offset", [0, 1, 1999, 2000, 2001, SIZE - 1, SIZE, SIZE + 1])
def test_it_begins_at_the_offset_and_ends_at_the_end(
    client: Client, path: str, members: list[dict[str, Any]], offset: int
) -> None:
    answer = export(client, path, NDJSON, offset=offset, limit=3)

    assert read_ndjson(answer) == members[offset:]


def test_it_goes_on_after_a_cursor(client: Client, path: str, members: list[dict[str, Any]]) -> None:
    cursor = client.get(path, limit=40).links["next"]["url"].partition("after=")[2]

    assert read_ndjson(export(client, path, NDJSON, after=cursor)) == members[40:]


def test_an_empty_list_is_a_header_alone(client: Client) -> None:
    path = f"/lists/{client.create_list('Nobody')['sid']}/contacts"

    assert export(client, path, CSV).content == ",".join(COLUMNS).encode() + b"\r\n"
    assert export(client, path, NDJSON).content == b""


def test_it_is_compressed_for_those_who_ask(client: Client, path: str) -> None:
    plain = client.request("GET", path, headers={"Accept": CSV, "Accept-Encoding": "identity"})
    with client.http.stream(
        "GET", f"/v2/accounts/{client.account}{path}", headers={"Accept": CSV, "Accept-Encoding": "gzip"}
    ) as packed:
        content = b"".join(packed.iter_raw())

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(content) == plain.content
    assert packed.headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("", "application/json"),
        ("text/html, */*;q=0.8", "application/json"),
        ("application/json, text/csv;q=0.9", "application/json"),
        ("application/json;q=0.5, text/csv;q=0.9", CSV),
        ("text/csv;q=0, */*", "application/json"),
        ("text/csv;q=none", "application/json"),
        ("Text/CSV; header=present", CSV),
        ("application/x-ndjson, */*;q=0.1", NDJSON),
        ("application/pdf", "application/json"),
    ],
)
def test_accept_chooses_the_format(client: Client, path: str, accept: str, media_type: str) -> None:
    answer = client.request("GET", path, params={"offset": SIZE}, headers={"Accept": accept})

    assert answer.headers["content-type"].partition(";")[0] == media_type


def test_in_http_1_0_too_it_says_where_it_ends(server: Server, client: Client, path: str) -> None:
    """By the end of the connection, a part could not be told from the whole."""
    asked = head(client, "GET", path, f"Accept: {CSV}").replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")
    with connected(server) as sock:
        sock.sendall(asked)
        answer = read_to_end(sock)

    assert read_answer(answer).headers["transfer-encoding"] == "chunked"
    assert answer.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.parametrize("accept", [CSV, NDJSON])
def test_a_refusal_is_an_envelope_all_the_same(client: Client, accept: str) -> None:
    answer = client.request("GET", "/lists/nothing/contacts", headers={"Accept": accept})

    assert answer.status_code == 404
    assert answer.json()["response"]["error_data"]["code"] == 1000


def test_head_tells_what_would_come(client: Client, path: str) -> None:
    answer = client.http.head(f"/v2/accounts/{client.account}{path}", headers={"Accept": CSV})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(CSV)
    assert answer.content == b""


@given(texts=st.lists(TEXTS, min_size=5, max_size=5))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_a_formula_and_each_can_be_read_back(client: Client, texts: list[str]) -> None:
    fields = dict(zip(COLUMNS[1:], texts, strict=True))
    made = client.create_list("Texts")["sid"]
    answer = client.post("/contacts", {"contacts": [{"number": NUMBERS[-1], **fields}]}).json()["response"][0]
    client.add_members(made, answer["data"]["sid"])

    (row,) = read_csv(export(client, f"/lists/{made}/contacts", CSV))

    cells = [row[column] for column in COLUMNS[1:]]
    assert not [
        cell
        for cell in cells
        if cell.startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r"))
    ]
    assert [cell.removeprefix("'") if cell[:1] == "'" else cell for cell in cells] == texts
    client.delete(f"/contacts/{answer['data']['sid']}")
    client.delete(f"/lists/{made}")


def test_a_custom_field_with_line_breaks_stays_on_its_line(client: Client) -> None:
    made = client.create_list("Lines")["sid"]
    body = b'{"contacts": [{"number": "%s", "custom_field": {"a":\r\n [1.50,\n"x y"]}}]}' % NUMBERS[-2].encode()
    answer = client.request("POST", "/contacts", content=body).json()["response"][0]["data"]
    client.add_members(made, answer["sid"])

    text = export(client, f"/lists/{made}/contacts", NDJSON).content

    assert b'"custom_field":{"a":[1.50,"x y"]}' in text
    assert text.count(b"\n") == 1


@pytest.fixture
def heavy(connect: Callable[..., Client], new_database: Callable[[], str]) -> Iterator[tuple[Server, Client]]:
    """A server with 5,000 contacts of 8 kB: of the three chunks no socket takes the first one unread."""
    with serving(Settings(database=new_database(), body_limit=2**26)) as server:
        client = connect(to=server)
        client.create_contacts(*({"number": n, "custom_field": {"x": "y" * 8000}} for n in NUMBERS[:5000]))
        yield server, client


def ask(server: Server, client: Client, list_sid: str) -> socket.socket:
    """Ask for a list as NDJSON, and read the beginning of the answer only."""
    address = httpx2.URL(server.url)
    request = client.http.build_request(
        "GET", f"/v2/accounts/{client.account}/lists/{list_sid}/contacts", headers={"Accept": NDJSON}
    )
    basic = next(httpx2.BasicAuth(client.key, client.token).auth_flow(request)).headers["Authorization"]
    sock = socket.create_connection((address.host, address.port or 80), timeout=30)
    sock.sendall(
        f"GET {request.url.path} HTTP/1.1\r\nHost: x\r\nAccept: {NDJSON}\r\nAuthorization: {basic}\r\n\r\n".encode()
    )
    assert sock.recv(100).startswith(b"HTTP/1.1 200")
    return sock


def open_snapshots(database: str) -> int:
    """How many are held for longer than it takes to read a chunk."""
    if database.startswith("sqlite"):
        connection = beside(database)
        connection.set_busy_timeout(CHUNK_SECONDS * 1000)
        # A snapshot that somebody still read would keep the log from being emptied.
        ((busy, *_),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.close()
        return int(bool(busy))
    with psycopg.connect(database, autocommit=True) as postgres:
        sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        ends = time.monotonic() + CHUNK_SECONDS
        while (held := postgres.execute(sql).fetchall()) and time.monotonic() < ends:
            pass
        return len(held)


def rest(sock: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\r\n0\r\n\r\n") and (part := sock.recv(2**20)):
        received += part
    return bytes(received)


def fill(client: Client) -> str:
    made = client.create_list()["sid"]
    sids = [item["data"]["sid"] for item in client.get("/contacts", limit=5000).json()["response"]]
    assert client.add_members(made, *sids).status_code == 200
    return str(made)


def test_a_stalled_reader_holds_nothing_open(heavy: tuple[Server, Client]) -> None:
    server, client = heavy
    list_sid = fill(client)

    with ask(server, client, list_sid) as sock:
        member = client.get(f"/lists/{list_sid}/contacts", offset=4999).json()["response"][0]["data"]["sid"]
        assert client.delete(f"/contacts/{member}").status_code == 200
        open_ = open_snapshots(server.database)
        text = rest(sock)

    assert open_ == 0
    assert text.count(b'"first_name"') in {4998, 4999}  # the last one left before it was read; the first may be cut
    assert member.encode() not in text


def test_a_list_that_is_deleted_meanwhile_breaks_the_stream_off(heavy: tuple[Server, Client]) -> None:
    server, client = heavy
    list_sid = fill(client)

    with ask(server, client, list_sid) as sock:
        client.delete(f"/lists/{list_sid}")
        text = rest(sock)

    assert not text.endswith(b"\r\n0\r\n\r\n")


@pytest.mark.sqlite
def test_whoever_has_a_key_that_is_revoked_meanwhile_is_given_nothing_more(
    heavy: tuple[Server, Client], connect: Callable[..., Client]
) -> None:
    server, client = heavy
    list_sid, colleague = fill(client), connect(client.account, to=server)

    with ask(server, client, list_sid) as sock:
        run_cli("key", "revoke", client.account, client.key, "--database", server.database)
        late = let_somebody_join(colleague, list_sid)
        text = rest(sock)

    assert_nothing_more(text, late)


@pytest.mark.sqlite
def test_whoever_signs_out_of_the_console_meanwhile_is_given_nothing_more(heavy: tuple[Server, Client]) -> None:
    server, client = heavy
    list_sid = fill(client)

    with httpx2.Client(base_url=server.url) as http, connected(server) as sock:
        http.post("/console/sign-in", data={"key": client.key, "token": client.token})
        asked = f"GET /console/lists/{list_sid}/export?format=ndjson HTTP/1.1\r\nHost: x\r\nCookie: dialbook="
        sock.sendall(f"{asked}{http.cookies['dialbook']}\r\n\r\n".encode())
        assert sock.recv(100).startswith(b"HTTP/1.1 200")
        http.post("/console/sign-out")
        late = let_somebody_join(client, list_sid)
        text = rest(sock)

    assert_nothing_more(text, late)


def let_somebody_join(client: Client, list_sid: str) -> str:
    (late,) = client.create_contacts({"number": NUMBERS[5000]})
    client.add_members(list_sid, late["sid"])
    return str(late["sid"])


def assert_nothing_more(text: bytes, late: str) -> None:
    assert not text.endswith(b"\r\n0\r\n\r\n")
    assert late.encode() not in text
    assert text.count(b'"first_name"') <= 2000  # the chunk that was on its way


def test_a_reader_who_leaves_is_forgotten(heavy: tuple[Server, Client]) -> None:
    server, client = heavy
    list_sid = fill(client)

    for _ in range(5):
        ask(server, client, list_sid).close()

    assert len(read_ndjson(export(client, f"/lists/{list_sid}/contacts", NDJSON))) == 5000
