"""The calls on contacts."""

from collections.abc import Iterable
from typing import Unpack

from dialbook.client import operations
from dialbook.client.aio.connection import AsyncConnection
from dialbook.client.aio.walk import AsyncWalk
from dialbook.client.course import Course
from dialbook.client.fields import ContactChange, ContactFields, ContactQuery, ContactRef, NewContact
from dialbook.client.names import known_items, named
from dialbook.client.results import Contact, Page, Results
from dialbook.wire.paging import DEFAULT_LIMIT


class AsyncContactCalls(AsyncConnection):
    """Contacts."""

    async def create_contacts(self, contacts: Iterable[NewContact]) -> Results[Contact]:
        """Store contacts, each accepted or refused on its own.

        Args:
            contacts: any number of them; only `number` is mandatory.

        Returns:
            One result for each, in order. A number that is taken is a `Duplicate`, whose `existing` is the contact
            that has it.

        Raises:
            TypeError: an item has a field that is not known.
            Interrupted: a request failed, or the items broke off, after others were dealt with.
            DialbookError: as every call.
        """
        items = known_items(contacts, NewContact, Contact)
        return await self._send_each(operations.create_contacts, items)

    async def update_contacts(self, changes: Iterable[ContactChange]) -> Results[Contact]:
        """Change contacts, each accepted or refused on its own.

        Args:
            changes: any number of them, all of which are taken before the first is made: the contact's `sid`, and the
                fields to change; `None` clears one. A member that a dynamic list gave has the custom field of the list,
                which would take the place of its own.

        Returns:
            One result for each, in order.

        Raises:
            TypeError: an item has a field that is not known.
            Interrupted: a request failed after others were dealt with.
            DialbookError: as every call.
        """
        items = [*known_items(changes, ContactChange, Contact)]
        return await self._send_each(operations.update_contacts, items)

    async def update_contact(self, sid: str, **fields: Unpack[ContactFields]) -> Contact:
        """Change one contact.

        Args:
            sid: the contact.
            fields: those to change; `None` clears one.

        Returns:
            The contact as it is now.

        Raises:
            NotFound: there is no such contact.
            Duplicate: another contact has the number.
            TypeError: a field is not known.
            DialbookError: as every call.
        """
        return await self._send(operations.update_contact(sid, fields))

    async def get_contact(self, sid: str) -> Contact:
        """Read one contact.

        Raises:
            NotFound: there is none with this sid.
            DialbookError: as every call.
        """
        return await self._send(operations.get_contact(sid))

    async def list_contacts(
        self, *, offset: int = 0, limit: int = DEFAULT_LIMIT, **query: Unpack[ContactQuery]
    ) -> Page[Contact]:
        """Read one page of the address book.

        Args:
            offset: how many contacts come before it.
            limit: how many it holds at most.
            query: `sort_by` a field, with `:desc` behind it from the end; a part of a `name`; `list_sids`, contacts in
                any of which are wanted; `show_lists=True` for each contact's `lists`.

        Raises:
            ValueError: `list_sids` or `name` is empty.
            TypeError: `list_sids` is a text, or a name is not known.
            Invalid: a value that the server does not allow.
            DialbookError: as every call.
        """
        return await self._send(operations.list_contacts({"offset": offset, "limit": limit}, query))

    def iter_contacts(
        self,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        position: str | None = None,
        **query: Unpack[ContactQuery],
    ) -> AsyncWalk[Contact]:
        """Walk through the address book, page by page.

        It goes by offset: each who leaves meanwhile, or moves in the order, lets at most one contact be missed.

        Args:
            limit: how many contacts are wanted, all of them when it is `None`.
            page_size: how many to ask for at once; 500, or 20 where the server refuses that, when it is `None`.
            position: where to carry on, as the `position` of an earlier walk said.
            query: as of `list_contacts`.

        Returns:
            An iterator, which raises what `list_contacts` raises.

        Raises:
            ValueError: no position that a walk here gave, a number out of its bounds, or an empty filter.
        """
        pages = operations.contact_pages(query)
        course = Course(pages, limit=limit, page_size=page_size, position=position)
        return AsyncWalk(self._send, course)

    async def delete_contacts(self, contacts: Iterable[ContactRef | Contact]) -> Results[Contact]:
        """Delete contacts for good, out of every list too, each deleted or refused on its own.

        An extension of Dialbook's: another server refuses it.

        Args:
            contacts: any number of them, all of which are taken before the first is deleted: each a contact's `sid`,
                its `number`, or both, which then have to be of one contact; or what a call gave, by its sid.

        Returns:
            One result for each, in order: the contact as it was. One that is not there is a `NotFound`.

        Raises:
            TypeError: an item has a field that is not known, or is a text.
            Interrupted: a request failed after others were dealt with.
            DialbookError: as every call.
        """
        return await self._send_each(operations.delete_contacts, named(contacts))

    async def delete_contact(self, sid: str) -> Contact | None:
        """Delete one contact for good, out of every list too.

        Returns:
            The contact as it was, where the server says so.

        Raises:
            NotFound: there is none with this sid.
            DialbookError: as every call.
        """
        return await self._send(operations.delete_contact(sid))
