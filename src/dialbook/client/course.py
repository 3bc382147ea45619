"""The way through a collection, page by page: by cursor where one is offered, else by offset. Nothing is sent here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from dialbook.client.operations import Operation
from dialbook.client.results import Page


class HasSid(Protocol):
    """What a walk can find again."""

    @property
    def sid(self) -> str: ...


T = TypeVar("T", bound=HasSid)

LARGE, SMALL = 500, 20  # items of a page, where the caller does not say; the second where the first is refused


class Course(Generic[T]):
    """Which page comes next, and which of its items are new.

    Args:
        page_at: makes the operation that reads a page, of the part of a query that says which.
        limit: how many items to hand out, all of them when it is `None`.
        page_size: how many to ask for at once.
        position: where to begin, as `position` said it before.

    Raises:
        ValueError: the position is none that a walk gave, or a number is out of its bounds.
    """

    def __init__(
        self,
        page_at: Callable[[Mapping[str, str | int]], Operation[Page[T]]],
        *,
        limit: int | None = None,
        page_size: int | None = None,
        position: str | None = None,
    ) -> None:
        if (limit is not None and limit < 0) or (page_size is not None and page_size < 1):
            raise ValueError("limit must be 0 or more, and page_size 1 or more.")
        self._page_at = page_at
        self._left = limit
        self._size = page_size or LARGE
        self._may_shrink = page_size is None
        self._start, self._asked, self._seen = _read_position(position)
        self._is_done = False

    @property
    def position(self) -> str:
        """Where a later walk can carry on: behind the item that was handed out last.

        If that one has left the collection by then, those of its page come again; none is left out.
        """
        seen = {"limit": self._asked, "seen": self._seen} if self._seen else {}
        return urlencode({**self._start, **seen})

    def next_page(self) -> Operation[Page[T]] | None:
        """The request for the next page; `None` at the end."""
        if self._is_done or self._left == 0:
            return None
        if not self._seen:
            self._asked = self._size if self._left is None else min(self._size, self._left)
        return self.page()

    def page(self) -> Operation[Page[T]]:
        """The request for the page that the course is at."""
        return self._page_at({**self._start, "limit": self._asked})

    def shrink(self) -> bool:
        """Ask for smaller pages from now on, if that may help against a refusal."""
        if not self._may_shrink or self._asked <= SMALL:
            return False
        self._size = self._asked = SMALL
        return True

    def through(self, page: Page[T]) -> Iterator[T]:
        """The items of the page that are new; behind the last one the course moves on."""
        for item in self._unseen(page.items):
            if self._left == 0:
                return
            self._seen = item.sid
            if self._left is not None:
                self._left -= 1
            yield item
        self._move_on(page)

    def _unseen(self, items: Sequence[T]) -> Sequence[T]:
        places = [place for place, item in enumerate(items) if item.sid == self._seen] if self._seen else []
        return items[places[0] + 1 :] if places else items

    def _move_on(self, page: Page[T]) -> None:
        if page.cursor is not None:
            self._start, self._seen = {"after": page.cursor}, None
        elif "after" in self._start or self._ends_with(page):
            self._is_done = True
        else:
            self._start, self._seen = {"offset": self._offset_behind(page)}, None

    def _ends_with(self, page: Page[T]) -> bool:
        # A page may be shorter than what was asked for, so that only the total tells; without one, an empty page.
        return not page.items or (page.total is not None and self._offset_behind(page) >= page.total)

    def _offset_behind(self, page: Page[T]) -> int:
        return int(self._start["offset"]) + len(page.items)


def _read_position(position: str | None) -> tuple[Mapping[str, str | int], int, str | None]:
    """Where to begin, the size of the first page, and the item that was handed out last."""
    if position is None:
        return {"offset": 0}, LARGE, None
    given = dict(parse_qsl(position))
    offset, after, limit = given.get("offset", ""), given.get("after"), given.get("limit", str(LARGE))
    if not limit.isdecimal() or not (after or offset.isdecimal()):
        raise ValueError(f"{position!r} is no position that a walk gave.")
    return {"after": after} if after else {"offset": int(offset)}, int(limit), given.get("seen")
