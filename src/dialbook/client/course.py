"""The way through a collection, page by page: by cursor where one is offered, else by offset. Nothing is sent here."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct, structs

from dialbook.client.errors import NotUnderstood
from dialbook.client.operations import Operation
from dialbook.client.results import Page


class HasSid(Protocol):
    """What a walk can find again."""

    @property
    def sid(self) -> str: ...


T = TypeVar("T", bound=HasSid)

LARGE, SMALL = 500, 20  # items of a page, where the caller does not say; the second where the first is refused


class Mark(Struct, frozen=True):
    """The item that was handed out last: its sid, its place in its page, and how many that page was asked to hold."""

    sid: str
    place: int
    limit: int


class Course(Generic[T]):
    """Which page comes next, and which of its items are new.

    Args:
        page_at: makes the operation that reads a page, of the part of a query that says which.
        limit: how many items to hand out, all of them when it is `None`.
        page_size: how many to ask for at once.
        position: where to begin, as `position` said it before.

    Raises:
        ValueError: the position is none that a walk through the same collection, with the same query, gave, or a number
            is out of its bounds.
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
        self._collection = _collection_of(page_at({}))
        self._start, self._mark = _read_position(position, self._collection)
        self._is_done = False

    @property
    def position(self) -> str:
        """Where a later walk can carry on: behind the item that was handed out last.

        If that one has left the collection by then, those of its page come again; none is left out.
        """
        mark = self._mark
        return urlencode({**self._collection, **self._start, **(structs.asdict(mark) if mark else {})})

    def next_page(self) -> Operation[Page[T]] | None:
        """The request for the next page; `None` at the end."""
        return None if self._is_done or self._left == 0 else self.page()

    def page(self) -> Operation[Page[T]]:
        """The request for the page that the course is at."""
        return self._page_at({**self._start, "limit": self._wanted})

    def shrink(self) -> bool:
        """Ask for smaller pages from now on, if that may help against a refusal."""
        if not self._may_shrink or self._wanted <= SMALL:
            return False
        self._size, self._mark = SMALL, None
        return True

    def through(self, page: Page[T]) -> Iterator[T]:
        """The items of the page that are new; behind the last one the course moves on.

        Raises:
            NotUnderstood: it is not the page that was asked for, or leads to itself.
        """
        self._check(page)
        limit = self._wanted
        for place in range(self._first_new(page), len(page)):
            if self._left == 0:
                return
            item = page.items[place]
            self._mark = Mark(item.sid, place, limit)
            if self._left is not None:
                self._left -= 1
            yield item
        self._move_on(page)

    @property
    def _wanted(self) -> int:
        if self._mark:
            return self._mark.limit  # so that the marked one is in the page
        return self._size if self._left is None else min(self._size, self._left)

    def _check(self, page: Page[T]) -> None:
        if page.cursor is not None and page.cursor == self._start.get("after"):
            raise NotUnderstood("The page leads to itself as the next one.", status=200)
        if page.offset is not None and page.offset != self._start.get("offset", page.offset):
            raise NotUnderstood(f"The page begins at {page.offset}; asked for was {self._start['offset']}.", status=200)

    def _first_new(self, page: Page[T]) -> int:
        if not self._mark:
            return 0
        # Others can only have left before it. Further behind it stands when it has left and come back.
        sids = [item.sid for item in page.items[: self._mark.place + 1]]
        return sids.index(self._mark.sid) + 1 if self._mark.sid in sids else 0

    def _move_on(self, page: Page[T]) -> None:
        if page.cursor is not None:
            self._start, self._mark = {"after": page.cursor}, None
        elif "after" in self._start or self._ends_with(page):
            self._is_done = True
        else:
            self._start, self._mark = {"offset": self._offset_behind(page)}, None

    def _ends_with(self, page: Page[T]) -> bool:
        # A page may be shorter than what was asked for, so that only the total tells; without one, an empty page.
        return not page.items or (page.total is not None and self._offset_behind(page) >= page.total)

    def _offset_behind(self, page: Page[T]) -> int:
        return int(self._start["offset"]) + len(page.items)


def _collection_of(operation: Operation[Page[T]]) -> Mapping[str, str]:
    if not operation.query:
        return {"in": operation.path}
    # A digest, since a position is a text to keep, and a filter may be somebody's name or number.
    digest = sha256(ascii(sorted(operation.query.items())).encode()).hexdigest()
    return {"in": operation.path, "query": digest[:16]}


def _read_position(position: str | None, collection: Mapping[str, str]) -> tuple[Mapping[str, str | int], Mark | None]:
    if position is None:
        return {"offset": 0}, None
    given = dict(parse_qsl(position))
    try:
        start = {"after": given["after"]} if "after" in given else {"offset": int(given["offset"])}
        mark = Mark(given["sid"], int(given["place"]), int(given["limit"])) if "sid" in given else None
        of = given["in"]
    except (KeyError, ValueError):
        raise ValueError(f"{position!r} is no position that a walk gave.") from None
    if of != collection["in"]:  # where it would lead to the end, or anywhere
        raise ValueError(f"The position is one in {of}, not in {collection['in']}.")
    if given.get("query") != collection.get("query"):
        raise ValueError("The position is one of a walk with another filter or order.")
    return start, mark
