"""One page of something longer."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

NEAR = 1000  # items, which take a few milliseconds


class Window(Struct, frozen=True):
    """Which items are asked for: `limit` of them from the `offset`-th on, counted from 0, or after a position."""

    offset: int
    limit: int
    after: int | None = None  # a position in the collection's order, in place of an offset
    count_to: int | None = None  # a total above it need say no more than that there are more; None: it is exact

    @property
    def is_short(self) -> bool:
        """Whether reading its items is quick, once it is known where they are."""
        return self.limit <= NEAR

    @property
    def is_near(self) -> bool:
        """Whether walking to its end from the start of the order is quick."""
        return self.offset + self.limit <= NEAR


class Page(Struct, Generic[T], frozen=True):
    """The items in a window, and how many there are in all, seen at one moment."""

    items: Sequence[T]
    window: Window
    total: int
    last: int | None = None  # the position of the last item, where items have positions
    version: int = 0  # of the list that this is a page of


class Sort(Struct, frozen=True):
    """An order: a field that the store knows, and a direction. Ties go by sid."""

    field: str
    descending: bool = False

    @property
    def reverse(self) -> "Sort":
        """The same from its other end."""
        return Sort(self.field, not self.descending)
