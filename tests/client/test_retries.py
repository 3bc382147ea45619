"""What is sent again, and when: only what cannot be done twice, after the pause that the server asks for."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialbook import AsyncClient, Client, Interrupted, NoAnswer, Retries, TimedOut, TooManyRequests, Unavailable
from dialbook.model.errors import DialbookError, Invalid
from dialbook.settings import Settings
from tests.client.conftest import address, refuse_to_sleep
from tests.client.peer import Act, answer, contact, knowing_keys, ok, peer, refusal
from tests.conftest import NUMBERS, serving
from tests.conftest import Client as Caller

RESET = Act(b"", "reset")
HALF = Act(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"resp', "reset")
FOUND = ok(contact(1))
FAST = Retries(attempts=3, first=1.0)

READ = pytest.param(lambda client: client.get_contact("a"), id="get_contact")
CHANGE = pytest.param(lambda client: client.update_contact("a", tag="x"), id="update_contact")
WRITES = [
    pytest.param(lambda client: client.create_contacts([{"number": NUMBERS[0]}]), id="create_contacts"),
    pytest.param(lambda client: client.update_contacts([{"sid": "a", "number": NUMBERS[1]}]), id="update_contacts"),
    pytest.param(lambda client: client.add_members("a", ["b"]), id="add_members"),
    pytest.param(lambda client: client.delete_contact("a"), id="delete_contact"),
    pytest.param(lambda client: client.remove_member("a", "b"), id="remove_member"),
    pytest.param(lambda client: client.upload_csv(b"number\n", "Friends"), id="upload_csv"),
]

Call = Callable[[Client], Any]


@pytest.mark.parametrize("trouble", [RESET, HALF, answer(503, ""), answer(502, "<html>"), answer(504, "")])
@pytest.mark.parametrize("call", [READ, CHANGE])
def test_what_may_be_done_twice_is_sent_again(call: Call, trouble: Act) -> None:
    pauses: list[float] = []
    with peer(trouble, trouble, FOUND) as there, Client(there.url, retries=FAST, sleep=pauses.append) as client:
        assert call(client).sid == contact(1)["sid"]

    assert len(there.requests) == 3
    assert 0.5 <= pauses[0] <= 1
    assert 1 <= pauses[1] <= 2


@pytest.mark.parametrize("trouble", [RESET, HALF, answer(503, ""), answer(502, ""), answer(500, "")])
@pytest.mark.parametrize("call", WRITES)
def test_what_may_have_been_done_is_not_sent_again(call: Call, trouble: Act) -> None:
    with (
        peer(trouble, FOUND) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
        pytest.raises(DialbookError),
    ):
        call(client)

    assert len(there.requests) == 1


@pytest.mark.parametrize("trouble", [RESET, HALF, answer(503, ""), answer(502, ""), answer(504, "")])
@pytest.mark.parametrize("call", WRITES)
def test_every_change_is_sent_again_to_a_server_that_has_shown_to_know_keys(call: Call, trouble: Act) -> None:
    pauses: list[float] = []
    with (
        peer(knowing_keys(FOUND), FOUND, trouble, refusal(404, 1000)) as there,
        Client(there.url, sleep=pauses.append) as client,
    ):
        client.update_contact("a", tag="x")
        client.get_contact("a")
        with pytest.raises(DialbookError) as raised:
            call(client)

    assert raised.value.status == 404
    assert len(pauses) == 1
    changed, read, sent, again = there.keys
    assert read is None
    assert sent == again
    assert None not in {changed, sent}
    assert changed != sent


def test_an_answer_with_another_key_shows_nothing() -> None:
    stranger = answer(200, FOUND.sent.partition(b"\r\n\r\n")[2], "Idempotency-Key: other")
    with (
        peer(stranger, RESET, FOUND) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
    ):
        client.update_contact("a", tag="x")
        with pytest.raises(NoAnswer):
            client.delete_contact("a")


class Lossy:
    """Stands before a server, and cuts the connection in place of as many answers to changes as it is told to lose."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.to_lose = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.to_lose or scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        self.to_lose -= 1
        await self._app(scope, receive, _drop)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        raise ConnectionError("The answer is lost.")


async def _drop(_: Message) -> None:
    pass


def test_a_change_whose_answer_is_lost_is_made_once(
    new_database: Callable[[], str], new_client: Callable[..., Caller]
) -> None:
    made: list[Lossy] = []

    def before(app: ASGIApp) -> ASGIApp:
        made.append(Lossy(app))
        return made[-1]

    with serving(Settings(database=new_database()), before=before) as server:
        url = address(server, new_client(server))
        with Client(url, sleep=lambda _: None) as client:
            (friends,) = client.create_lists([{"name": "Friends"}]).raise_for_failures()
            made[0].to_lose = 2
            client.create_lists([{"name": "Foes"}]).raise_for_failures()
            made[0].to_lose = 1
            client.upload_csv(b"number\n", "Foes")
            made[0].to_lose = 1
            client.delete_list(friends.sid)

            assert [each.name for each in client.list_lists()] == ["Foes"]
            assert len(client.list_uploads()) == 1


@pytest.mark.parametrize("trouble", [refusal(429, 1006), refusal(503, 1004, "Retry-After: 1")])
@pytest.mark.parametrize("call", [READ, CHANGE, *WRITES])
def test_what_was_refused_before_it_was_done_is_sent_again(call: Call, trouble: Act) -> None:
    pauses: list[float] = []
    with (
        peer(trouble, refusal(404, 1000)) as there,
        Client(there.url, sleep=pauses.append) as client,
        pytest.raises(DialbookError) as raised,
    ):
        call(client)

    assert raised.value.status == 404
    assert (len(there.requests), len(pauses)) == (2, 1)


@pytest.mark.parametrize("call", [READ, *WRITES])
def test_what_never_reached_a_server_is_sent_again(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    pauses: list[float] = []
    with (
        Client(f"http://k:t@127.0.0.1:{port}/v2/accounts/a", sleep=pauses.append) as client,
        pytest.raises(NoAnswer, match=" is not reached") as raised,
    ):
        call(client)

    assert len(pauses) == 3
    assert not raised.value.may_be_done


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        (["Retry-After: 7"], 7),
        (["X-RateLimit-Limit: 9", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 8"], 8),
        (["Retry-After: 7", "X-RateLimit-Reset: 50"], 7),
        (["Retry-After: Mon, 05 Jan 2026 09:00:09 GMT", "Date: Mon, 05 Jan 2026 09:00:00 GMT"], 9),
        (["Retry-After: Mon, 05 Jan 2026 09:00:09 -0000", "Date: Mon, 05 Jan 2026 09:00:00 GMT"], 9),
        (["X-RateLimit-Reset: 1767603610", "Date: Mon, 05 Jan 2026 09:00:00 GMT"], 10),
    ],
)
def test_the_pause_is_what_the_server_asks_for(headers: list[str], least: float) -> None:
    pauses: list[float] = []
    with peer(refusal(429, 1006, *headers), FOUND) as there, Client(there.url, sleep=pauses.append) as client:
        client.get_contact("a")

    assert least <= pauses[0] <= least + Retries().first


@pytest.mark.parametrize(
    "given", ["soon", "-1", "Mon, 05 Jan 2026", "1767603610", "1767603610000", "9" * 400, "9" * 5000, ""]
)
def test_a_pause_that_cannot_be_read_is_the_usual_one(given: str) -> None:
    pauses: list[float] = []
    with peer(refusal(429, 1006, f"Retry-After: {given}"), FOUND) as there:
        Client(there.url, sleep=pauses.append).get_contact("a")

    assert Retries().first / 2 <= pauses[0] <= Retries().first


def test_a_longer_pause_than_the_caller_wants_is_told_at_once() -> None:
    with (
        peer(refusal(429, 1006, "Retry-After: 3600")) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
        pytest.raises(TooManyRequests) as raised,
    ):
        client.get_contact("a")

    assert raised.value.headers["retry-after"] == "3600"


def test_in_the_end_the_last_refusal_is_raised() -> None:
    pauses: list[float] = []
    busy = refusal(503, 1004, "Retry-After: 2")
    with (
        peer(busy, busy, busy, FOUND) as there,
        Client(there.url, retries=FAST, sleep=pauses.append) as client,
        pytest.raises(Unavailable),
    ):
        client.get_contact("a")

    assert (len(there.requests), len(pauses)) == (3, 2)


def test_who_wonders_what_it_waits_for_finds_it_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dialbook")
    with peer(refusal(429, 1006, description="Too many."), ok([contact(1)])) as there:
        Client(there.url, sleep=lambda _: None).list_members("a", number=NUMBERS[1])

    (line,) = [record.getMessage() for record in caplog.records if record.name == "dialbook.client"]
    assert line.startswith("GET /lists/a/contacts: Too many. Again in 0.")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 500])
def test_other_refusals_are_final(status: int) -> None:
    with (
        peer(refusal(status, 1), FOUND) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
        pytest.raises(DialbookError) as raised,
    ):
        client.get_contact("a")

    assert (raised.value.status, raised.value.code) == (status, 1)


def test_a_server_that_stops_in_the_middle_is_not_waited_for_for_ever() -> None:
    stalled = Act(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "stall")
    with (
        peer(stalled) as there,
        Client(there.url, timeout=0.2, retries=Retries(attempts=1)) as client,
        pytest.raises(TimedOut, match="whether the request was done is not known"),
    ):
        client.get_contact("a")


def test_an_answer_that_comes_byte_by_byte_is_read() -> None:
    with peer(Act(FOUND.sent, piece=1)) as there:
        assert Client(there.url).get_contact("a").sid == contact(1)["sid"]


def test_a_walk_goes_on_after_a_break() -> None:
    pauses: list[float] = []
    with (
        peer(ok([contact(0)], offset=0, limit=1, total=2), HALF, ok([contact(1)], offset=1, limit=1, total=2)) as there,
        Client(there.url, sleep=pauses.append) as client,
    ):
        assert len(list(client.iter_members("a", page_size=1))) == 2

    assert there.lines[1] == there.lines[2]


def test_what_was_done_before_a_bulk_call_broke_is_told() -> None:
    first = ok([contact(n) for n in range(5000)])
    with (
        peer(first, RESET) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
        pytest.raises(Interrupted, match="5000 items were dealt with") as raised,
    ):
        client.create_contacts({"number": number} for number in NUMBERS[:5001])

    assert [made.sid for made in raised.value.results.values] == [contact(n)["sid"] for n in range(5000)]
    assert isinstance(raised.value.__cause__, NoAnswer)
    assert raised.value.__cause__.may_be_done


def test_the_asynchronous_client_tells_as_well_what_was_done_and_asks_for_small_pages() -> None:
    async def create(url: str) -> None:
        async with AsyncClient(url) as client:
            await client.create_contacts({"number": number} for number in NUMBERS[:5001])

    async def read(url: str, **options: Any) -> list[str]:
        async with AsyncClient(url) as client:
            return [found.sid async for found in client.iter_contacts(**options)]

    with (
        peer(ok([contact(n) for n in range(5000)]), RESET) as there,
        pytest.raises(Interrupted, match="5000 items were dealt with"),
    ):
        asyncio.run(create(there.url))
    with peer(RESET) as there, pytest.raises(NoAnswer):
        asyncio.run(create(there.url))
    with peer(refusal(400, 1002), ok([contact(0)], total=1)) as there:
        assert asyncio.run(read(there.url)) == [contact(0)["sid"]]
    with peer(refusal(400, 1002)) as there, pytest.raises(Invalid):
        asyncio.run(read(there.url, page_size=500))


def test_the_asynchronous_client_tries_again_as_well() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def read(url: str) -> str:
        async with AsyncClient(url, sleep=sleep) as client:
            return (await client.get_contact("a")).sid

    with peer(RESET, refusal(429, 1006, "Retry-After: 3"), FOUND) as there:
        assert asyncio.run(read(there.url)) == contact(1)["sid"]
    assert len(pauses) == 2
    assert pauses[1] >= 3
