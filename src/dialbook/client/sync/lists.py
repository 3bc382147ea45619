# Built by tools/build_sync_client.py from src/dialbook/client/aio/lists.py: change it there.
"""The calls on lists."""

from collections.abc import Iterable
from typing import Unpack

from dialbook.client import operations
from dialbook.client.course import Course
from dialbook.client.fields import ListChange, ListFields, ListQuery, NewList
from dialbook.client.names import known_items
from dialbook.client.results import ContactList, Page, Results
from dialbook.client.sync.connection import Connection
from dialbook.client.sync.walk import Walk
from dialbook.wire.paging import DEFAULT_LIMIT


class ListCalls(Connection):
    """Lists."""

    def create_lists(self, lists: Iterable[NewList]) -> Results[ContactList]:
        """Make lists, each accepted or refused on its own.

        Args:
            lists: any number of them; only `name` is mandatory.

        Returns:
            One result for each, in order. A name that is taken is a `Duplicate`.

        Raises:
            TypeError: an item has a field that is not known.
            Interrupted: a request failed, or the items broke off, after others were dealt with.
            DialbookError: as every call.
        """
        items = known_items(lists, NewList, ContactList)
        return self._send_each(operations.create_lists, items)

    def update_lists(self, changes: Iterable[ListChange]) -> Results[ContactList]:
        """Change lists, each accepted or refused on its own.

        Args:
            changes: any number of them, all of which are taken before the first is made: the list's `sid`, and the
                fields to change.

        Returns:
            One result for each, in order.

        Raises:
            TypeError: an item has a field that is not known.
            Interrupted: a request failed after others were dealt with.
            DialbookError: as every call.
        """
        items = [*known_items(changes, ListChange, ContactList)]
        return self._send_each(operations.update_lists, items)

    def update_list(self, sid: str, **fields: Unpack[ListFields]) -> ContactList:
        """Change one list.

        Args:
            sid: the list.
            fields: `name` and `tag`, those that are to change.

        Returns:
            The list as it is now.

        Raises:
            NotFound: there is no such list.
            Duplicate: another list has the name.
            TypeError: a field is not known.
            DialbookError: as every call.
        """
        return self._send(operations.update_list(sid, fields))

    def get_list(self, sid: str) -> ContactList:
        """Read one list.

        Raises:
            NotFound: there is none with this sid.
            DialbookError: as every call.
        """
        return self._send(operations.get_list(sid))

    def list_lists(
        self, *, offset: int = 0, limit: int = DEFAULT_LIMIT, **query: Unpack[ListQuery]
    ) -> Page[ContactList]:
        """Read one page of the lists.

        Args:
            offset: how many lists come before it.
            limit: how many it holds at most.
            query: `sort_by` a field, with `:desc` behind it from the end; a part of a `name`.

        Raises:
            ValueError: the `name` is empty.
            Invalid: a value that the server does not allow.
            DialbookError: as every call.
        """
        return self._send(operations.list_lists({"offset": offset, "limit": limit}, query))

    def iter_lists(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        position: str | None = None,
        **query: Unpack[ListQuery],
    ) -> Walk[ContactList]:
        """Walk through the lists, page by page.

        Args:
            limit: how many lists are wanted, all of them when it is `None`.
            page_size: how many to ask for at once; 500, or 20 where the server refuses that, when it is `None`.
            position: where to carry on, as the `position` of an earlier walk said.
            query: as of `list_lists`.

        Returns:
            An iterator, which raises what `list_lists` raises.

        Raises:
            ValueError: no position that a walk here gave, a number out of its bounds, or an empty filter.
        """
        course = Course(
            lambda part: operations.list_lists(part, query), limit=limit, page_size=page_size, position=position
        )
        return Walk(self._send, course)

    def delete_list(self, sid: str) -> ContactList | None:
        """Delete one list; its contacts stay in the address book.

        Returns:
            The list as it was, where the server says so.

        Raises:
            NotFound: there is none with this sid.
            DialbookError: as every call.
        """
        return self._send(operations.delete_list(sid))
