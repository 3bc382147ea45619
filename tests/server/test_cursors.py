"""A walk by cursor meets each member that stays exactly once, whatever joins or leaves meanwhile."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import NUMBERS, Client

SIZE = 40


@pytest.fixture(scope="module")
def client(connect: Callable[..., Client]) -> Client:
    client = connect()
    client.create_contacts(*({"number": number} for number in NUMBERS[: 2 * SIZE]))
    return client


@pytest.fixture(scope="module")
def sids(client: Client) -> list[str]:
    return [item["data"]["sid"] for item in client.get("/contacts", limit=2 * SIZE).json()["response"]]


@pytest.fixture
def list_sid(client: Client, sids: list[str]) -> Iterator[str]:
    """A list of the first half of the contacts."""
    made = client.create_list()["sid"]
    client.add_members(made, *sids[:SIZE])
    yield made
    client.delete(f"/lists/{made}")


def walk(client: Client, list_sid: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Each page, the next one read only when it is asked for."""
    answer = client.get(f"/lists/{list_sid}/contacts", **params)
    while True:
        yield answer.json()
        if "next" not in answer.links:
            return
        path = answer.links["next"]["url"].removeprefix(f"/v2/accounts/{client.account}")
        answer = client.request("GET", path)


def shown(page: dict[str, Any]) -> list[str]:
    return [item["data"]["sid"] for item in page["response"]]


@pytest.mark.parametrize("limit", [1, 7, SIZE - 1, SIZE, SIZE + 1])
def test_the_links_lead_through_the_list(client: Client, list_sid: str, sids: list[str], limit: int) -> None:
    pages = list(walk(client, list_sid, limit=limit))

    assert [sid for page in pages for sid in shown(page)] == sids[:SIZE]
    assert [page["metadata"] for page in pages] == [
        {"count": len(shown(page)), "offset": i * limit, "limit": limit, "total": SIZE} for i, page in enumerate(pages)
    ]


def test_a_walk_begins_at_any_offset(client: Client, list_sid: str, sids: list[str]) -> None:
    pages = list(walk(client, list_sid, offset=11, limit=5))

    assert [sid for page in pages for sid in shown(page)] == sids[11:SIZE]


def test_a_link_leads_on_however_an_offset_was_written(client: Client, list_sid: str) -> None:
    page = client.request("GET", f'/lists/{list_sid}/contacts?limit=2&offs%65t=4&x=%22>&y="')
    link = page.links["next"]["url"]

    assert "offs" not in link
    assert '"' not in link
    assert client.http.get(link).status_code == 200


def test_a_link_keeps_what_else_the_query_says(client: Client, list_sid: str) -> None:
    answer = client.get(f"/lists/{list_sid}/contacts", offset=1, limit=2, colour="blue & green")

    url = answer.links["next"]["url"]
    path, _, query = url.partition("?")
    assert path == f"/v2/accounts/{client.account}/lists/{list_sid}/contacts"
    assert query.startswith("limit=2&colour=blue+%26+green&after=")
    assert "offset" not in query


@pytest.mark.parametrize("after", ["", "x", "-1", "1 ", "F", "2" + "0" * 15, "f" * 16, "1" * 17, "0x1"])
def test_what_is_no_cursor_is_refused(client: Client, list_sid: str, after: str) -> None:
    answer = client.get(f"/lists/{list_sid}/contacts", after=after)

    assert answer.status_code == 400
    assert answer.json()["response"]["error_data"]["description"].startswith("after is ")


def test_a_cursor_and_an_offset_exclude_each_other(client: Client, list_sid: str) -> None:
    answer = client.get(f"/lists/{list_sid}/contacts", after="1", offset=1)

    assert answer.status_code == 400
    assert "offset and after" in answer.json()["response"]["error_data"]["description"]


def test_past_the_end_there_is_an_empty_page(client: Client, list_sid: str) -> None:
    (page,) = walk(client, list_sid, after=f"{2**60:x}")

    assert page["metadata"] == {"count": 0, "offset": SIZE, "limit": 20, "total": SIZE}


@given(
    limit=st.integers(1, 12),
    changes=st.lists(st.lists(st.integers(0, 2 * SIZE - 1), max_size=4), max_size=SIZE),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_stays_is_met_once(client: Client, sids: list[str], limit: int, changes: list[list[int]]) -> None:
    """Between two pages some contacts join, and some leave: each number of `changes` moves one in or out."""
    list_sid = client.create_list("Walked")["sid"]
    client.add_members(list_sid, *sids[:SIZE])
    members, stayed, between = set(sids[:SIZE]), set(sids[:SIZE]), iter(changes)
    met: list[str] = []

    for page in walk(client, list_sid, limit=limit):
        met += shown(page)
        assert page["metadata"]["total"] == len(members)
        for sid in [sids[i] for i in next(between, [])]:
            if sid in members:
                client.delete(f"/lists/{list_sid}/contacts/{sid}")
            else:
                client.add_members(list_sid, sid)
            members ^= {sid}
            stayed.discard(sid)

    assert [sid for sid in sids if sid in stayed] == [sid for sid in met if sid in stayed]
    client.delete(f"/lists/{list_sid}")
