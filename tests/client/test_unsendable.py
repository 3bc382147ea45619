"""What no request can hold, and is refused before one is sent."""

import io
from collections.abc import Callable

import pytest

from dialbook import Client, Invalid
from tests.client.peer import peer
from tests.conftest import NUMBERS

NOBODY = "0" * 32


def test_half_a_character_is_refused_before_anything_is_sent(client: Client) -> None:
    with pytest.raises(Invalid, match="half of a surrogate pair"):
        client.create_contacts([{"number": NUMBERS[0], "first_name": "a\ud800"}])


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.get_contact("\ud800"),
        lambda client: client.list_contacts(name="\ud800"),
        lambda client: list(client.iter_lists(name="\ud800")),
        lambda client: client.upload_csv(b"number\n", "\ud800"),
        lambda client: client.list_contacts(name="x" * 70000),
        lambda client: client.list_contacts(list_sids=[NOBODY] * 2000),
        lambda client: client.get_list("x" * 70000),
        lambda client: client.export_members("x" * 70000, io.BytesIO()),
    ],
)
def test_what_goes_into_no_request_is_refused_before_anything_is_sent(call: Callable[[Client], object]) -> None:
    with peer() as there, Client(there.url) as client, pytest.raises(Invalid, match=r"surrogate|at most 65536"):
        call(client)

    assert there.requests == []


def test_what_is_too_long_for_the_server_is_refused_by_it_as_invalid(client: Client) -> None:
    with pytest.raises(Invalid, match="8192"):
        client.get_contact("x" * 10_000)
