"""Errors go to another process and back, as they do from a pool of workers."""

import json
import pickle
from typing import Any

import pytest

from dialbook import Client, Duplicate, Interrupted, ItemsRefused, NoAnswer, NotFound
from tests.client.conftest import refuse_to_sleep
from tests.client.peer import Act, answer, contact, ok, peer, refusal
from tests.conftest import NUMBERS

RESET = Act(b"", "reset")


def there_and_back(error: Exception) -> Any:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own
    assert (type(again), str(again)) == (type(error), str(error))
    return again


def test_no_answer() -> None:
    with peer(RESET) as there, pytest.raises(NoAnswer) as raised:
        Client(there.url).delete_contact("a")

    assert there_and_back(raised.value).may_be_done


def test_a_refusal() -> None:
    with peer(refusal(404, 1000, "X-Odd: 1")) as there, pytest.raises(NotFound) as raised:
        Client(there.url).get_contact("a")

    again = there_and_back(raised.value)
    assert (again.status, again.request_id, again.headers["x-odd"]) == (404, "b" * 32, "1")


def test_items_that_are_refused() -> None:
    taken = {"code": 409, "error_data": {"code": 1008, "description": "It is taken."}, "data": contact(1)}
    with peer(answer(200, json.dumps({"response": [taken]}))) as there, pytest.raises(ItemsRefused) as raised:
        Client(there.url).create_contacts([{"number": NUMBERS[1]}]).raise_for_failures()

    again = there_and_back(raised.value)
    assert (again.status, again.code) == (409, 1008)
    assert isinstance(again.failures[0], Duplicate)
    assert again.failures[0].existing.sid == contact(1)["sid"]


def test_a_bulk_that_is_interrupted() -> None:
    with (
        peer(ok([contact(n) for n in range(5000)]), RESET) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
        pytest.raises(Interrupted) as raised,
    ):
        client.create_contacts({"number": number} for number in NUMBERS[:5001])

    again = there_and_back(raised.value)
    assert (again.status, again.results) == (0, raised.value.results)
