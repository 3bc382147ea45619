# Built by tools/build_sync_client.py from src/dialbook/client/aio/walk.py: change it there.
"""A walk through a collection, which asks for a page when the one before it is used up."""

from collections.abc import Callable, Iterator
from typing import Generic, Self

from dialbook.client.course import Course, T
from dialbook.client.operations import Operation
from dialbook.client.results import Page
from dialbook.model.errors import DialbookError

_NONE = object()


class Walk(Generic[T]):
    """An iterator over all of a collection. It holds nothing open between pages, so that it may be left anywhere."""

    def __init__(self, send: Callable[[Operation[Page[T]]], Page[T]], course: Course[T]) -> None:
        self._send = send
        self._course = course
        self._items: Iterator[T] = iter(())

    @property
    def position(self) -> str:
        """Where a later walk can carry on: behind the item that came last, also after the end.

        A contact that leaves the list before then may make some before it come again; none is left out.
        """
        return self._course.position

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        while (item := next(self._items, _NONE)) is _NONE:
            operation = self._course.next_page()
            if operation is None:
                raise StopIteration
            self._items = self._course.through(self._read(operation))
        return item  # type: ignore[return-value]  # it is none but theirs

    def _read(self, operation: Operation[Page[T]]) -> Page[T]:
        try:
            return self._send(operation)
        except DialbookError as refusal:
            if refusal.status != 400 or not self._course.shrink():
                raise
        return self._send(self._course.page())
