"""A pass through a collection by offset that misses nobody, whoever leaves meanwhile.

Where somebody leaves, all behind move up by one, and whoever stood at the head of the next page is passed over. So
pages overlap by one item: when the first of a page has not been met, the pass goes back until it has, twice as far each
time: who is met again does no harm. What was met and has left since is still taken for there; the total tells.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Container
from contextlib import aclosing
from typing import Generic, TypeVar

from msgspec import Struct

from dialbook.client.course import LARGE, SMALL, HasSid
from dialbook.client.errors import NotUnderstood
from dialbook.client.results import Page
from dialbook.model.errors import DialbookError

T = TypeVar("T", bound=HasSid)

ROUNDS = 3  # passes through a collection, when some leave it meanwhile

Read = Callable[[int, int], Awaitable[Page[T]]]  # a page, by its offset and limit


class Part(Struct, Generic[T], frozen=True):
    """A page of a pass: its items, where the next begins, and how many there are in all, where the server says so."""

    items: list[T]
    behind: int
    total: int | None


class Found(Struct, Generic[T], frozen=True):
    """What was met of a collection, in order, and how many there are in all, where the server says so."""

    items: list[T]
    told: int | None

    @property
    def total(self) -> int:
        """How many there are in all: as many as were met, where the server does not say."""
        return len(self.items) if self.told is None else self.told

    @property
    def is_whole(self) -> bool:
        """Whether everybody was met, and nobody who has left since."""
        return self.total == len(self.items)


async def sweep(read: Read[T], met: Container[str], offset: int = 0) -> AsyncGenerator[Part[T], None]:
    """Go through a collection from an offset on.

    Args:
        read: reads a page.
        met: the sids of all that came so far, also in an earlier pass that this one carries on; who iterates adds to
            it what each part holds, before the next is asked for.
        offset: where to begin.

    Raises:
        DialbookError: as the call that reads.
    """
    pages = _Pages(read)
    step = 1
    while True:
        page = await pages.at(offset)
        if offset and (not page.items or page.items[0].sid not in met):
            offset = max(0, offset - step)
            step *= 2
            continue
        behind = offset + len(page)
        yield Part(list(page.items), max(0, behind - 1), page.total)
        if _is_last(page, behind):
            return
        step = max(1, len(page) - 1)
        offset = behind - 1


async def read_all(read: Read[T], watch: Callable[[int, int | None], object]) -> Found[T]:
    """Read a whole collection; again, a few times, when the total says that some left it meanwhile, or were not met.

    Args:
        read: reads a page.
        watch: is told how many came so far, and how many there are in all.

    Raises:
        DialbookError: as the call that reads.
    """
    for _ in range(ROUNDS - 1):
        found = await _read_once(read, watch)
        if found.is_whole:
            return found
    return await _read_once(read, watch)


async def _read_once(read: Read[T], watch: Callable[[int, int | None], object]) -> Found[T]:
    met: dict[str, T] = {}
    total = None
    async with aclosing(sweep(read, met)) as parts:
        async for part in parts:
            for item in part.items:
                met.pop(item.sid, None)  # who left and came back stands where it was met last
                met[item.sid] = item
            total = part.total
            watch(len(met), total)
    return Found(list(met.values()), total)


class _Pages(Generic[T]):
    """Pages of 500, or of 20 where the server refuses that."""

    def __init__(self, read: Read[T]) -> None:
        self._read = read
        self._size = LARGE

    async def at(self, offset: int) -> Page[T]:
        try:
            return await self._read(offset, self._size)
        except DialbookError as refusal:
            if refusal.status != 400 or self._size == SMALL:
                raise
        self._size = SMALL
        return await self._read(offset, self._size)


def _is_last(page: Page[T], behind: int) -> bool:
    if not page.items or (page.total is not None and behind >= page.total):
        return True
    if page.total is None or len(page) > 1:
        return len(page) == 1  # nothing but what the page before ended with
    raise NotUnderstood("A page holds one item of several: pages that short cannot be gone through.", status=200)
