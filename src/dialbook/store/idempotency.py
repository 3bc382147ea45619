"""The answers to changes that were asked for with an `Idempotency-Key`: kept for a while, to be given again.

An answer is written in the transaction of its change: either both are there, or neither is (docs/decisions/0027).
"""

import zlib
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from msgspec import Struct, json

from dialbook.model.errors import KeyReused
from dialbook.model.moment import utc_text
from dialbook.store.books import lock_book
from dialbook.store.database import Tx

STEP = 100  # answers that are looked through or forgotten together; the largest take some 300 KB each
FASTEST = 1  # of zlib's levels: an answer to 5,000 items shrinks to an eighth in 7 ms (measured)


class KeptAnswer(Struct, frozen=True):
    """An answer as it was given first."""

    fingerprint: str  # of the request that it answers
    status: int
    headers: Mapping[str, str]
    body: bytes


class Answered(Struct, frozen=True):
    """A request whose answer is kept."""

    key: str
    moment: str


def answer_once(
    tx: Tx, account: str, key: str, fingerprint: str, answer: Callable[[Tx], KeptAnswer], *, now: datetime
) -> tuple[KeptAnswer, bool]:
    """Make a change unless it was made before, and keep its answer.

    Args:
        tx: the transaction of the change.
        account: whose key it is.
        key: what names the request.
        fingerprint: what tells it from others.
        answer: makes the change.
        now: when the request came in.

    Returns:
        The answer, and whether it was given before.

    Raises:
        KeyReused: the key names another request.
        DialbookError: what `answer` raises; nothing is kept then.
    """
    lock_book(tx, account)  # who comes with the same key at the same time waits here, and finds the answer
    kept = find_answer(tx, account, key)
    if kept is None:
        made = answer(tx)
        keep_answer(tx, account, key, made, now=now)
        return made, False
    if kept.fingerprint != fingerprint:
        raise KeyReused("Idempotency-Key was given before with another request; give each request its own.")
    return kept, True


def find_answer(tx: Tx, account: str, key: str) -> KeptAnswer | None:
    """The answer that is kept for a key."""
    row = tx.one(
        """
        SELECT i.fingerprint, i.status, i.headers, i.body FROM idempotency AS i
        WHERE i.account = :account AND i.key = :key
        """,
        account=account,
        key=key,
    )
    if row is None:
        return None
    fingerprint, status, headers, body = row
    return KeptAnswer(fingerprint, status, json.decode(headers), zlib.decompress(body))


def keep_answer(tx: Tx, account: str, key: str, answer: KeptAnswer, *, now: datetime) -> None:
    """Keep the answer to the request that a key names."""
    tx.run(
        """
        INSERT INTO idempotency (account, key, fingerprint, status, headers, body, created)
        VALUES (:account, :key, :fingerprint, :status, :headers, :body, :created)
        """,
        account=account,
        key=key,
        fingerprint=answer.fingerprint,
        status=answer.status,
        headers=json.encode(answer.headers).decode(),
        body=zlib.compress(answer.body, FASTEST),
        created=utc_text(now),
    )


def forget_answers(tx: Tx, account: str, *, before: datetime) -> int:
    """Delete answers that were given before a moment, the oldest first and at most `STEP`; return how many."""
    lock_book(tx, account)
    return tx.run(
        """
        DELETE FROM idempotency WHERE account = :account AND key IN (
            SELECT i.key FROM idempotency AS i
            WHERE i.account = :account AND i.created < :before
            ORDER BY i.created
            LIMIT :limit
        )
        """,
        account=account,
        before=utc_text(before),
        limit=STEP,
    )


def find_answers_with(tx: Tx, account: str, has_it: Callable[[str], bool]) -> list[Answered]:
    """The requests that have something, such as a contact's number or sid, in their keys or in their answers."""
    found: list[Answered] = []
    after = ""
    while rows := _read_bodies(tx, account, after):
        found += [request for request, body in rows if has_it(request.key) or has_it(body)]
        after = rows[-1][0].key
    return found


def delete_answers(tx: Tx, account: str, keys: Collection[str]) -> None:
    """Delete the answers to the requests that keys name, each of which is done once more when it is sent again."""
    lock_book(tx, account)
    tx.run_each(
        "DELETE FROM idempotency WHERE account = :account AND key = :key",
        [{"account": account, "key": key} for key in keys],
    )


def _read_bodies(tx: Tx, account: str, after: str) -> list[tuple[Answered, str]]:
    """The next requests of an account by their keys, with the bodies of their answers."""
    rows = tx.all(
        """
        SELECT i.key, i.created, i.body FROM idempotency AS i
        WHERE i.account = :account AND i.key > :after
        ORDER BY i.key
        LIMIT :limit
        """,
        account=account,
        after=after,
        limit=STEP,
    )
    return [(Answered(key, created), zlib.decompress(body).decode()) for key, created, body in rows]
