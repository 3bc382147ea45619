"""Contacts by a part of their name: an index of the runs of three characters (trigrams) that are in names.

PostgreSQL keeps its index by itself. On SQLite the names are a table with an FTS5 index over it, and both are written
where contacts are: by triggers, each row would cost ten times as much. The index holds rows of all accounts, so a row's
number begins with some bits of its account, and a search goes through one account's numbers alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from zlib import crc32

from dialbook.store.database import Engine, Row, Tx
from dialbook.store.selection import containing

TRIGRAM = 3  # characters
TRIGRAMS_LIMIT = 32  # that are looked up for one name

SID_BITS = 53  # of a row's number; the 10 above them are of the account
SID_MASK = (1 << SID_BITS) - 1
ACCOUNT_MASK = (1 << 63 - SID_BITS) - 1

THEIRS = "n.account = :account AND n.row BETWEEN :first_row AND :last_row"
MANY = 20_000  # names, which are forgotten one by one no sooner than the index is made anew without them

# The sids of those whose name contains what is looked for. The trigrams may stand in another order, or be of another
# account that has the same bits, so SQLite looks at each name, too.
FOUND: Mapping[Engine, str] = {
    "sqlite": r"""
    SELECT n.sid FROM name_trigrams AS t CROSS JOIN contact_names AS n
    WHERE t.name_trigrams MATCH :trigrams AND t.rowid BETWEEN :first_row AND :last_row
      AND n.account = :account AND n.row = t.rowid AND n.name LIKE :pattern ESCAPE '\'
    """,
    "postgres": r"""
    SELECT c.sid FROM contacts AS c WHERE c.account = :account AND c.search_key LIKE :pattern ESCAPE '\' OFFSET 0
    """,
}

# Those alone, to be counted. To count them up to some number PostgreSQL might go through the contacts until it has met
# so many, which takes all of them where its guess is wrong; with the book beside them it always looks them up.
FROM_FOUND: Mapping[Engine, str] = {
    "sqlite": f"FROM ({FOUND['sqlite']}) AS found",
    "postgres": f"FROM books AS b CROSS JOIN ({FOUND['postgres']}) AS found WHERE b.account = :account",
}


def is_indexed(name: str | None) -> bool:
    """Whether there is a name, long enough to be looked up; a shorter one has no trigram."""
    return name is not None and len(name.casefold()) >= TRIGRAM


def found_params(account: str, name: str) -> dict[str, object]:
    """The parameters of `FOUND`, on either engine."""
    return {
        **_rows_of(account),
        "trigrams": _all_trigrams(name.casefold()),
        "pattern": containing(name),
    }


def name_row(account: str, sid: str) -> int:
    """The number of a contact's row: bits of the account, and then the last 53 bits of the sid.

    The sids of one request count up, so its rows stand together. Those of two requests have these bits in common less
    often than once in the life of a book, and then the second is refused.
    """
    return _first_row(account) | int(sid, 16) & SID_MASK


def note_names(tx: Tx, account: str, names: Iterable[tuple[str, str | None]]) -> None:
    """Put contacts that are new, or whose name is, into the index: each a sid and a search key, if it has a name."""
    if tx.engine == "postgres":
        return
    first = _first_row(account)
    named = [(account, first | int(sid, 16) & SID_MASK, sid, name) for sid, name in names if name is not None]
    tx.insert("contact_names", ("account", "row", "sid", "name"), named)
    tx.insert("name_trigrams", ("rowid", "name"), ((row, name) for _, row, _, name in named))


def forget_names(tx: Tx, account: str, sids: Sequence[str]) -> None:
    """Take contacts out of the index."""
    if tx.engine == "postgres":
        return
    rows = [{"account": account, "row": name_row(account, sid)} for sid in sids]
    kept = tx.each("SELECT n.row, n.name FROM contact_names AS n WHERE n.account = :account AND n.row = :row", rows)
    # The index keeps no names, so that it has to be told which one to forget.
    tx.insert("name_trigrams", ("name_trigrams", "rowid", "name"), (("delete", *row) for row in kept if row))
    tx.run_each("DELETE FROM contact_names WHERE account = :account AND row = :row", rows)


def forget_all_names(tx: Tx, account: str) -> None:
    """Take all contacts of an account out of the index."""
    if tx.engine == "postgres":
        return
    rows = _rows_of(account)
    found = tx.one(f"SELECT count(*) FROM contact_names AS n WHERE {THEIRS}", **rows)
    if found is not None and found[0] > MANY:
        tx.run(f"DELETE FROM contact_names AS n WHERE {THEIRS}", **rows)
        tx.run("INSERT INTO name_trigrams (name_trigrams) VALUES ('rebuild')")
        return
    tx.run(
        f"""
        INSERT INTO name_trigrams (name_trigrams, rowid, name)
        SELECT 'delete', n.row, n.name FROM contact_names AS n WHERE {THEIRS}
        """,
        **rows,
    )
    tx.run(f"DELETE FROM contact_names AS n WHERE {THEIRS}", **rows)


def misnamed(tx: Tx, account: str) -> Sequence[Row]:
    """The sids, a row each, of contacts whose name is not noted as it is; PostgreSQL's index cannot differ."""
    if tx.engine == "postgres":
        return []
    kept = f"SELECT n.sid, n.name FROM contact_names AS n WHERE {THEIRS}"
    named = "SELECT c.sid, c.search_key FROM contacts AS c WHERE c.account = :account AND c.search_key IS NOT NULL"
    return tx.all(
        f"SELECT sid FROM ({kept} EXCEPT {named}) UNION SELECT sid FROM ({named} EXCEPT {kept})", **_rows_of(account)
    )


def _rows_of(account: str) -> dict[str, object]:
    """The account, and the first and the last of its rows' numbers."""
    first = _first_row(account)
    return {"account": account, "first_row": first, "last_row": first | SID_MASK}


def _first_row(account: str) -> int:
    return (crc32(account.encode()) & ACCOUNT_MASK) << SID_BITS


def _all_trigrams(name: str) -> str:
    """An FTS5 expression that asks for trigrams which have each character of the name in them."""
    last = len(name) - TRIGRAM
    trigrams = [name[i : i + TRIGRAM] for i in (*range(0, last, TRIGRAM), last)]
    return " AND ".join(f'"{trigram.replace(chr(34), chr(34) * 2)}"' for trigram in trigrams[:TRIGRAMS_LIMIT])
