"""Too much at once is refused at once, and nobody has more than half of what there is."""

import select
import socket
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from random import Random
from secrets import token_bytes

import httpx2
import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook.model.errors import DialbookError
from dialbook.server import load
from dialbook.server.load import Bound, Load, Place, Retry
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.gate import Gate, gated
from tests.raw import PATIENCE, begin, connected, head, read_answer, read_to_end
from tests.sqlite import beside

PLACES = 64  # for one caller
ITEM = b'{"contacts": [{"number": "%s"}]}' % NUMBERS[0].encode()
FORM = "Content-Type: multipart/form-data; boundary=form"
FILE = b'--form\r\nContent-Disposition: form-data; name="file_name"; filename="a.csv"\r\n\r\nnumber\r\n'


CSV = {"Accept": "text/csv"}


class Narrow(Struct, frozen=True):
    """A server with four places for requests, and two for uploads and exports."""

    server: Server
    gate: Gate

    def hold(self, open_: ExitStack, client: Client) -> socket.socket:
        """Take a place, until the gate is opened."""
        sock = open_.enter_context(connected(self.server))
        sock.sendall(head(client, "GET", "/contacts", "Wait: yes", "Connection: close"))
        self.gate.waiting.acquire()
        return sock


@pytest.fixture
def narrow(new_database: Callable[[], str]) -> Iterator[Narrow]:
    with gated(Settings(database=new_database(), max_requests=4, max_streams=2)) as (server, gate):
        yield Narrow(server, gate)


@pytest.fixture
def open_() -> Iterator[ExitStack]:
    """Connections that are closed at the end."""
    with ExitStack() as stack:
        yield stack


def test_who_has_half_of_all_places_gets_no_more_and_others_do(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    greedy, modest = connect("greedy", to=narrow.server), connect("modest", to=narrow.server)
    for _ in range(2):
        narrow.hold(open_, greedy)

    answer = greedy.get("/contacts")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert answer.json()["response"]["error_data"] == {
        "code": 1006,
        "message": "Too Many Requests",
        "description": "You have 2 requests under way, which is all that one may have here.",
    }
    assert modest.get("/contacts").status_code == 200


def test_when_all_places_are_taken_the_next_is_refused_until_one_is_free(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    first, second, third = (connect(name, to=narrow.server) for name in ("first", "second", "third"))
    socks = [narrow.hold(open_, client) for client in (first, first, second, second)]

    refused = third.post("/contacts", {"contacts": []})
    probes = [httpx2.get(f"{narrow.server.url}{path}").status_code for path in ("/healthz", "/readyz")]
    page = httpx2.get(f"{narrow.server.url}/console/sign-in")
    narrow.gate.open()
    answered = {read_answer(read_to_end(sock)).status for sock in socks}

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["response"]["error_data"]["code"] == 1004
    assert (probes, page.status_code, answered) == ([200, 200], 503, {200})
    assert (page.headers["content-type"], page.headers["retry-after"]) == ("text/html; charset=utf-8", "1")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "4 requests are under way here already." in page.text
    assert third.get("/contacts").status_code == 200


def test_the_body_of_what_is_refused_is_not_asked_for(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    client = connect("greedy", to=narrow.server)
    for _ in range(2):
        narrow.hold(open_, client)

    with connected(narrow.server) as sock:
        sock.sendall(head(client, "POST", "/contacts", "Content-Length: 9", "Expect: 100-continue"))
        answer = sock.recv(2**16)

    assert answer.startswith(b"HTTP/1.1 429 ")


def test_who_is_waited_for_takes_nobodys_place(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    client = connect("slow", to=narrow.server)
    socks = [begin(narrow.server, open_, client, "/contacts", f"Content-Length: {len(ITEM)}") for _ in range(8)]

    page = client.get("/contacts")
    for sock in socks:
        sock.sendall(ITEM)
    answers = [read_answer(read_to_end(sock)).status for sock in socks]

    assert page.status_code == 200
    assert sorted(answers) == [200] + [207] * 7


@pytest.mark.sqlite
def test_who_was_waited_for_has_a_place_again(narrow: Narrow, connect: Callable[..., Client], open_: ExitStack) -> None:
    client = connect("writer", to=narrow.server)
    lock = beside(narrow.server.database)
    lock.execute("BEGIN IMMEDIATE")
    for sock in [begin(narrow.server, open_, client, "/contacts", f"Content-Length: {len(ITEM)}") for _ in range(2)]:
        sock.sendall(ITEM)

    # The bodies are on their way, and then wait to be written.
    is_refused = any(client.get("/contacts").status_code == 429 for _ in range(200))
    lock.execute("ROLLBACK")

    assert is_refused


def test_places_of_those_who_left_are_free_again(narrow: Narrow, connect: Callable[..., Client]) -> None:
    client = connect("restless", to=narrow.server)
    requests = [
        head(client, "POST", "/contacts", "Content-Length: 100") + b"{",
        head(client, "POST", "/contacts/csv-upload", FORM, "Content-Length: 1000") + FILE,
        head(client, "GET", "/contacts"),
        head(client, "GET", "/contacts")[:-2],
        b"GET / HTTP/1.1\r\n\r\n",
    ]
    for request in requests * 8:
        with connected(narrow.server) as sock:
            sock.sendall(request)

    # The last ones may be noticed a moment later.
    while client.get("/contacts").status_code == 429:
        pass
    while client.upload(b"number\n").status_code == 429:
        pass
    assert client.upload(b"number\n").status_code == 202


def test_uploads_and_exports_take_none_of_the_places_of_others(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    busy, other, third = (connect(name, to=narrow.server) for name in ("busy", "other", "third"))
    lists = [f"/lists/{client.create_list()['sid']}/contacts" for client in (busy, third)]
    for client in (busy, other):
        begin(narrow.server, open_, client, "/contacts/csv-upload", FORM, "Content-Length: 100000")

    answers = [
        busy.upload(b"number\n"),
        busy.request("GET", lists[0], headers=CSV),
        third.upload(b"number\n"),
        third.request("GET", lists[1], headers=CSV),
    ]
    narrow.hold(open_, busy)
    page = busy.get("/contacts")

    assert [answer.status_code for answer in answers] == [429, 429, 503, 503]
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert page.status_code == 200


@pytest.mark.sqlite
def test_bodies_that_are_held_are_bounded_too(connect: Callable[..., Client], new_database: Callable[[], str]) -> None:
    """Three of 9 MiB are less than half of 64 MiB, four are more."""
    large = b'{"contacts": [' + b" " * (9 * 2**20)
    with serving(Settings(database=new_database())) as server, ExitStack() as open_:
        heavy, light = connect("heavy", to=server), connect("light", to=server)
        socks = [open_.enter_context(connected(server)) for _ in range(4)]
        for sock in socks:
            sock.sendall(head(heavy, "POST", "/contacts", f"Content-Length: {len(large) + 10}") + large)
        (refused, *_), _, _ = select.select(socks, [], [])

        assert refused.recv(100).startswith(b"HTTP/1.1 429 ")
        assert light.post("/contacts", {"contacts": [{"number": NUMBERS[0]}]}).status_code == 200


class Stop:
    """Stands before a server, stops its event loop while whoever has the header Stop is there, and notes all answers.

    So whatever is sent meanwhile comes at once.
    """

    def __init__(self) -> None:
        self.is_stopped = threading.Event()
        self.goes_on = threading.Event()
        self.statuses: list[int] = []

    def before(self, app: ASGIApp) -> ASGIApp:
        self._app = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (b"stop", b"yes") in scope.get("headers", []):
            self.is_stopped.set()
            self.goes_on.wait(PATIENCE)

        async def note(message: Message) -> None:
            if "status" in message:
                self.statuses.append(message["status"])
            await send(message)

        await self._app(scope, receive, note)


@pytest.mark.sqlite
def test_who_finds_no_place_is_told_before_all_who_have_one_are_served(
    new_database: Callable[[], str], connect: Callable[..., Client], open_: ExitStack
) -> None:
    stop = Stop()
    with serving(Settings(database=new_database(), max_requests=2 * PLACES), before=stop.before) as server:
        first, second = connect("first", to=server), connect("second", to=server)
        callers = [first, *[first] * (PLACES + 1), *[second] * (PLACES + 1)]
        socks = [open_.enter_context(connected(server)) for _ in callers]
        for sock in socks:  # until it is answered, a connection may not have been accepted
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        stop.statuses.clear()
        socks[0].sendall(head(first, "GET", "/contacts", "Stop: yes", "Connection: close"))
        stop.is_stopped.wait(PATIENCE)
        for sock, client in [*zip(socks, callers, strict=True)][1:]:
            sock.sendall(head(client, "GET", "/contacts", "Connection: close"))
        stop.goes_on.set()
        answers = Counter(read_answer(read_to_end(sock)).status for sock in socks)

    assert answers == {200: 1 + 2 * PLACES, 429: 2}
    # There was no hurry before the first was refused.
    assert stop.statuses[-PLACES // 2 :] == [200] * (PLACES // 2)


@given(st.lists(st.floats(0, 3), min_size=2, max_size=20))
def test_who_comes_again_too_early_is_refused_once_a_second(pauses: list[float]) -> None:
    now = 100.0
    retry = Retry(clock=lambda: now)
    refused: list[float] = []
    for pause in pauses:
        now += pause
        wait = retry.wait()
        assert wait == 0 or now - refused[-1] < 1
        now += wait
        refused.append(now)

    assert all(later - earlier > 1 - 1e-9 for earlier, later in pairwise(refused))


CALLERS = st.sampled_from("abc")


@given(st.integers(2, 9), st.lists(st.tuples(CALLERS, st.integers(0, 4)), max_size=40), st.randoms())
def test_no_more_is_taken_than_there_is_and_all_of_it_can_be_taken_again(
    limit: int, wanted: list[tuple[str, int]], random: Random
) -> None:
    bound = Bound("things", limit)
    taken: list[tuple[str, int]] = []
    for who, amount in wanted:
        refusal = bound.take(who, amount)
        theirs = sum(each for owner, each in taken if owner == who)
        fits = theirs + amount <= limit // 2 and sum(each for _, each in taken) + amount <= limit
        assert (refusal is None) == fits
        if refusal is None:
            taken.append((who, amount))
        elif taken:
            bound.give_back(*taken.pop(random.randrange(len(taken))))
    for each in taken:
        bound.give_back(*each)

    assert bound.take("a", limit // 2) is None
    assert bound.take("b", limit // 2) is None
    assert isinstance(bound.take("a", 1), DialbookError)


def disguised(request: bytes) -> bytes:
    """With credentials before its own that nobody asked for, and others each time."""
    return request.replace(b"Authorization", b"Cookie: a=%s\r\nAuthorization" % token_bytes(8).hex().encode(), 1)


@pytest.mark.sqlite
def test_an_account_has_half_of_the_places_whatever_else_it_sends(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    greedy, modest = connect("greedy", to=narrow.server), connect("modest", to=narrow.server)
    browser = open_.enter_context(httpx2.Client(base_url=narrow.server.url))
    browser.post("/console/sign-in", data={"key": greedy.key, "token": greedy.token})
    with closing(beside(narrow.server.database)) as lock:
        lock.execute("BEGIN IMMEDIATE")
        socks = [open_.enter_context(connected(narrow.server)) for _ in range(3)]
        for sock in socks:
            request = head(greedy, "POST", "/contacts", f"Content-Length: {len(ITEM)}", "Connection: close")
            sock.sendall(disguised(request) + ITEM)
        (refused, *_), _, _ = select.select(socks, [], [])

        assert read_answer(read_to_end(refused)).error["description"].startswith("You have 2 requests under way")
        assert browser.get("/console/lists").status_code == 429
        assert modest.get("/contacts").status_code == 200


def fill(client: Client) -> None:
    """Make 500 contacts, of which a page has 4 MB."""
    client.create_contacts(*({"number": number, "custom_field": {"x": "y" * 8000}} for number in NUMBERS[:500]))


def test_who_takes_no_answers_is_given_no_more_of_them_and_others_are(
    new_database: Callable[[], str], connect: Callable[..., Client], open_: ExitStack
) -> None:
    with serving(Settings(database=new_database())) as server:
        greedy, modest = connect("greedy", to=server), connect("modest", to=server)
        fill(greedy)
        socks = [open_.enter_context(connected(server, receive_buffer=4096)) for _ in range(16)]
        for sock in socks:
            sock.sendall(disguised(head(greedy, "GET", "/contacts?limit=500", "Connection: close")))
        statuses = Counter(sock.recv(12) for sock in socks)

        refused = greedy.get("/contacts")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert refused.json()["response"]["error_data"]["description"] == (
            "You have 33554432 bytes of answers under way, which is all that one may have here."
        )
        assert greedy.post("/contacts", {"contacts": [{"number": NUMBERS[500]}]}).status_code == 429
        assert modest.get("/contacts").status_code == 200
        assert 8 <= statuses[b"HTTP/1.1 200"] <= 10
        assert statuses[b"HTTP/1.1 200"] + statuses[b"HTTP/1.1 429"] == 16

        for sock in socks:
            read_to_end(sock)
        assert greedy.get("/contacts").json()["metadata"]["total"] == 500


BUNDLE = "/docs/assets/swagger-ui-bundle.js"


def ask_as_stranger(
    server: Server, open_: ExitStack, path: str, number: int, times: int = 1, source: str = "127.0.0.1"
) -> socket.socket:
    """Ask for what anybody may have, with credentials that nobody else makes up, and take only how it begins."""
    sock = open_.enter_context(connected(server, receive_buffer=4096, source=source))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: dialbook={number}\r\n\r\n".encode() * times)
    assert sock.recv(9) == b"HTTP/1.1 "
    return sock


@pytest.mark.sqlite
def test_strangers_who_take_no_files_take_nobodys_place(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    for number in range(4):
        ask_as_stranger(narrow.server, open_, BUNDLE, number)

    assert connect("modest", to=narrow.server).get("/contacts").status_code == 200
    assert httpx2.get(f"{narrow.server.url}/console/sign-in").status_code == 200


@pytest.mark.sqlite
def test_what_is_asked_behind_an_answer_that_nobody_takes_has_no_place(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    greedy, modest = connect("greedy", to=narrow.server), connect("modest", to=narrow.server)
    fill(greedy)
    for number in range(3):
        sock = open_.enter_context(connected(narrow.server, receive_buffer=4096))
        behind = f"GET /console HTTP/1.1\r\nHost: x\r\nCookie: a={number}\r\nConnection: close\r\n\r\n"
        sock.sendall(head(greedy, "GET", "/contacts?limit=500") + behind.encode())
        assert sock.recv(12) == b"HTTP/1.1 200"
    narrow.hold(open_, modest)

    assert modest.get("/contacts").status_code == 200
    assert b"HTTP/1.1 303" in read_to_end(sock)


@pytest.mark.sqlite
def test_an_address_has_half_of_the_files_that_are_sent_at_the_same_time(
    narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    for number in range(load.FILES // 2):
        ask_as_stranger(narrow.server, open_, BUNDLE, number)

    refused = httpx2.get(f"{narrow.server.url}{BUNDLE}")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert connect("modest", to=narrow.server).get("/contacts").status_code == 200


@pytest.mark.sqlite
def test_what_strangers_do_not_take_is_counted_against_no_account(
    new_database: Callable[[], str], connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor against other strangers, as long as it is one who takes nothing."""
    monkeypatch.setattr(load, "ANSWERS", 2**20)  # so that a few are enough
    with serving(Settings(database=new_database())) as server, ExitStack() as open_:
        for number in range(16):
            ask_as_stranger(server, open_, "/openapi.json", number, times=4)

        assert connect("modest", to=server).get("/contacts").status_code == 200
        assert httpx2.get(f"{server.url}/console/sign-in").status_code == 429
        assert {httpx2.get(f"{server.url}/{probe}").status_code for probe in ("healthz", "readyz")} == {200}
        with httpx2.Client(transport=httpx2.HTTPTransport(local_address="127.0.0.2")) as elsewhere:
            assert elsewhere.get(f"{server.url}/console/sign-in").status_code == 200

        for source in ("127.0.0.2", "127.0.0.3"):
            for number in range(16):
                ask_as_stranger(server, open_, "/openapi.json", number, times=4, source=source)

        assert connect("modest", to=server).get("/contacts").status_code == 200


def test_what_comes_byte_by_byte_takes_no_more_room_to_count() -> None:
    place = Place(Load(Settings()), "caller", lambda: "site", Retry())
    tracemalloc.start()
    try:
        for _ in range(100_000):
            place.hold(1)
        counted = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert counted < 10_000
