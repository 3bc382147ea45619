"""Which page of something a view shows, and the way to the others."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dialbook.console.page import url
from dialbook.model.page import Page, Window

SIZES = (20, 50, 100, 500)  # rows on a page
SIZE = 50
COUNTED = 10_000  # of those that match a search: of more it is said that there are more, and these can be paged through
FARTHEST = 10**12  # pages; nobody has more


class Pager(Struct, frozen=True):
    """A page that was read, and where the others are."""

    page: Page[Any]
    path: str
    query: Mapping[str, str]  # of the view, but for the page

    @property
    def number(self) -> int:
        """Which page this is, counted from 1."""
        return self.page.window.offset // self.page.window.limit + 1

    @property
    def total(self) -> int:
        """How many rows can be paged through: all, or as many as were counted."""
        count_to = self.page.window.count_to
        return self.page.total if count_to is None else min(self.page.total, count_to)

    @property
    def is_cut(self) -> bool:
        """Whether there are more."""
        return self.page.total > self.total

    @property
    def last(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // self.page.window.limit))

    @property
    def first_position(self) -> int:
        """The position of the first row, counted from 1."""
        return self.page.window.offset + 1

    @property
    def is_beyond(self) -> bool:
        """Whether there is no such page."""
        return self.number > self.last

    def to(self, number: int, below: str = "") -> str:
        """The way to a page, or to a path below it that is told which page it was."""
        return url(self.path + below, {**self.query, "page": number if number > 1 else None})


def read_window(query: Mapping[str, str], count_to: int | None = None) -> Window:
    """Read `page`, or the `position` of a row on it, both counted from 1, and `limit`; nonsense is passed over."""
    limit = _whole(query.get("limit"), SIZE)
    limit = limit if limit in SIZES else SIZE
    position = _whole(query.get("position"), 0)
    number = (position - 1) // limit + 1 if position > 0 else max(1, _whole(query.get("page"), 1))
    return Window((min(number, FARTHEST) - 1) * limit, limit, count_to=count_to)


def limit_asked(query: Mapping[str, str], window: Window) -> Mapping[str, str]:
    """The `limit` that the way to other pages keeps, if one was asked for."""
    return {"limit": str(window.limit)} if "limit" in query else {}


def _whole(given: str | None, default: int) -> int:
    digits = (given or "").replace(",", "").strip()
    return int(digits) if digits.isdecimal() and digits.isascii() and len(digits) <= 18 else default
