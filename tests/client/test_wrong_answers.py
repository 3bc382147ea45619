"""Answers in other shapes than the contract's: read where the meaning is clear, and else refused in one way."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dialbook import Client, Duplicate, NotFound, NotUnderstood, Unauthorized, Unavailable
from dialbook.model.errors import DialbookError
from tests.client.conftest import refuse_to_sleep
from tests.client.peer import Act, answer, contact, ok, peer, refusal
from tests.conftest import NUMBERS


def envelope(response: Any, **others: Any) -> Act:
    return answer(200, json.dumps({"response": response, **others}))


ITEM = {"code": 200, "error_data": None, "status": "success", "data": contact(1)}
TAKEN = {"code": 1008, "message": "Duplicate resource", "description": "It is taken."}

UNREADABLE = [
    answer(200, "<html>Sign in to the hotel's network</html>", kind="text/html"),
    answer(200, ""),
    answer(200, "{"),
    answer(200, b"\xff\xfe"),
    answer(200, "[" * 5000),
    answer(200, "null"),
    answer(200, "[]"),
    answer(200, "{}"),
    envelope(None),
    envelope("contact"),
    envelope([]),
    envelope([ITEM, ITEM]),
    envelope({**ITEM, "data": None}),
    envelope({**ITEM, "data": [contact(1)]}),
    envelope({**ITEM, "data": {"number": NUMBERS[1]}}),
    envelope({**ITEM, "data": contact(1, first_name=7)}),
    envelope({**ITEM, "data": contact(1, date_created="yesterday")}),
    envelope({**ITEM, "data": contact(1, date_created="0001-01-01T00:00:00+05:30")}),
    answer(302, "", "Location: http://127.0.0.1:1/elsewhere"),
    answer(304, ""),
]


@pytest.mark.parametrize("wrong", UNREADABLE)
def test_what_is_no_answer_of_this_api_is_not_understood(wrong: Act) -> None:
    with (
        peer(wrong) as there,
        Client(there.url, sleep=refuse_to_sleep) as client,
        pytest.raises(NotUnderstood) as raised,
    ):
        client.get_contact("a")

    assert raised.value.status in {200, 302, 304}
    assert NUMBERS[1] not in str(raised.value)


@pytest.mark.parametrize(
    "odd",
    [
        envelope(ITEM),
        envelope([ITEM]),
        envelope(ITEM, metadata=None, request_id=None, more={"a": 1}),
        envelope({"data": contact(1, shoe_size=42)}),
        envelope({"data": {"sid": contact(1)["sid"], "tag": None}}),
    ],
)
def test_what_is_missing_or_new_does_no_harm(odd: Act) -> None:
    with peer(odd) as there:
        assert Client(there.url).get_contact("a").sid == contact(1)["sid"]


@pytest.mark.parametrize(
    "said",
    [
        "2024-01-01T12:00:00Z",
        "2024-01-01T12:00:00",
        "2024-01-01T12:00:00+00:00",
        "2024-01-01T17:30:00+05:30",
        "2024-01-01T04:00:00-08:00",
    ],
)
@pytest.mark.parametrize(
    ("read", "fields"),
    [
        (lambda client: client.get_contact("a"), ("date_created", "date_updated")),
        (lambda client: client.get_list("a"), ("date_created", "date_updated")),
        (lambda client: client.get_upload("a"), ("date_created", "date_ended")),
    ],
)
def test_times_are_in_utc_however_they_came(
    read: Callable[[Client], object], fields: tuple[str, str], said: str
) -> None:
    data = {**contact(1), "upload_id": "c" * 32, "status": "completed", **dict.fromkeys(fields, said)}
    with peer(ok(data)) as there, Client(there.url) as client:
        found = read(client)

    for moment in (getattr(found, field) for field in fields):
        assert moment == datetime(2024, 1, 1, 12, tzinfo=UTC)
        assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Unauthorized), (404, NotFound), (409, Duplicate), (418, DialbookError)]
)
@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"response": []}', '{"response": "no"}', "null"])
def test_a_refusal_in_any_shape_is_of_its_kind(status: int, kind: type[DialbookError], body: str) -> None:
    with peer(answer(status, body, kind="text/html")) as there, pytest.raises(kind) as raised:
        Client(there.url).get_contact("a")

    assert type(raised.value) is kind
    assert (raised.value.status, raised.value.code, raised.value.request_id) == (status, 0, None)
    assert f"HTTP {status}" in raised.value.description


def test_a_refusal_of_an_unknown_code_keeps_what_the_server_said() -> None:
    with peer(refusal(400, 4711, description="Odd.")) as there, pytest.raises(DialbookError, match="Odd") as raised:
        Client(there.url).get_contact("a")

    assert (raised.value.code, raised.value.message, raised.value.request_id) == (4711, "Refused", "b" * 32)


def test_an_item_that_is_refused_within_a_success_is_refused() -> None:
    refused = envelope({"code": 404, "error_data": {"code": 1000, "message": "Not Found"}, "data": None})
    with peer(refused) as there, pytest.raises(NotFound, match="Not Found"):
        Client(there.url).get_contact("a")


def test_every_item_of_a_bulk_call_has_its_result() -> None:
    with peer(envelope([ITEM])) as there, pytest.raises(NotUnderstood, match="The answer to 2 items holds 1 results"):
        Client(there.url).create_contacts([{"number": NUMBERS[0]}, {"number": NUMBERS[1]}])


def test_a_result_without_data_or_reason_is_a_failure() -> None:
    odd = [{"code": 200, "data": None}, {"code": 409, "error_data": TAKEN, "data": contact(1)}]
    with peer(envelope(odd)) as there:
        results = Client(there.url).create_contacts([{"number": NUMBERS[0]}, {"number": NUMBERS[1]}])

    assert isinstance(results[0], NotUnderstood)
    assert isinstance(results[1], Duplicate)
    assert results[1].existing.sid == contact(1)["sid"]


def test_a_page_with_a_hole_is_not_understood() -> None:
    with peer(ok([contact(1), None])) as there, pytest.raises(NotUnderstood):
        Client(there.url).list_contacts()


def test_a_page_without_metadata_is_a_page() -> None:
    with peer(ok([contact(1)])) as there:
        page = Client(there.url).list_contacts()

    assert (len(page), page.total, page.offset, page.limit, page.cursor) == (1, None, None, None, None)


@pytest.mark.parametrize(
    "said",
    [
        envelope({"code": 200, "error_data": None, "data": None}),
        envelope([{"code": 200, "error_data": None, "status": "success", "data": None}]),
        envelope({"data": {"deleted": 1}}),
        answer(204, ""),
        answer(200, "", kind="text/html"),
    ],
)
def test_a_deletion_may_be_answered_without_data(said: Act) -> None:
    with peer(said) as there:
        assert Client(there.url).delete_contact("a") is None


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "<html>Sign in to the hotel's network</html>", kind="text/html"),
        answer(200, b"\xff\xfe"),
        answer(200, "[1]"),
        answer(200, "{}"),
        envelope(None),
        envelope([]),
        envelope([ITEM, ITEM]),
        envelope({"code": 404, "error_data": None, "status": "failure", "data": None}),
        envelope({"code": 404, "data": None}),
        envelope({"status": "failure", "data": None}),
    ],
)
@pytest.mark.parametrize(
    "remove",
    [
        lambda client: client.delete_contact("a"),
        lambda client: client.delete_list("a"),
        lambda client: client.remove_member("a", "b"),
    ],
)
def test_nothing_is_taken_for_deleted_that_no_answer_says_is(remove: Callable[[Client], object], said: Act) -> None:
    with peer(said) as there, pytest.raises(NotUnderstood):
        remove(Client(there.url))


def test_a_deletion_that_is_refused_within_a_success_is_refused() -> None:
    refused = envelope({"code": 404, "error_data": {"code": 1000}, "data": None})
    with peer(refused) as there, pytest.raises(NotFound):
        Client(there.url).delete_contact("a")


@pytest.mark.parametrize(
    ("link", "cursor"),
    [
        ('<http://elsewhere.example/contacts?limit=2&after=9f>; rel="next"', "9f"),
        ('</a?offset=0>; rel="prev", </a?after=9f>; rel=next', "9f"),
        ('</a?offset=20>; rel="next"', None),
        ('</a?after=9f>; rel="prev"', None),
        ("nonsense", None),
        ('<http://[x?after=9f>; rel="next"', None),
    ],
)
def test_of_a_link_only_the_cursor_counts(link: str, cursor: str | None) -> None:
    page = answer(200, json.dumps({"response": [ITEM]}), f"Link: {link}")
    with peer(page) as there:
        assert Client(there.url).list_contacts().cursor == cursor


def test_a_compressed_answer_that_is_broken_is_no_answer() -> None:
    with peer(*[answer(200, b"nonsense", "Content-Encoding: gzip")] * 4) as there, pytest.raises(DialbookError):
        Client(there.url, sleep=lambda _: None).get_contact("a")


def test_a_server_that_is_not_there_any_more_says_so() -> None:
    with peer(*[answer(503, "")] * 4) as there, pytest.raises(Unavailable):
        Client(there.url, sleep=lambda _: None).get_contact("a")
