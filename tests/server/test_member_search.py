"""Who of a list has a number, a tag or a name, and the list in another order: held against plain Python."""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import NUMBERS, Client

NAMES = [None, "Asha", "asha", "Bharat", "Éva", "Zoya", "Ann", "Annika"]
TAGS = [None, "red", "Red", "blue", "100%"]
FIELDS = ["date_created", "date_updated", "number", "first_name", "last_name"]


@dataclass(frozen=True)
class Listed:
    """A list, and its members in the order in which they joined."""

    client: Client
    sid: str
    members: list[dict[str, Any]]

    def get(self, **params: Any) -> Any:
        return self.client.get(f"/lists/{self.sid}/contacts", **params)


@pytest.fixture(scope="module")
def lists(connect: Callable[..., Client]) -> dict[str, Listed]:
    """Of 300 contacts: a list of most of them, one of few, and one of nobody, each joined in an order of its own."""
    client, chance = connect(), random.Random(3)
    contacts = client.create_contacts(
        *(
            {
                "number": number,
                "first_name": chance.choice(NAMES),
                "last_name": chance.choice(NAMES),
                "tag": chance.choice(TAGS),
            }
            for number in chance.sample(NUMBERS, 300)
        )
    )
    return {name: _listed(client, name, chance.sample(contacts, size)) for name, size in SIZES.items()}


SIZES = {"most": 260, "few": 12, "nobody": 0}


def _listed(client: Client, name: str, members: list[dict[str, Any]]) -> Listed:
    made = client.create_list(name)["sid"]
    if members:
        client.add_members(made, *(member["sid"] for member in members))
    return Listed(client, made, members)


def expected(members: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    found = members
    if tag := query.get("tag"):
        found = [each for each in found if each["tag"] == tag]
    if number := query.get("number"):
        found = [each for each in found if each["number"] == number]
    if name := query.get("name"):
        found = [each for each in found if name.casefold() in full_name(each).casefold()]
    if sort_by := query.get("sort_by"):
        field, _, direction = sort_by.partition(":")
        key = lambda each: ((each[field] or "").encode(), each["sid"])  # noqa: E731
        found = sorted(found, key=key, reverse=direction == "desc")
    return found


def full_name(contact: dict[str, Any]) -> str:
    return " ".join(filter(None, [contact["first_name"], contact["last_name"]]))


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "tag": st.sampled_from([tag for tag in TAGS if tag] + ["green"]),
        "name": st.sampled_from(["ann", "ASHA", "éva", "a b", "%", "_", "nobody"]),
        "sort_by": st.builds("{}{}".format, st.sampled_from(FIELDS), st.sampled_from(["", ":asc", ":desc"])),
    },
)


@given(
    which=st.sampled_from(sorted(SIZES)), query=QUERIES, offset=st.integers(0, 30), limit=st.sampled_from([1, 7, 400])
)
@settings(max_examples=150)
def test_a_page_is_a_slice_of_what_was_asked_for(
    lists: dict[str, Listed], which: str, query: dict[str, str], offset: int, limit: int
) -> None:
    listed = lists[which]

    page = listed.get(**query, offset=offset, limit=limit).json()

    wanted = expected(listed.members, query)
    assert [item["data"] for item in page["response"]] == wanted[offset : offset + limit]
    assert page["metadata"]["total"] == len(wanted)


@given(which=st.sampled_from(sorted(SIZES)), query=QUERIES, limit=st.integers(1, 50))
@settings(max_examples=40)
def test_those_who_are_found_can_be_walked_by_cursor(
    lists: dict[str, Listed], which: str, query: dict[str, str], limit: int
) -> None:
    listed, query = lists[which], {name: value for name, value in query.items() if name != "sort_by"}
    answer = listed.get(**query, limit=limit)
    found: list[dict[str, Any]] = []
    while True:
        page = answer.json()
        assert page["metadata"]["offset"] == len(found)
        found += [item["data"] for item in page["response"]]
        if "next" not in answer.links:
            break
        path = answer.links["next"]["url"].removeprefix(f"/v2/accounts/{listed.client.account}")
        answer = listed.client.request("GET", path)

    assert found == expected(listed.members, query)


@pytest.mark.parametrize("form", ["+91{}", "0{}", "+91 {}", "{}"])
def test_a_number_finds_its_contact_however_it_is_written(lists: dict[str, Listed], form: str) -> None:
    listed = lists["few"]

    page = listed.get(number=form.format(listed.members[5]["number"].removeprefix("+91"))).json()

    assert [item["data"] for item in page["response"]] == [listed.members[5]]
    assert page["metadata"]["total"] == 1


def test_a_plus_that_was_not_escaped_is_a_plus(api: Client) -> None:
    (abroad,) = api.create_contacts({"number": "+14155550123"})
    list_sid = api.create_list()["sid"]
    api.add_members(list_sid, abroad["sid"])

    page = api.request("GET", f"/lists/{list_sid}/contacts?number=+14155550123").json()

    assert [item["data"]["sid"] for item in page["response"]] == [abroad["sid"]]


def test_a_number_of_somebody_else_finds_nobody(lists: dict[str, Listed]) -> None:
    (outside, *_) = [each for each in lists["most"].members if each not in lists["few"].members]

    assert lists["few"].get(number=outside["number"]).json()["metadata"]["total"] == 0


def test_a_whole_list_can_be_narrowed(lists: dict[str, Listed]) -> None:
    listed = lists["most"]

    answer = listed.client.request(
        "GET", f"/lists/{listed.sid}/contacts", params={"tag": "red"}, headers={"Accept": "text/csv"}
    )

    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [row["number"] for row in rows] == [each["number"] for each in expected(listed.members, {"tag": "red"})]


@pytest.mark.parametrize(
    ("params", "accept", "said"),
    [
        ({"sort_by": "colour"}, "*/*", "sort_by is 'colour'; allowed are date_created"),
        ({"sort_by": "number:up"}, "*/*", "sort_by is 'number:up'"),
        ({"sort_by": "number", "after": "1"}, "*/*", "sort_by orders pages by offset"),
        ({"sort_by": "number"}, "text/csv", "neither a cursor nor a whole list"),
        ({"number": "12"}, "*/*", "number '12' is not"),
        ({"tag": "x" * 256}, "*/*", "tag has 256 characters"),
        ({"name": "\0"}, "*/*", "name holds a character"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(
    lists: dict[str, Listed], params: dict[str, str], accept: str, said: str
) -> None:
    listed = lists["few"]

    answer = listed.client.request("GET", f"/lists/{listed.sid}/contacts", params=params, headers={"Accept": accept})

    assert answer.status_code == 400
    assert said in answer.json()["response"]["error_data"]["description"]


def test_an_unknown_list_is_not_found(lists: dict[str, Listed]) -> None:
    assert lists["few"].client.get("/lists/nothing/contacts", tag="red").status_code == 404
