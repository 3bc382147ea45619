"""What no request can hold, and is refused before one is sent."""

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from dialbook import Client, Interrupted, Invalid, NewContact
from tests.client.peer import contact, ok, peer
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


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_in_json_is_refused_before_anything_is_sent(number: float) -> None:
    with peer() as there, Client(there.url) as client:
        for field in ({"a": number}, {"a": [None, {"b": (1, number)}]}):
            with pytest.raises(Invalid, match="infinite or none at all"):
                client.update_contact("a", custom_field=field)
            with pytest.raises(Invalid, match="infinite or none at all"):
                client.create_contacts([{"number": NUMBERS[0], "custom_field": field}])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_refused_before_anything_is_sent(kind: Callable[[bytes], Any]) -> None:
    value = kind(b"Asha")
    with peer() as there, Client(there.url) as client:
        fields: list[Any] = [{"first_name": value}, {"custom_field": {"a": [1, {"b": ("x", value)}]}}]
        for field in fields:
            with pytest.raises(Invalid, match="decode it to a text"):
                client.update_contact("a", **field)
            with pytest.raises(Invalid, match="decode it to a text"):
                client.create_contacts([{"number": NUMBERS[1]}, field])
        with pytest.raises(Invalid, match="decode it to a text"):
            client.add_members("a", [value])

    assert there.requests == []


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({b"a": 1}, "decode it to a text"),
        ({"a": [{float("nan"): 1}]}, "infinite or none at all"),
        ({"a": Decimal("1.50")}, "is a Decimal"),
        ({Decimal(1): 1}, "is a Decimal"),
        ({"a": [object()]}, "of the type object"),
        ({None: 1}, "of the type NoneType"),
    ],
)
def test_what_would_be_sent_as_something_else_is_refused_before_anything_is_sent(field: Any, said: str) -> None:
    with peer() as there, Client(there.url) as client:
        with pytest.raises(Invalid, match=said):
            client.update_contact("a", custom_field=field)
        with pytest.raises(Invalid, match=said):
            client.create_contacts([{"number": NUMBERS[0], "custom_field": field}])

    assert there.requests == []


@pytest.mark.sqlite
def test_a_text_of_a_class_of_its_own_is_one(client: Client) -> None:
    class Text(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "another"

    (made,) = client.create_contacts(
        [{"number": Text(NUMBERS[0]), "custom_field": {Text("a"): [Text("b")]}}]
    ).raise_for_failures()
    changed = client.update_contact(made.sid, first_name=Text("Asha"))

    assert (changed.number, changed.first_name, changed.custom_field) == (NUMBERS[0], "Asha", {"a": ["b"]})


def test_what_holds_itself_is_refused_before_anything_is_sent() -> None:
    field: dict[str, Any] = {}
    field["a"] = [field]
    with peer() as there, Client(there.url) as client, pytest.raises(RecursionError):
        client.update_contact("a", custom_field=field)

    assert there.requests == []


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_a_file_is_given_as_bytes_of_any_kind(kind: Callable[[bytes], bytearray | memoryview]) -> None:
    with peer(ok({"summary": {"upload_id": "a"}})) as there, Client(there.url) as client:
        client.upload_csv(kind(b"number\n+919845000001\n"), "Friends")

    assert b"number\n+919845000001\n" in there.requests[0]


def test_what_was_done_before_the_items_broke_off_is_told() -> None:
    def items(count: int) -> Iterator[NewContact]:
        for _ in range(count):
            yield {"number": NUMBERS[0]}
        raise KeyError(NUMBERS[1])

    with peer(ok([contact(n) for n in range(5000)])) as there, Client(there.url) as client:
        with pytest.raises(Interrupted) as raised:
            client.create_contacts(items(5001))
        with pytest.raises(KeyError):
            client.create_contacts(items(5))

    assert (len(raised.value.results), raised.value.status) == (5000, 0)
    assert isinstance(raised.value.__cause__, KeyError)
    assert str(raised.value) == "5000 items were dealt with, then the items broke off: KeyError."
