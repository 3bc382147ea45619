"""Recounting what is kept as a figure, to see that it is still right."""

from dialbook.store.database import Check, Tx


def recount(tx: Tx, account: str) -> list[Check]:
    """Compare an account's counters with what they count."""
    return [_book(tx, account), _lists(tx, account), _positions(tx, account)]


def _book(tx: Tx, account: str) -> Check:
    kept = tx.one("SELECT b.contact_count, b.list_count FROM books AS b WHERE b.account = :account", account=account)
    counted = tx.one(
        """
        SELECT (SELECT count(*) FROM contacts AS c WHERE c.account = :account),
               (SELECT count(*) FROM lists AS l WHERE l.account = :account)
        """,
        account=account,
    )
    return Check(f"{account}: contacts and lists", kept == counted, f"kept {kept}, counted {counted}")


def _lists(tx: Tx, account: str) -> Check:
    wrong = tx.all(
        """
        SELECT l.sid
        FROM lists AS l
        LEFT JOIN members AS m ON m.account = :account AND m.list = l.sid
        WHERE l.account = :account
        GROUP BY l.sid, l.contact_count
        HAVING l.contact_count <> count(m.contact)
        """,
        account=account,
    )
    return Check(f"{account}: members of each list", not wrong, _named(wrong, "lists with a wrong count"))


def _positions(tx: Tx, account: str) -> Check:
    wrong = tx.all(
        """
        SELECT DISTINCT l.sid
        FROM lists AS l
        JOIN members AS m ON m.account = :account AND m.list = l.sid
        WHERE l.account = :account AND m.position >= l.next_position
        """,
        account=account,
    )
    return Check(f"{account}: positions", not wrong, _named(wrong, "lists with a member past the last position"))


def _named(rows: object, what: str) -> str:
    sids = [str(row[0]) for row in rows] if isinstance(rows, list) else []
    return f"{len(sids)} {what}" + (f": {', '.join(sids[:5])}" if sids else "")
