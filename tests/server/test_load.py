"""Too much at once is refused at once, and nobody has more than half of what there is."""

import gc
import select
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import pairwise
from random import Random

import httpx2
import hypothesis.strategies as st
import pytest
from hypothesis import given
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook.model.errors import DialbookError
from dialbook.server.load import Bound, Load, Place, Retry
from dialbook.server.queue import FEW
from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving
from tests.gate import gated
from tests.raw import PATIENCE, begin, connected, head, read_answer, read_to_end
from tests.server.conftest import Narrow, disguised
from tests.sqlite import beside

PLACES = 64  # for one caller
LATE = 4 * FEW
ITEM = b'{"contacts": [{"number": "%s"}]}' % NUMBERS[0].encode()
FORM = "Content-Type: multipart/form-data; boundary=form"
FILE = b'--form\r\nContent-Disposition: form-data; name="file_name"; filename="a.csv"\r\n\r\nnumber\r\n'
CSV = {"Accept": "text/csv"}


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
        "description": "You have as many requests under way as one may have here: 2.",
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
    assert "<title>Not now" in page.text
    assert "As many requests are under way here as there may be: 4." in page.text
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
def test_who_was_refused_owes_no_body_that_was_none(
    new_database: Callable[[], str], connect: Callable[..., Client], open_: ExitStack
) -> None:
    settings = Settings(database=new_database(), max_requests=4, body_seconds=1)
    with gated(settings) as (server, gate):
        client, other = connect("greedy", to=server), connect("slow", to=server)
        full = Narrow(server, gate)
        for _ in range(2):
            full.hold(open_, client)
        refused = open_.enter_context(connected(server))
        refused.sendall(head(client, "GET", "/contacts"))
        assert refused.recv(2**16).startswith(b"HTTP/1.1 429 ")
        late = open_.enter_context(connected(server))
        late.sendall(head(other, "POST", "/contacts", "Content-Length: 9"))

        assert read_answer(read_to_end(late)).status == 408
        refused.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert refused.recv(2**16).startswith(b"HTTP/1.1 200 ")


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
    """Stands before a server, stops its event loop where whoever has the header Stop begins, and notes all answers.

    So whatever is sent meanwhile comes at once.
    """

    def __init__(self) -> None:
        self.is_stopped = threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)
        self.statuses: list[int] = []

    def before(self, app: ASGIApp) -> ASGIApp:
        self._app = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (b"stop", b"yes") in scope.get("headers", []):
            self.is_stopped.release()
            self.goes_on.acquire(timeout=PATIENCE)

        async def note(message: Message) -> None:
            if "status" in message:
                self.statuses.append(message["status"])
            await send(message)

        await self._app(scope, receive, note)


class Crowd:
    """Callers on connections of their own, of a server that one of them can stop."""

    def __init__(self, stop: Stop, server: Server, open_: ExitStack, callers: Sequence[Client]) -> None:
        self._stop = stop
        self._callers = callers
        self._socks = [open_.enter_context(connected(server)) for _ in callers]
        for sock in self._socks:  # until it is answered, a connection may not have been accepted
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        stop.statuses.clear()

    def ask(self, first: int, end: int, *lines: str) -> None:
        """Have some of them ask."""
        for sock, client in [*zip(self._socks, self._callers, strict=True)][first:end]:
            sock.sendall(head(client, "GET", "/contacts", "Connection: close", *lines))

    def wait_for_stop(self) -> None:
        assert self._stop.is_stopped.acquire(timeout=PATIENCE)

    def answers(self) -> Counter[int]:
        return Counter(read_answer(read_to_end(sock)).status for sock in self._socks)


@pytest.fixture
def stoppable(new_database: Callable[[], str]) -> Iterator[tuple[Stop, Server]]:
    stop = Stop()
    with serving(Settings(database=new_database(), max_requests=2 * PLACES), before=stop.before) as server:
        yield stop, server


@pytest.mark.sqlite
def test_who_finds_no_place_is_told_before_those_who_came_at_once_and_have_one_are_served(
    stoppable: tuple[Stop, Server], connect: Callable[..., Client], open_: ExitStack
) -> None:
    stop, server = stoppable
    first, second = connect("first", to=server), connect("second", to=server)
    crowd = Crowd(stop, server, open_, [first, *[first] * (PLACES + 1), *[second] * (PLACES + 1)])
    crowd.ask(0, 1, "Stop: yes")
    crowd.wait_for_stop()
    crowd.ask(1, 2 * PLACES + 3)
    stop.goes_on.release()

    assert crowd.answers() == {200: 1 + 2 * PLACES, 429: 2}
    assert stop.statuses == [200, 429, 429, *[200] * 2 * PLACES]


@pytest.mark.sqlite
def test_after_a_refusal_few_are_served_before_the_next_is_heard(
    stoppable: tuple[Stop, Server], connect: Callable[..., Client], open_: ExitStack
) -> None:
    stop, server = stoppable
    first, second = connect("first", to=server), connect("second", to=server)
    crowd = Crowd(stop, server, open_, [*[first] * (PLACES + 2), *[second] * (PLACES + LATE)])
    crowd.ask(0, 1, "Stop: yes")
    crowd.wait_for_stop()
    crowd.ask(1, PLACES + 2)  # of whom the last is refused
    crowd.ask(PLACES + 2, PLACES + 3, "Stop: yes")
    crowd.ask(PLACES + 3, 2 * PLACES + 2)
    stop.goes_on.release()
    crowd.wait_for_stop()
    crowd.ask(2 * PLACES + 2, 2 * PLACES + 2 + LATE)  # for as many of whom there is room as were served
    stop.goes_on.release()

    assert crowd.answers()[429] > 1 + FEW


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

        assert read_answer(read_to_end(refused)).error["description"].startswith("You have as many requests")
        assert browser.get("/console/lists").status_code == 429
        assert modest.get("/contacts").status_code == 200


@pytest.mark.sqlite
@pytest.mark.parametrize(("who", "status"), [("greedy", 429), ("modest", 200)])
@pytest.mark.parametrize("lines", [["Connection: close"], []])
def test_neither_answers_nor_refusals_nor_their_connections_are_left_to_the_garbage_collector(
    who: str, status: int, lines: list[str], narrow: Narrow, connect: Callable[..., Client], open_: ExitStack
) -> None:
    """A flood of any would have it stop everybody for long."""
    clients = {name: connect(name, to=narrow.server) for name in ("greedy", "modest")}
    for _ in range(2):
        narrow.hold(open_, clients["greedy"])
    client = clients[who]
    client.get("/contacts")
    gc.disable()
    try:
        before = of_the_server()
        for _ in range(100):
            with connected(narrow.server) as sock:
                sock.sendall(head(client, "GET", "/contacts", *lines))
                assert read_answer(sock.recv(65536)).status == status
        client.get("/contacts")  # by its end it is known that they have gone
        assert of_the_server() < before + 100
    finally:
        gc.enable()


def of_the_server() -> int:
    """How many objects of the server's there are in this process."""
    modules = [str(type(each).__module__) for each in gc.get_objects()]
    return sum(module.startswith(("dialbook.server.", "uvicorn.")) for module in modules)


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
