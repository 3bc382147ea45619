"""The server's side: an account whose custom fields come as they were written."""

from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from msgspec import Raw, structs

from dialbook.client import AsyncClient, Contact, Page, operations
from dialbook.client.answers import Answer, read_one, read_page
from dialbook.client.fields import ContactQuery

T = TypeVar("T")


class Written(Contact, frozen=True, gc=False):
    """A contact with its custom field as text: a number that is read and written anew might be another."""

    custom_field: Raw = Raw(b"null")

    def __post_init__(self) -> None:
        super().__post_init__()
        bytes(self.custom_field).decode()  # a ValueError where it is none, which is one for the whole answer


class Server(AsyncClient):
    """An account on a server."""

    async def contact(self, sid: str) -> Written:
        """As `get_contact`."""
        return await self._send(_written(operations.get_contact(sid), read_one))

    async def contacts(self, offset: int, limit: int, **query: Unpack[ContactQuery]) -> Page[Written]:
        """As `list_contacts`."""
        return await self._send(
            _written(operations.list_contacts({"offset": offset, "limit": limit}, query), read_page)
        )

    async def members(self, list_sid: str, offset: int, limit: int) -> Page[Written]:
        """As `list_members`."""
        asked = operations.list_members(list_sid, {"offset": offset, "limit": limit}, {})
        return await self._send(_written(asked, read_page))


def _written(asked: operations.Operation[Any], read: Callable[[Answer, type[Written]], T]) -> operations.Operation[T]:
    return structs.replace(asked, read=lambda answer: read(answer, Written))
