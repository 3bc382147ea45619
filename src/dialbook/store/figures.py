"""How much there is, of all accounts together."""

from msgspec import Struct

from dialbook.store.accounts import list_accounts
from dialbook.store.database import Tx

SIZES = {
    "sqlite": "SELECT c.page_count * s.page_size FROM pragma_page_count AS c, pragma_page_size AS s",
    "postgres": "SELECT pg_database_size(current_database())",
}


class Figures(Struct, frozen=True):
    """How much there is; the size in bytes."""

    accounts: int
    contacts: int
    lists: int
    uploads: int  # that are not at their end
    size: int


def read_figures(tx: Tx) -> Figures:
    """How much there is now."""
    accounts = list_accounts(tx)
    ((uploads,),) = tx.all("SELECT count(*) FROM upload_queue AS q")
    ((size,),) = tx.all(SIZES[tx.engine])
    return Figures(
        accounts=len(accounts),
        contacts=sum(each.contact_count or 0 for each in accounts),
        lists=sum(each.list_count or 0 for each in accounts),
        uploads=uploads,
        size=int(size),
    )
