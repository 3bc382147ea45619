"""Many items at once: into how many requests they go, and what is known when somebody stops them."""

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from dialbook import AsyncClient, Client, Interrupted, Stopped, TooLarge
from dialbook.client import Contact, Results
from dialbook.client.encoding import ENOUGH
from tests.client.peer import contact, ok, peer, refusal
from tests.conftest import NUMBERS

REQUEST = 5000  # items of one request


def large(count: int, size: int) -> list[Any]:
    return [{"number": number, "custom_field": {"text": "x" * size}} for number in NUMBERS[:count]]


def body(request: bytes) -> bytes:
    return request.partition(b"\r\n\r\n")[2]


def test_more_than_one_body_may_hold_is_stored(client: Client) -> None:
    items = large(2700, 4000)

    made = client.create_contacts(items).raise_for_failures()

    assert [each.number for each in made] == [item["number"] for item in items]
    changed = client.update_contacts({"sid": each.sid, "custom_field": {"text": "y" * 4000}} for each in made)
    assert [each.sid for each in changed.raise_for_failures()] == [each.sid for each in made]


def test_a_request_holds_so_many_bytes_and_no_item_is_left_out_or_sent_twice() -> None:
    items = large(3, ENOUGH // 2 - 100)
    answers = ok([contact(1), contact(2)]), ok([contact(3)])
    with peer(*answers) as there, Client(there.url) as client:
        results = client.create_contacts(items)

    assert [each.sid for each in results.values] == [contact(n)["sid"] for n in (1, 2, 3)]
    assert [[item["number"].encode() in body(request) for item in items] for request in there.requests] == [
        [True, True, False],
        [False, False, True],
    ]
    assert all(len(body(request)) < ENOUGH + 100 for request in there.requests)


def test_one_that_is_too_large_by_itself_is_for_the_server_to_refuse() -> None:
    before, huge = large(1, 10)[0], large(2, 2 * ENOUGH)[1]
    script = ok([contact(1)]), refusal(413, 1007)
    with peer(*script) as there, Client(there.url) as client, pytest.raises(Interrupted) as raised:
        client.create_contacts([before, huge])

    assert isinstance(raised.value.__cause__, TooLarge)
    assert [len(body(request)) > ENOUGH for request in there.requests] == [False, True]


def until_ctrl_c(count: int) -> Iterator[Any]:
    for _ in range(count):
        yield {"number": NUMBERS[0]}
    raise KeyboardInterrupt


@pytest.mark.parametrize("done", [0, REQUEST])
def test_ctrl_c_tells_what_was_done(done: int) -> None:
    script = [ok([contact(n) for n in range(done)])] if done else []
    with peer(*script) as there, Client(there.url) as client, pytest.raises(KeyboardInterrupt) as raised:
        client.create_contacts(until_ctrl_c(done + 1))

    assert isinstance(raised.value, Stopped)
    assert len(raised.value.results.values) == done


def until_signal(count: int) -> Iterator[Any]:
    yield from ({"number": NUMBERS[0]} for _ in range(count))
    signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.parametrize("done", [0, REQUEST])
def test_ctrl_c_tells_what_was_done_without_waiting(done: int) -> None:
    """There it cancels the task, which may go on."""

    async def create(url: str) -> int:
        async with AsyncClient(url) as client:
            with pytest.raises(asyncio.CancelledError) as raised:
                await client.create_contacts(until_signal(done + 1))
            results: Results[Contact] = raised.value.results  # type: ignore[attr-defined]
            return len(results.values)

    with peer(*[ok([contact(n) for n in range(done)])] if done else []) as there:
        assert asyncio.run(create(there.url)) == done
