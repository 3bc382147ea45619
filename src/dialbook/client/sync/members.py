# Built by tools/build_sync_client.py from src/dialbook/client/aio/members.py: change it there.
"""The calls on who is in a list."""

from collections.abc import Iterable
from functools import partial
from typing import Unpack

import httpx2

from dialbook.client import operations
from dialbook.client.course import Course
from dialbook.client.errors import NotOffered, trouble_as_no_answer
from dialbook.client.fields import Format, MemberFilter, MemberQuery
from dialbook.client.files import Target, Writable, head_of, line_of, whole_file
from dialbook.client.results import Contact, Page, Results
from dialbook.client.sync.connection import Connection
from dialbook.client.sync.walk import Walk
from dialbook.wire.paging import DEFAULT_LIMIT


class MemberCalls(Connection):
    """Members: contacts in a list, in the order in which they joined."""

    def add_members(self, list_sid: str, contact_sids: Iterable[str]) -> Results[Contact]:
        """Let contacts join a list, each accepted or refused on its own.

        Args:
            list_sid: the list.
            contact_sids: any number of contacts.

        Returns:
            One result for each, in order. One that is in the list already is a `Duplicate`, whose `existing` it is.

        Raises:
            NotFound: there is no such list.
            Interrupted: a request failed, or the items broke off, after others were dealt with.
            DialbookError: as every call.
        """
        return self._send_each(partial(operations.add_members, list_sid), map(operations.reference, contact_sids))

    def list_members(
        self, list_sid: str, *, offset: int = 0, limit: int = DEFAULT_LIMIT, **query: Unpack[MemberQuery]
    ) -> Page[Contact]:
        """Read one page of a list's contacts; in a dynamic list, their custom field is what the list keeps of them.

        Args:
            list_sid: the list.
            offset: how many contacts come before it.
            limit: how many it holds at most.
            query: extensions of Dialbook's: `number`, `name` and `tag`, which have to apply; `sort_by`.

        Raises:
            NotFound: there is no such list.
            ValueError: a filter is empty.
            Invalid: a value that the server does not allow.
            DialbookError: as every call.
        """
        return self._send(operations.list_members(list_sid, {"offset": offset, "limit": limit}, query))

    def iter_members(
        self,
        list_sid: str,
        *,
        limit: int | None = None,
        page_size: int | None = None,
        position: str | None = None,
        **query: Unpack[MemberQuery],
    ) -> Walk[Contact]:
        """Walk through a list's contacts: by cursor where the server offers them, so that each contact that stays
        comes exactly once, whoever joins or leaves meanwhile; else, and with `sort_by`, by offset, where each who
        leaves, or moves in the order, lets at most one be missed. Custom fields are as of `list_members`.

        Args:
            list_sid: the list.
            limit: how many contacts are wanted, all of them when it is `None`.
            page_size: how many to ask for at once; 500, or 20 where the server refuses that, when it is `None`.
            position: where to carry on, as the `position` of an earlier walk said.
            query: as of `list_members`.

        Returns:
            An iterator, which raises what `list_members` raises.

        Raises:
            ValueError: no position that a walk here gave, a number out of its bounds, or an empty filter.
        """
        course = Course(
            lambda part: operations.list_members(list_sid, part, query),
            limit=limit,
            page_size=page_size,
            position=position,
        )
        return Walk(self._send, course)

    def export_members(
        self,
        list_sid: str,
        target: Target,
        format: Format = "csv",  # noqa: A002  # what it is called everywhere
        **query: Unpack[MemberFilter],
    ) -> None:
        """Write a whole list into a file, as it comes: in one answer where the server offers that, else page by page.

        Who is selected is an extension of Dialbook's: a server that offers no exports would pass over it, and send
        everybody.

        Args:
            list_sid: the list.
            target: a path, whose file is there when it is whole, and otherwise stays as it was; or a binary file. One
                that it replaces is read by the same people after that.
            format: `"csv"`, with the columns of an upload, or `"ndjson"`, a line of JSON for each contact.
            query: `number`, `name` and `tag`, as of `list_members`.

        Raises:
            NotFound: there is no such list.
            NotOffered: a filter is given, and the server does not select; nothing was written.
            OSError: the file cannot be written.
            ValueError: there is no such format, or a filter is empty.
            DialbookError: as every call.
        """
        operation = operations.export_members(list_sid, format, query)
        answer = self._open(operation)
        try:
            is_export = answer.headers.get("content-type", "").startswith(operations.MEDIA_TYPES[format])
            if operation.query and not is_export:
                raise NotOffered("This server does not select who is exported: nothing was written.")
            with whole_file(target) as file:
                if is_export:
                    self._copy(answer, file)
                else:
                    answer.close()
                    self._write_pages(self._iter_written(list_sid), file, format)
        finally:
            answer.close()

    def remove_members(self, list_sid: str, contact_sids: Iterable[str]) -> Results[Contact]:
        """Take contacts out of a list, each on its own; they stay in the address book.

        An extension of Dialbook's: another server refuses it.

        Args:
            list_sid: the list.
            contact_sids: any number of contacts, all of which are taken before the first leaves.

        Returns:
            One result for each, in order. One that is not in the list is a `NotFound`.

        Raises:
            NotFound: there is no such list.
            Interrupted: a request failed after others were dealt with.
            DialbookError: as every call.
        """
        leaving = [operations.reference(sid) for sid in contact_sids]
        return self._send_each(partial(operations.remove_members, list_sid), leaving)

    def remove_member(self, list_sid: str, contact_sid: str) -> Contact | None:
        """Take one contact out of a list; it stays in the address book.

        Returns:
            The contact, where the server says so.

        Raises:
            NotFound: there is no such list, or the contact is not in it.
            DialbookError: as every call.
        """
        return self._send(operations.remove_member(list_sid, contact_sid))

    def _copy(self, answer: httpx2.Response, file: Writable) -> None:
        with trouble_as_no_answer():
            for piece in answer.iter_bytes():
                file.write(piece)

    def _iter_written(self, list_sid: str) -> Walk[Contact]:
        """As `iter_members`; each of them `Written`."""
        course = Course(lambda part: operations.as_written(operations.list_members(list_sid, part, {})))
        return Walk(self._send, course)

    def _write_pages(self, walk: Walk[Contact], file: Writable, format_: Format) -> None:
        file.write(head_of(format_))
        for contact in walk:
            file.write(line_of(contact, format_))
