"""The server's side: an account whose custom fields come as they were written."""

from typing import Unpack, cast
from urllib.parse import urlsplit

from dialbook.client import AsyncClient, Page, operations
from dialbook.client.address import HOSTS
from dialbook.client.fields import ContactQuery
from dialbook.client.operations import as_written
from dialbook.client.results import Written


class Server(AsyncClient):
    """An account on a server."""

    @property
    def tells_joining(self) -> bool:
        """Whether a list's date moves when contacts join and leave: of the public service it is not known."""
        return urlsplit(self._url).hostname not in HOSTS.values()

    async def contact(self, sid: str) -> Written:
        """As `get_contact`."""
        return cast(Written, await self._send(as_written(operations.get_contact(sid))))

    async def contacts(self, offset: int, limit: int, **query: Unpack[ContactQuery]) -> Page[Written]:
        """As `list_contacts`."""
        asked = operations.list_contacts({"offset": offset, "limit": limit}, query)
        return cast(Page[Written], await self._send(as_written(asked)))

    async def members(self, list_sid: str, offset: int, limit: int) -> Page[Written]:
        """As `list_members`."""
        asked = operations.list_members(list_sid, {"offset": offset, "limit": limit}, {})
        return cast(Page[Written], await self._send(as_written(asked)))
