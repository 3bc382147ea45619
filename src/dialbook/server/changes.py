"""How a request changes something: the one way from a handler, of the API or of the console, to a write."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from dialbook.server.context import service_of
from dialbook.server.reply import reply
from dialbook.store.database import Tx
from dialbook.wire.envelope import Answer

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


async def change_and_reply(
    request: Request,
    write: Callable[[R], Answer],
    fn: Callable[Concatenate[Tx, P], R],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Response:
    """Make a change, and answer with what it gives; every handler of the API that changes something ends so.

    Args:
        request: who asks.
        write: makes the answer of what `fn` gives.
        fn: a storage function; with the rest of its arguments it is run in one transaction.

    Raises:
        DialbookError: as `make_change`.
    """
    return reply(request, write(await make_change(request, fn, *args, **kwargs)))
