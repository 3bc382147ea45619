"""Iterators: each contact once, whatever the page size, wherever they are left, whoever joins or leaves meanwhile."""

import asyncio
import threading
from functools import partial
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialbook import AsyncClient, Client, Invalid, NotFound, NotUnderstood
from dialbook.client.course import Course
from dialbook.client.operations import list_members
from tests.client.conftest import fill
from tests.client.peer import Act, contact, ok, peer, refusal
from tests.conftest import NUMBERS


@pytest.mark.parametrize("page_size", [1, 3, 7, 8, 100, None])
def test_a_walk_meets_all_members_in_order(client: Client, page_size: int | None) -> None:
    list_sid, sids = fill(client, 7)

    assert [found.sid for found in client.iter_members(list_sid, page_size=page_size)] == sids


def test_a_walk_by_offset_meets_all_contacts_and_lists(client: Client) -> None:
    _, sids = fill(client, 7)
    client.create_lists([{"name": name} for name in ("a", "b", "c")])

    assert [found.sid for found in client.iter_contacts(page_size=3)] == sids
    assert [found.number for found in client.iter_contacts(page_size=2, sort_by="number:desc")] == NUMBERS[6::-1]
    assert [found.name for found in client.iter_lists(page_size=2)] == ["Friends", "a", "b", "c"]
    assert [found.name for found in client.iter_lists(name="frie")] == ["Friends"]


def test_a_limit_ends_a_walk(client: Client) -> None:
    list_sid, sids = fill(client, 7)

    for limit in range(9):
        assert [found.sid for found in client.iter_members(list_sid, limit=limit, page_size=3)] == sids[:limit]


def test_an_empty_list_is_walked_through_at_once(client: Client) -> None:
    (made,) = client.create_lists([{"name": "Nobody"}]).raise_for_failures()

    assert list(client.iter_members(made.sid)) == []


def test_a_walk_carries_on_from_wherever_it_was_left(client: Client) -> None:
    list_sid, sids = fill(client, 7)

    for left_after in range(8):
        walk = client.iter_members(list_sid, page_size=3)
        begun = [found.sid for found in islice(walk, left_after)]
        rest = client.iter_members(list_sid, page_size=2, position=walk.position)
        assert begun + [found.sid for found in rest] == sids, walk.position


def test_a_walk_that_has_ended_carries_on_with_who_joined_since(client: Client) -> None:
    list_sid, _ = fill(client, 7)
    (newcomer,) = client.create_contacts([{"number": NUMBERS[7]}]).raise_for_failures()
    for page_size in (3, 7, 100):
        walk = client.iter_members(list_sid, page_size=page_size)
        list(walk)
        client.add_members(list_sid, [newcomer.sid])

        assert list(client.iter_members(list_sid, page_size=page_size, position=walk.position)) == [newcomer]
        client.remove_member(list_sid, newcomer.sid)


def test_nobody_is_left_out_when_the_contact_at_the_position_has_left(client: Client) -> None:
    list_sid, sids = fill(client, 7)
    walk = client.iter_members(list_sid, page_size=5)
    begun = [found.sid for found in islice(walk, 3)]

    client.remove_member(list_sid, begun[-1])
    rest = [found.sid for found in client.iter_members(list_sid, position=walk.position)]

    assert {*begun, *rest} == set(sids)


def test_nobody_is_left_out_when_the_contact_at_the_position_has_left_and_come_back(client: Client) -> None:
    list_sid, sids = fill(client, 7)
    walk = client.iter_members(list_sid)
    begun = [found.sid for found in islice(walk, 3)]

    client.remove_member(list_sid, begun[-1])
    client.add_members(list_sid, [begun[-1]])
    rest = [found.sid for found in client.iter_members(list_sid, position=walk.position)]

    assert {*begun, *rest} == set(sids)


def test_a_position_that_no_walk_gave_is_refused(client: Client) -> None:
    broken = ("", "page=3", "offset=x", "after=1&sid=a&place=0&limit=x", "after=1&sid=a")
    for position in (*broken, *(f"in=/lists/a/contacts&{each}" for each in broken), "after=zz", "offset=0"):
        with pytest.raises(ValueError, match="is no position that a walk gave"):
            client.iter_members("a", position=position)


def test_a_position_in_another_collection_is_refused(client: Client) -> None:
    position = client.iter_members("a").position

    assert client.iter_members("a", position=position).position == position
    for walk in (client.iter_contacts, client.iter_lists, client.iter_uploads, partial(client.iter_members, "b")):
        with pytest.raises(ValueError, match="The position is one in /lists/a/contacts, not in "):
            walk(position=position)


@pytest.mark.sqlite
def test_a_position_of_a_walk_with_another_filter_or_order_is_refused(client: Client) -> None:
    list_sid, sids = fill(client, 7)
    walk = client.iter_contacts(sort_by="number:desc", list_sids=[list_sid])
    begun = [found.sid for found in islice(walk, 3)]

    rest = client.iter_contacts(list_sids=iter([list_sid]), sort_by="number:desc", position=walk.position)
    assert begun + [found.sid for found in rest] == sids[::-1]
    for other in ({}, {"sort_by": "number"}, {"sort_by": "number:desc", "name": "a"}):
        with pytest.raises(ValueError, match="a walk with another filter or order"):
            client.iter_contacts(position=walk.position, **other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a walk with another filter or order"):
        client.iter_contacts(position=client.iter_contacts().position, name="a")


@pytest.mark.sqlite
def test_a_position_does_not_tell_what_was_looked_for(client: Client) -> None:
    position = client.iter_members("a", number=NUMBERS[0], name="Meera").position

    assert NUMBERS[0][1:] not in position
    assert "Meera" not in position


def test_a_walk_with_a_number_out_of_its_bounds_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="limit must be"):
        client.iter_members("a", limit=-1)
    with pytest.raises(ValueError, match="limit must be"):
        client.iter_members("a", page_size=0)


def test_a_walk_through_no_list_is_refused(client: Client) -> None:
    with pytest.raises(NotFound):
        next(client.iter_members("0" * 32))


@pytest.mark.parametrize(("count", "page_size"), [(2000, 50), pytest.param(100_000, 500, marks=pytest.mark.sqlite)])
def test_each_member_that_stays_comes_exactly_once_while_others_join_and_leave(
    count: int, page_size: int, client: Client
) -> None:
    list_sid, sids = fill(client, count)
    others = client.create_contacts({"number": f"+919846{i:06}"} for i in range(200)).raise_for_failures()
    leaving, joining = sids[:: count // 200], [contact.sid for contact in others]
    staying = [sid for i, sid in enumerate(sids) if i % (count // 200)]
    stays, walked = set(staying), list[str]()

    def change() -> None:
        for out, into in zip(leaving, joining, strict=True):
            client.remove_member(list_sid, out)
            client.add_members(list_sid, [into])

    changing = threading.Thread(target=change)
    changing.start()
    while changing.is_alive() or not walked:
        walked = [found.sid for found in client.iter_members(list_sid, page_size=page_size)]
        assert [sid for sid in walked if sid in stays] == staying
    changing.join()


def test_by_offset_each_who_leaves_lets_no_more_than_one_be_missed(client: Client) -> None:
    _, sids = fill(client, 200)
    met: list[str] = []
    for found in client.iter_contacts(page_size=10):
        met.append(found.sid)
        if len(met) % 20 == 5:
            client.delete_contact(met[-2])
            client.create_contacts([{"number": NUMBERS[200 + len(met)]}])

    missed = set(sids) - set(met)
    assert 0 < len(missed) <= 10
    assert len(met) == len(set(met))


def test_an_asynchronous_walk_is_left_and_carried_on(url: str, client: Client) -> None:
    list_sid, sids = fill(client, 7)

    async def walk_twice() -> list[str]:
        async with AsyncClient(url) as asynchronous:
            walk = asynchronous.iter_members(list_sid, page_size=3)
            met = []
            async for found in walk:
                met.append(found.sid)
                if len(met) == 4:
                    break
            return met + [found.sid async for found in asynchronous.iter_members(list_sid, position=walk.position)]

    assert asyncio.run(walk_twice()) == sids


def test_a_server_without_cursors_is_walked_through_by_offset() -> None:
    with peer(
        ok([contact(0), contact(1)], count=2, offset=0, limit=2, total=3),
        ok([contact(2)], count=1, offset=2, limit=2, total=3),
    ) as there:
        walk = Client(there.url).iter_members("friends", page_size=2)
        assert [found.sid for found in walk] == [contact(n)["sid"] for n in range(3)]

    assert there.lines == [f"GET /lists/friends/contacts?offset={offset}&limit=2" for offset in (0, 2)]


def test_a_server_that_gives_fewer_than_asked_for_is_walked_through_to_its_end() -> None:
    with peer(*(ok([contact(n)], count=1, offset=n, limit=1, total=3) for n in range(3))) as there:
        assert len(list(Client(there.url).iter_contacts(page_size=100))) == 3


def test_a_server_that_gives_more_than_asked_for_is_no_reason_to_hand_out_more() -> None:
    pages = [ok([contact(n) for n in range(3)], offset=0, total=3)] * 2
    with peer(*pages) as there, Client(there.url) as client:
        walk = client.iter_contacts(limit=2)
        begun = [found.sid for found in walk]
        rest = [found.sid for found in client.iter_contacts(position=walk.position)]

    assert begun + rest == [contact(n)["sid"] for n in range(3)]


def test_a_server_that_goes_round_in_circles_is_left() -> None:
    same_page = ok([contact(0)], offset=0, limit=1, total=3)
    link = "HTTP/1.1 200 Told\r\nLink: </a?after=1>; rel=next"
    same_cursor = Act(same_page.sent.replace(b"HTTP/1.1 200 Told", link.encode(), 1))

    for page in (same_page, same_cursor):
        with peer(page, page) as there, Client(there.url) as client:
            walk = client.iter_members("friends", page_size=1)
            assert next(walk).sid == contact(0)["sid"]
            with pytest.raises(NotUnderstood):
                list(walk)


def test_without_a_total_a_walk_ends_at_an_empty_page() -> None:
    with peer(ok([contact(0)]), ok([contact(1)]), ok([])) as there:
        assert len(list(Client(there.url).iter_contacts())) == 2


def test_where_large_pages_are_refused_small_ones_are_asked_for() -> None:
    with peer(
        refusal(400, 1002),
        ok([contact(n) for n in range(20)], count=20, offset=0, limit=20, total=21),
        ok([contact(20)], count=1, offset=20, limit=20, total=21),
    ) as there:
        assert len(list(Client(there.url).iter_contacts())) == 21

    assert [line.partition("?")[2] for line in there.lines] == [
        "offset=0&limit=500",
        "offset=0&limit=20",
        "offset=20&limit=20",
    ]


@pytest.mark.parametrize("options", [{"page_size": 500}, {"limit": 5}])
def test_other_refusals_of_a_page_are_raised_at_once(options: Any) -> None:
    with peer(refusal(400, 1002)) as there, pytest.raises(Invalid):
        next(Client(there.url).iter_contacts(**options))


@given(st.text())
def test_any_text_is_a_position_or_is_refused(text: str) -> None:
    try:
        course = Course(lambda part: list_members("friends", part, {}), position=text)
    except ValueError:
        return
    again = Course(lambda part: list_members("friends", part, {}), position=course.position)
    assert again.position == course.position
