"""How a request changes something: the one way from a handler, of the API or of the console, to a write."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request

from dialbook.server.context import service_of
from dialbook.store.database import Tx

P = ParamSpec("P")
R = TypeVar("R")


async def make_change(request: Request, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Make a change, and return what it gives when it is durable.

    Args:
        request: who asks.
        fn: a storage function; with the rest of its arguments it is run in one transaction.

    Raises:
        DialbookError: what `fn` raises; nothing was changed then.
        Unavailable: the database cannot be used now.
    """
    return await service_of(request).db.write(fn, *args, **kwargs)
