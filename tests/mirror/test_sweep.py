"""A pass by offset meets everybody who stays, whoever leaves or comes between two pages."""

import asyncio
from collections.abc import Sequence
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from dialbook.client import Invalid, NotUnderstood, Page
from dialbook.mirror.order import align
from dialbook.mirror.sweep import sweep

SIZE = 5  # of a page that the server allows


class Item(Struct, frozen=True):
    sid: str


def go_through(items: list[str], leaving: Sequence[Sequence[int]], *, has_total: bool = True) -> dict[str, Item]:
    """Go through a collection; before each page some leave, and one comes."""
    new = count()
    between = iter(leaving)

    async def read(offset: int, limit: int) -> Page[Item]:
        if limit > 20:
            raise Invalid("limit is too large")
        for place in next(between, ()):
            if items:
                items.pop(place % len(items))
                items.append(f"new {next(new)}")
        part = [Item(sid) for sid in items[offset : offset + SIZE]]
        return Page(part, offset, limit, len(items) if has_total else None)

    async def run() -> dict[str, Item]:
        met: dict[str, Item] = {}
        async for part in sweep(read, met):
            met |= {item.sid: item for item in part.items}
        return met

    return asyncio.run(run())


@given(
    size=st.integers(0, 60),
    leaving=st.lists(st.lists(st.integers(0, 100), max_size=8), max_size=12),
    has_total=st.booleans(),
)
def test_everybody_who_stays_is_met(size: int, leaving: list[list[int]], has_total: bool) -> None:
    items = [f"old {n}" for n in range(size)]

    met = go_through(items, leaving, has_total=has_total)

    assert set(items) <= met.keys()


def test_a_pass_that_goes_on_behind_many_who_have_left_goes_back_in_few_requests() -> None:
    items = [f"old {n}" for n in range(1500, 3000)]
    met = {f"old {n}" for n in range(2000)}
    offsets: list[int] = []

    async def read(offset: int, limit: int) -> Page[Item]:
        offsets.append(offset)
        return Page([Item(sid) for sid in items[offset : offset + limit]], offset, limit, len(items))

    async def run() -> None:
        async for part in sweep(read, met, 1999):
            met.update(item.sid for item in part.items)

    asyncio.run(run())

    assert set(items) <= met
    assert len(offsets) < 20


def test_pages_of_one_item_are_refused() -> None:
    async def read(offset: int, limit: int) -> Page[Item]:
        return Page([Item(str(offset))], offset, limit, 3)

    async def run() -> None:
        async for _ in sweep(read, set()):
            pass

    with pytest.raises(NotUnderstood):
        asyncio.run(run())


@given(
    here=st.lists(st.sampled_from("abcdefgh"), unique=True), there=st.lists(st.sampled_from("abcdefgh"), unique=True)
)
def test_who_leaves_and_who_joins_makes_one_list_the_other(here: list[str], there: list[str]) -> None:
    leaving, joining = align(here, there)

    assert [each for each in here if each not in leaving] + joining == there


@given(there=st.lists(st.integers().map(str), unique=True), more=st.lists(st.sampled_from("abc"), unique=True))
def test_where_some_have_left_and_some_have_come_nobody_else_moves(there: list[str], more: list[str]) -> None:
    stay = [each for each in there if not each.endswith("1")]

    leaving, joining = align(there, stay + more)

    assert set(leaving) == set(there) - set(stay)
    assert joining == more
