"""The address book of an account as a whole."""

from dialbook.store.database import Tx


def count_contacts(tx: Tx, account: str) -> int:
    """How many contacts are in the account's book."""
    row = tx.one("SELECT b.contact_count FROM books AS b WHERE b.account = :account", account=account)
    return row[0] if row else 0


def lock_book(tx: Tx, account: str) -> None:
    """Keep others from changing anything in the account's book until this transaction ends.

    Every change begins with it. What a change reads then stays as it is until the change is made, and two changes never
    wait for each other in a circle.
    """
    # On SQLite whoever writes has the whole file to himself.
    if tx.engine == "postgres":
        tx.one("SELECT 1 FROM books AS b WHERE b.account = :account FOR UPDATE", account=account)
