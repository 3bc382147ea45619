"""What becomes of a request whose key, or session, is closed while it is under way: nothing more is changed or given.

It may take half an hour to come, and its answer longer to go. In that time its key may expire or be revoked, whoever is
signed in to the console may sign out, and the account may be deleted, and another made in its name.
"""

from collections.abc import AsyncIterator, Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request

from dialbook.server.auth import unauthorized
from dialbook.server.context import service_of, still_open
from dialbook.store.database import Tx

P = ParamSpec("P")
R = TypeVar("R")


def while_open(request: Request, fn: Callable[Concatenate[Tx, P], R]) -> Callable[Concatenate[Tx, P], R]:
    """The same change, but undone and refused where the key or session that asks for it was closed meanwhile."""
    is_open, clock = still_open(request), service_of(request).clock

    @wraps(fn)
    def asked(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> R:
        result = fn(tx, *args, **kwargs)
        if not is_open(tx, now=clock()):
            raise unauthorized()
        return result

    return asked


async def sent_while_open(request: Request, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same parts of an answer, but broken off once the key or session that asks for it is closed.

    Each part has been read by the time that this is asked: nothing in it is newer than the closing.
    """
    is_open, service = still_open(request), service_of(request)
    async for part in parts:
        # A scan goes alone; a read may be lost with others, and the answer cannot be asked for again.
        if not await service.db.scan(is_open, now=service.clock()):
            raise unauthorized()
        yield part
