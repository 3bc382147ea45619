"""Where a list begins and ends, at the cost of a few look-ups."""

from msgspec import Struct

from dialbook.store.database import Tx
from dialbook.store.lists import not_found


class Ends(Struct, frozen=True):
    """How long a list is, where its positions begin and end, and when its first and its last member joined."""

    count: int
    next_position: int
    first_position: int = 0
    first_joined: str = ""
    last_joined: str = ""


def ends_of(tx: Tx, account: str, list_sid: str) -> Ends:
    """The ends of a list.

    Raises:
        NotFound: the account has no such list.
    """
    row = tx.one(
        """
        SELECT l.contact_count, l.next_position,
               (SELECT m.position FROM members AS m WHERE m.account = :account AND m.list = :list
                ORDER BY m.position LIMIT 1),
               (SELECT m.joined FROM members AS m WHERE m.account = :account AND m.list = :list
                ORDER BY m.position LIMIT 1),
               (SELECT m.joined FROM members AS m WHERE m.account = :account AND m.list = :list
                ORDER BY m.position DESC LIMIT 1)
        FROM lists AS l
        WHERE l.account = :account AND l.sid = :list
        """,
        account=account,
        list=list_sid,
    )
    if row is None:
        raise not_found(list_sid)
    return Ends(*row) if row[0] else Ends(*row[:2])
