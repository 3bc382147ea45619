"""How a request changes something: the one way from a handler, of the API or of the console, to a write.

What is changed, or exported as a whole, is in the audit log of the account, written in the same transaction.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from dialbook.model.audit import Author, Effect, Via
from dialbook.model.errors import RETRY_SOON, OutcomeUnknown
from dialbook.server.context import account_of, key_of, now_of, service_of
from dialbook.server.idempotency import fingerprint_of, idempotency_key
from dialbook.server.meanwhile import while_open
from dialbook.server.reply import reply, reply_kept
from dialbook.store.audit import note, recorded
from dialbook.store.database import Tx
from dialbook.store.idempotency import KeptAnswer, answer_once
from dialbook.wire.envelope import Answer, to_bytes

P = ParamSpec("P")
R = TypeVar("R")

UNKNOWN = "The database was lost during the commit. Ask again with the same Idempotency-Key: nothing is done twice."


async def make_change(request: Request, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Make a change, and return what it gives when it is durable.

    Args:
        request: who asks.
        fn: a storage function; with the rest of its arguments it is run in one transaction.

    Raises:
        DialbookError: what `fn` raises; nothing was changed then.
        Unauthorized: the key, or the session, was closed meanwhile.
        Unavailable: the database cannot be used now.
    """
    change = while_open(request, recorded(fn, author_of(request)))
    return await service_of(request).db.write(change, *args, **kwargs)


async def change_and_reply(
    request: Request,
    write: Callable[[R], Answer],
    fn: Callable[Concatenate[Tx, P], R],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Response:
    """Make a change, and answer with what it gives; every handler of the API that changes something ends so.

    A request with a key is answered as the first time when it comes again, and nothing is changed then.

    Args:
        request: who asks.
        write: makes the answer of what `fn` gives.
        fn: a storage function; with the rest of its arguments it is run in one transaction.

    Raises:
        Invalid: the key is not what is allowed.
        KeyReused: it came before with another request.
        DialbookError: as `make_change`.
    """
    key = idempotency_key(request)
    if key is None:
        return reply(request, write(await make_change(request, fn, *args, **kwargs)))
    change = recorded(fn, author_of(request))
    return await _reply_once(request, key, lambda tx: write(change(tx, *args, **kwargs)))


async def make_change_once(
    request: Request,
    key: str,
    pack: Callable[[R], bytes],
    fn: Callable[Concatenate[Tx, P], R],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> bytes:
    """Make a change, unless it was made before by the same key, and return what is kept of what it gave.

    Args:
        request: who asks.
        key: what names the change, and no other; nobody can guess it.
        pack: makes what is kept of what `fn` gives.
        fn: a storage function; with the rest of its arguments it is run in one transaction.

    Raises:
        DialbookError: as `make_change`.
    """
    change = recorded(fn, author_of(request))

    def answer(tx: Tx) -> KeptAnswer:
        return KeptAnswer(key, 200, {}, pack(change(tx, *args, **kwargs)))

    kept, _ = await service_of(request).db.write(
        while_open(request, answer_once), account_of(request).sid, key, key, answer, now=now_of(request)
    )
    return kept.body


async def note_export(request: Request, action: str, *sids: str) -> None:
    """Note that somebody is about to be given a file of something; without a note nothing is given.

    Args:
        request: who asks.
        action: what is done, as the log is to name it.
        sids: what it is done with.

    Raises:
        Unauthorized: the key, or the session, was closed meanwhile.
        Unavailable: the database cannot be used now.
    """
    if request.method == "HEAD":  # nothing is given
        return
    author, effect = author_of(request), Effect(sids, succeeded=1)
    await service_of(request).db.write(while_open(request, note), account_of(request).sid, author, action, effect)


def author_of(request: Request) -> Author:
    """Who asks, as the audit log names him."""
    key = key_of(request)
    return Author(via_of(request), now_of(request), key.key if key else None, request.scope["request_id"])


def via_of(request: Request) -> Via:
    """Whether the console is asked, or the API."""
    is_console = request.scope.get("operation", "").startswith("console.")
    return Via.CONSOLE if is_console else Via.API


async def _reply_once(request: Request, key: str, change: Callable[[Tx], Answer]) -> Response:
    fingerprint = fingerprint_of(request)

    def answer(tx: Tx) -> KeptAnswer:
        made = change(tx)
        body = to_bytes(made, request.scope["request_id"], request.method)
        return KeptAnswer(fingerprint, made.http_code, made.headers, body)

    try:
        kept, is_repeated = await service_of(request).db.write(
            while_open(request, answer_once), account_of(request).sid, key, fingerprint, answer, now=now_of(request)
        )
    except OutcomeUnknown as lost:
        raise OutcomeUnknown(UNKNOWN, headers=RETRY_SOON) from lost
    return reply_kept(request, key, kept, is_repeated=is_repeated)
