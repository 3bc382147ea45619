"""The address book of an account as a whole."""

from datetime import datetime

from dialbook.model.errors import NotFound
from dialbook.model.moment import MICROSECOND, exact_text
from dialbook.store.database import Tx


def count_contacts(tx: Tx, account: str) -> int:
    """How many contacts are in the account's book."""
    row = tx.one("SELECT b.contact_count FROM books AS b WHERE b.account = :account", account=account)
    return row[0] if row else 0


def move_contact_count(tx: Tx, account: str, difference: int) -> None:
    """Keep that count in step with contacts that were made; or deleted, by a difference below 0."""
    tx.run(
        "UPDATE books SET contact_count = contact_count + :difference WHERE account = :account",
        account=account,
        difference=difference,
    )


def lock_book(tx: Tx, account: str) -> None:
    """Keep others from changing anything in the account's book until this transaction ends.

    Every change begins with it, or with `begin_change`. What a change reads then stays as it is until the change is
    made, and two changes never wait for each other in a circle.
    """
    # On SQLite whoever writes has the whole file to himself.
    if tx.engine == "postgres":
        tx.one("SELECT 1 FROM books AS b WHERE b.account = :account FOR UPDATE", account=account)


def begin_change(tx: Tx, account: str, *, now: datetime) -> datetime:
    """Lock the account's book for a change of what is in it; return the moment that the change is to be of.

    That is `now`, but later than the change before, unless both came in the same microsecond: one that came first may
    have waited for another, or have come to a server whose clock is behind. So whoever has read all changes up to a
    moment misses none when he asks for what changed since, and what is made later sorts after it (docs/decisions/0034).

    Raises:
        NotFound: the account was deleted meanwhile.
    """
    moment = exact_text(now)
    row = tx.one(
        """
        UPDATE books SET updated = CASE WHEN updated < :moment THEN :moment ELSE updated END
        WHERE account = :account
        RETURNING updated
        """,
        account=account,
        moment=moment,
    )
    if row is None:
        raise NotFound(f"There is no account '{account}'.")
    if row[0] == moment:
        return now
    later = datetime.fromisoformat(row[0]) + MICROSECOND
    tx.run("UPDATE books SET updated = :moment WHERE account = :account", account=account, moment=exact_text(later))
    return later
