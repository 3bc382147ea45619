"""Pages hold every item once, in order, whatever their size; a list keeps the order in which contacts joined."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialbook.settings import Settings
from tests.conftest import NUMBERS, Client, Server, serving

SIZE = 57
START = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def full(connect: Callable[..., Client]) -> tuple[Client, str, list[str]]:
    """A client, its list, and the sids in the order in which they joined."""
    client = connect()
    contacts = client.create_contacts(*({"number": number} for number in NUMBERS[:SIZE]))
    made = client.create_list()
    sids = [contact["sid"] for contact in contacts]
    client.add_members(made["sid"], *reversed(sids))
    return client, made["sid"], sids[::-1]


@pytest.fixture(scope="module")
def small_lists(new_database: Callable[[], str]) -> Iterator[Server]:
    with serving(Settings(database=new_database(), static_list_limit=3, dynamic_list_limit=5)) as server:
        yield server


def walk(client: Client, path: str, limit: int) -> Iterator[dict[str, Any]]:
    offset = 0
    while items := client.get(path, offset=offset, limit=limit).json()["response"]:
        yield from (item["data"] for item in items)
        offset += len(items)


@given(limit=st.integers(1, SIZE + 5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_walk_meets_every_member_once(full: tuple[Client, str, list[str]], limit: int) -> None:
    client, list_sid, sids = full

    assert [contact["sid"] for contact in walk(client, f"/lists/{list_sid}/contacts", limit)] == sids
    assert [contact["sid"] for contact in walk(client, "/contacts", limit)] == sids[::-1]


def test_what_is_not_sorted_comes_in_the_order_of_its_making(
    new_database: Callable[[], str], connect: Callable[..., Client]
) -> None:
    seconds = count()
    with serving(Settings(database=new_database()), lambda: START + timedelta(seconds=next(seconds))) as server:
        client = connect(to=server)
        contacts = [client.create_contacts({"number": number})[0]["sid"] for number in NUMBERS[:3]]
        lists = [client.create_list(name)["sid"] for name in ("c", "a", "b")]
        client.put(f"/contacts/{contacts[0]}", {"tag": "changed"})
        client.put(f"/lists/{lists[0]}", {"name": "d"})

        assert [contact["sid"] for contact in walk(client, "/contacts", 2)] == contacts
        assert [each["sid"] for each in walk(client, "/lists", 2)] == lists


@given(offset=st.integers(0, SIZE + 5), limit=st.integers(1, SIZE + 5))
@settings(max_examples=50)
def test_a_page_is_a_slice(full: tuple[Client, str, list[str]], offset: int, limit: int) -> None:
    client, list_sid, sids = full

    page = client.get(f"/lists/{list_sid}/contacts", offset=offset, limit=limit).json()

    found = [item["data"]["sid"] for item in page["response"]]
    assert found == sids[offset : offset + limit]
    assert page["metadata"] == {"count": len(found), "offset": offset, "limit": limit, "total": SIZE}


def test_deep_offsets_are_answered_like_near_ones(full: tuple[Client, str, list[str]]) -> None:
    """Those past the first thousand are read in another thread."""
    client, list_sid, _ = full

    for path in (f"/lists/{list_sid}/contacts", "/contacts", "/lists"):
        page = client.get(path, offset=5000, limit=5000).json()
        assert (page["response"], page["metadata"]["count"]) == ([], 0)


def test_the_largest_page_is_a_setting(new_database: Callable[[], str], connect: Callable[..., Client]) -> None:
    with serving(Settings(database=new_database(), page_limit=10)) as server:
        client = connect("small", to=server)

        assert client.get("/contacts").json()["metadata"]["limit"] == 10
        assert client.get("/contacts", limit=10).status_code == 200
        assert "from 1 to 10" in client.get("/contacts", limit=11).text
        described = client.http.get("/openapi.json").json()["components"]["parameters"]["limit"]["schema"]
        assert (described["maximum"], described["default"]) == (10, 10)


@pytest.mark.parametrize(("kind", "limit"), [("static", 3), ("dynamic", 5)])
def test_a_list_takes_no_more_than_its_limit(
    kind: str, limit: int, small_lists: Server, connect: Callable[..., Client]
) -> None:
    client = connect(kind, to=small_lists)
    contacts = client.create_contacts(*({"number": number} for number in NUMBERS[: limit + 2]))
    made = client.create_list(type=kind)

    first = client.add_members(made["sid"], *(contact["sid"] for contact in contacts[: limit - 1])).json()
    second = client.add_members(made["sid"], *(contact["sid"] for contact in contacts)).json()

    assert first["metadata"]["failed"] == 0
    assert [item["code"] for item in second["response"]] == [409] * (limit - 1) + [200] + [400] * 2
    assert second["response"][-1]["error_data"]["description"] == f"The list holds at most {limit} contacts."
    assert client.get(f"/lists/{made['sid']}").json()["response"]["data"]["contact_count"] == limit
