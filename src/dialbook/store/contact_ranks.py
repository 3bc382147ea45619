"""Where contacts stand in the order in which they were made, by tallies of the days and moments at which they were.

Of each book there are few days, and of each day few moments: so the moment of the contact at any offset is found by
adding up some thousand tallies at most, and only contacts of that moment are passed over.
"""

from msgspec import Struct

from dialbook.store.database import Tx


class Moment(Struct, frozen=True):
    """A moment at which contacts were made."""

    beginning: str  # of their date of creation
    before: int  # contacts that were made at earlier moments


def moment_at(tx: Tx, account: str, offset: int) -> Moment:
    """The moment at which the contact at an offset was made, or the last one before it; there is a contact in the book.

    Args:
        offset: how many contacts go before it, of all, in the order in which they were made.
    """
    (row,) = tx.all(
        """
        WITH days AS (
            SELECT t.value, sum(t.live) OVER (ORDER BY t.value) - t.live AS earlier
            FROM tallies AS t
            WHERE t.account = :account AND t.kind = 'made-day'
        ),
        day AS (
            SELECT value, earlier FROM days WHERE earlier <= :offset ORDER BY earlier DESC LIMIT 1
        ),
        moments AS (
            SELECT t.value, day.earlier + sum(t.live) OVER (ORDER BY t.value) - t.live AS earlier
            FROM day
            CROSS JOIN tallies AS t
            WHERE t.account = :account AND t.kind = 'made-moment'
              AND t.value BETWEEN day.value || 'T' AND day.value || 'T24'
        )
        SELECT value, CAST(earlier AS bigint) FROM moments WHERE earlier <= :offset ORDER BY earlier DESC LIMIT 1
        """,
        account=account,
        offset=offset,
    )
    return Moment(*row)
