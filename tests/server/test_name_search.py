"""Who has a name, in the book and in lists long enough for their index: held against a plain look at every name."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import NUMBERS, Client, Server, work_off

ODD = ["\N{LATIN SMALL LETTER DOTLESS I}", "I", "İ", "ß", "é", "e\N{COMBINING ACUTE ACCENT}", "राम", "😀", "\uffff"]
SYLLABLES = ["an", "na", "Ra", "vi", *ODD, '"', "'", "%", "_", "\\", " ", "*"]
CONTACTS, UPLOADED = 3000, 200
SIZES = {"most": 2000, "some": 1200, "few": 40}  # the first is half of the book, the last is short
LISTS = [*SIZES, "all"]
FIELDS = ["date_created", "number", "first_name", "last_name"]


@dataclass(frozen=True)
class Named:
    """An account after many changes: its contacts, oldest first, and its lists' members in the order they joined."""

    client: Client
    contacts: list[dict[str, Any]]
    lists: dict[str, str]

    def in_list(self, name: str) -> list[dict[str, Any]]:
        """As the server itself gives them without a filter."""
        page = self.client.get(f"/lists/{self.lists[name]}/contacts", limit=5000).json()
        return [item["data"] for item in page["response"]]


def some_name(chance: random.Random) -> str | None:
    return "".join(chance.choices(SYLLABLES, k=chance.randrange(6))) or None


@pytest.fixture(scope="module")
def named(connect: Callable[..., Client], server: Server) -> Named:
    client, neighbour, chance = connect(), connect(), random.Random(5)
    bodies = [
        {"number": number, "first_name": some_name(chance), "last_name": some_name(chance)}
        for number in NUMBERS[:CONTACTS]
    ]
    neighbour.create_contacts(*bodies)
    sids = [each["sid"] for each in client.create_contacts(*bodies)]
    lists = {}
    for name, size in SIZES.items():
        lists[name] = client.create_list(name)["sid"]
        client.add_members(lists[name], *chance.sample(sids, size))
    changes = [{"sid": sid, "first_name": some_name(chance)} for sid in chance.sample(sids, 400)]
    assert client.put("/contacts", {"contacts": changes}).status_code == 200
    for sid in chance.sample(sids, 60):
        assert client.delete(f"/contacts/{sid}").status_code == 200
    rows = [f"{number},ana {i},ravi" for i, number in enumerate(NUMBERS[CONTACTS - 100 : CONTACTS + UPLOADED])]
    client.upload("\n".join(["number,first_name,last_name", *rows]).encode(), "some", on_duplicate="update")
    work_off(server)
    page = client.get("/contacts", limit=5000, sort_by="date_created:asc").json()
    contacts = [item["data"] for item in page["response"]]
    lists["all"] = client.create_list("all")["sid"]
    client.add_members(lists["all"], *(each["sid"] for each in contacts))
    return Named(client, contacts, lists)


def wanted(contacts: list[dict[str, Any]], name: str, sort_by: str | None) -> list[dict[str, Any]]:
    found = [each for each in contacts if name.casefold() in full_name(each).casefold()]
    if sort_by is None:
        return found
    field, _, direction = sort_by.partition(":")
    return sorted(found, key=lambda each: ((each[field] or "").encode(), each["sid"]), reverse=direction == "desc")


def full_name(contact: dict[str, Any]) -> str:
    return " ".join(filter(None, [contact["first_name"], contact["last_name"]]))


NAMES = st.lists(st.sampled_from([*SYLLABLES, "N", "A", "ana", "ss", "nobody"]), min_size=1, max_size=5).map("".join)
SORTS = st.builds("{}:{}".format, st.sampled_from(FIELDS), st.sampled_from(["asc", "desc"]))


@given(name=NAMES, sort_by=SORTS, offset=st.integers(0, 300), limit=st.sampled_from([1, 20, 3000]))
@settings(max_examples=150)
def test_a_page_of_the_book_is_a_slice_of_those_who_have_the_name(
    named: Named, name: str, sort_by: str, offset: int, limit: int
) -> None:
    page = named.client.get("/contacts", name=name, sort_by=sort_by, offset=offset, limit=limit).json()

    found = wanted(named.contacts, name, sort_by)
    assert [item["data"] for item in page["response"]] == found[offset : offset + limit]
    assert page["metadata"]["total"] == len(found)


@given(
    which=st.sampled_from(LISTS),
    name=NAMES,
    sort_by=st.none() | SORTS,
    offset=st.integers(0, 300),
    limit=st.sampled_from([1, 20, 3000]),
)
@settings(max_examples=150)
def test_a_page_of_a_list_is_a_slice_of_those_who_have_the_name(
    named: Named, which: str, name: str, sort_by: str | None, offset: int, limit: int
) -> None:
    query = {"name": name} | ({"sort_by": sort_by} if sort_by else {})
    page = named.client.get(f"/lists/{named.lists[which]}/contacts", **query, offset=offset, limit=limit).json()

    found = wanted(named.in_list(which), name, sort_by)
    assert [item["data"] for item in page["response"]] == found[offset : offset + limit]
    assert page["metadata"]["total"] == len(found)


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("name", ["ana", "ana 19", "ran", "nobody"])
def test_those_who_have_a_name_can_be_walked_by_cursor(named: Named, which: str, name: str) -> None:
    found: list[dict[str, Any]] = []
    answer = named.client.get(f"/lists/{named.lists[which]}/contacts", name=name, limit=37)
    while True:
        page = answer.json()
        assert page["metadata"]["offset"] == len(found)
        found += [item["data"] for item in page["response"]]
        if "next" not in answer.links:
            break
        path = answer.links["next"]["url"].removeprefix(f"/v2/accounts/{named.client.account}")
        answer = named.client.request("GET", path)

    assert found == wanted(named.in_list(which), name, None)


def test_a_name_is_sought_among_the_contacts_of_lists_only_where_that_is_asked_for(named: Named) -> None:
    query = {"name": "ana", "list_sids": named.lists["few"], "filter": "show_list", "limit": 5000}
    page = named.client.get("/contacts", **query).json()

    shown = [item["data"] for item in page["response"]]
    found = wanted(named.in_list("few"), "ana", None)
    assert sorted(each["sid"] for each in shown) == sorted(each["sid"] for each in found)
    assert page["metadata"]["total"] == len(found)
    assert all("few" in {of["name"] for of in each["lists"]} for each in shown)


def test_a_name_as_long_as_may_be_is_sought(named: Named) -> None:
    """Folded, each of these characters is three."""
    (made,) = named.client.create_contacts({"number": NUMBERS[-1], "first_name": "ΐ" * 255})

    page = named.client.get("/contacts", name="ΐ" * 255).json()

    assert [item["data"]["sid"] for item in page["response"]] == [made["sid"]]
    named.client.delete(f"/contacts/{made['sid']}")
