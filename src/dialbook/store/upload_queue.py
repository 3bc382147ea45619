"""The uploads that somebody has to work on, those of all accounts together."""

from msgspec import Struct

from dialbook.store.database import Tx


class Queued(Struct, frozen=True):
    """An upload that is not at its end, and the region of its account's numbers."""

    account: str
    upload: str
    region: str


def list_queue(tx: Tx, folder: str) -> list[Queued]:
    """The uploads whose files are in a folder, those that wait longest first."""
    rows = tx.all(
        """
        SELECT q.account, q.upload, a.region
        FROM upload_queue AS q
        JOIN accounts AS a ON a.account = q.account
        WHERE q.folder = :folder
        ORDER BY q.upload
        """,
        folder=folder,
    )
    return [Queued(*row) for row in rows]


def find_under_way(tx: Tx, account: str) -> str | None:
    """The sid of an upload of the account that is not at its end, the oldest; its file may have anybody in it."""
    row = tx.one(
        "SELECT q.upload FROM upload_queue AS q WHERE q.account = :account ORDER BY q.upload LIMIT 1", account=account
    )
    return str(row[0]) if row else None


def list_waiting(tx: Tx) -> set[str]:
    """The sids of all uploads that somebody has to work on, whatever folder their files are in."""
    return {sid for (sid,) in tx.all("SELECT q.upload FROM upload_queue AS q")}


def count_elsewhere(tx: Tx, folder: str) -> int:
    """How many uploads wait whose files are in other folders."""
    row = tx.one("SELECT count(*) FROM upload_queue AS q WHERE q.folder <> :folder", folder=folder)
    return int(row[0]) if row else 0


def count_transactions(tx: Tx) -> int:
    """How many transactions PostgreSQL has seen in this database, whoever's; it counts them a second late.

    Returns:
        Their number, which only the difference to another tells something of; 0 on SQLite.
    """
    if tx.engine == "sqlite":
        return 0
    row = tx.one("SELECT d.xact_commit FROM pg_stat_database AS d WHERE d.datname = current_database()")
    return int(row[0]) if row else 0
