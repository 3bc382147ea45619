"""The calls on CSV uploads."""

from collections.abc import Callable
from functools import partial
from typing import Unpack

from dialbook.client import operations
from dialbook.client.aio.connection import AsyncConnection
from dialbook.client.aio.walk import AsyncWalk
from dialbook.client.course import Course
from dialbook.client.errors import NotOffered
from dialbook.client.fields import UploadChoices
from dialbook.client.results import Page, RejectedRow, Upload, UploadAccepted
from dialbook.client.sources import Source, sendable
from dialbook.model.errors import Forbidden, MethodNotAllowed, NotFound
from dialbook.wire.paging import DEFAULT_LIMIT

FIRST_LOOK, LAST_LOOK = 0.25, 5.0  # seconds between two looks at an upload; they double from the one to the other


class AsyncUploadCalls(AsyncConnection):
    """Uploads: contacts out of a file that join a list."""

    async def upload_csv(self, file: Source, list_name: str, **choices: Unpack[UploadChoices]) -> UploadAccepted:
        """Send a file whose contacts are to join a list.

        Args:
            file: a path, the content, or a binary file, which is sent from its beginning, as far as it goes by then.
            list_name: the list, which is made when there is none.
            choices: the `type` of a list that is made; one that is there keeps its own, and has to have this one.
                Extensions of Dialbook's: `on_duplicate="update"` fills in what the rows give, `dry_run=True` reports
                and writes nothing; with either, it is asked first whether this is Dialbook.

        Returns:
            The upload, which is worked off from then on.

        Raises:
            Invalid: the file is no CSV, or too long for the list.
            Duplicate: there is a list of this name, of another type.
            TooLarge: the file has too many bytes.
            OSError: the file cannot be read, or becomes shorter meanwhile.
            TypeError: it was opened as text.
            NotOffered: the server would pass over one of the extensions, and write the rows; nothing was sent.
            DialbookError: as every call.
        """
        with sendable(file) as content:
            operation = operations.upload_csv(content, list_name, choices)
            if choices.get("dry_run") or choices.get("on_duplicate") not in {None, "skip"}:
                await self._check_choices_are_known()
            return await self._send(operation)

    async def get_upload(self, upload_id: str) -> Upload:
        """How far an upload is.

        Raises:
            NotFound: there is no such upload.
            DialbookError: as every call.
        """
        return await self._send(operations.get_upload(upload_id))

    async def list_uploads(self, *, offset: int = 0, limit: int = DEFAULT_LIMIT) -> Page[Upload]:
        """Read one page of the uploads, newest first. An extension of Dialbook's.

        Args:
            offset: how many uploads come before it.
            limit: how many it holds at most.

        Raises:
            Invalid: a value that the server does not allow.
            DialbookError: as every call.
        """
        return await self._send(operations.list_uploads({"offset": offset, "limit": limit}))

    def iter_uploads(
        self, *, limit: int | None = None, page_size: int | None = None, position: str | None = None
    ) -> AsyncWalk[Upload]:
        """Walk through the uploads, newest first, page by page. An extension of Dialbook's.

        Args:
            limit: how many uploads are wanted, all of them when it is `None`.
            page_size: how many to ask for at once; 500, or 20 where the server refuses that, when it is `None`.
            position: where to carry on, as the `position` of an earlier walk said.

        Returns:
            An iterator, which raises what `list_uploads` raises. For each upload that begins meanwhile, one may come
            a second time.

        Raises:
            ValueError: no position that a walk gave, or a number out of its bounds.
        """
        return AsyncWalk(
            self._send, Course(operations.list_uploads, limit=limit, page_size=page_size, position=position)
        )

    async def wait_for_upload(self, upload_id: str, on_progress: Callable[[Upload], object] = lambda _: None) -> Upload:
        """Wait until an upload has ended, in whichever way.

        Args:
            upload_id: the upload.
            on_progress: is told each time how far it is, the end too.

        Returns:
            The upload, which is `completed` or `failed`.

        Raises:
            NotFound: there is no such upload.
            DialbookError: as every call.
        """
        pause = FIRST_LOOK
        while True:
            upload = await self.get_upload(upload_id)
            on_progress(upload)
            if not upload.is_running:
                return upload
            await self._sleep(pause)
            pause = min(2 * pause, LAST_LOOK)

    async def cancel_upload(self, upload_id: str) -> Upload:
        """End an upload where it stands; what it has written stays. An extension of Dialbook's.

        Raises:
            NotFound: there is no such upload.
            DialbookError: as every call.
        """
        return await self._send(operations.cancel_upload(upload_id))

    async def list_upload_errors(
        self, upload_id: str, *, offset: int = 0, limit: int = DEFAULT_LIMIT
    ) -> Page[RejectedRow]:
        """Read one page of the rows that did not get into the list. An extension of Dialbook's.

        Args:
            upload_id: the upload.
            offset: how many of them come before it.
            limit: how many it holds at most.

        Raises:
            NotFound: there is no such upload.
            Invalid: a value that the server does not allow.
            DialbookError: as every call.
        """
        return await self._send(operations.list_upload_errors(upload_id, {"offset": offset, "limit": limit}))

    def iter_upload_errors(
        self, upload_id: str, *, limit: int | None = None, page_size: int | None = None, position: str | None = None
    ) -> AsyncWalk[RejectedRow]:
        """Walk through the rows that did not get into the list, page by page. An extension of Dialbook's.

        Args:
            upload_id: the upload.
            limit: how many rows are wanted, all of them when it is `None`.
            page_size: how many to ask for at once; 500, or 20 where the server refuses that, when it is `None`.
            position: where to carry on, as the `position` of an earlier walk said.

        Returns:
            An iterator, which raises what `list_upload_errors` raises.

        Raises:
            ValueError: no position that a walk here gave, or a number out of its bounds.
        """
        course = Course(
            partial(operations.list_upload_errors, upload_id), limit=limit, page_size=page_size, position=position
        )
        return AsyncWalk(self._send, course)

    async def _check_choices_are_known(self) -> None:
        """Ask for what only Dialbook has: who has not would pass over the choices, and write."""
        try:
            await self.list_uploads(limit=1)
        except (NotFound, MethodNotAllowed):
            raise NotOffered("This server knows neither dry_run nor on_duplicate: nothing was sent.") from None
        except Forbidden as refusal:
            # Of Dialbook's to a key that may only write; a key that may do neither is refused the upload, too.
            if refusal.code != Forbidden.code:
                raise
