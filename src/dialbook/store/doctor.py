"""Recounting what is kept as a figure, to see that it is still right."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from dialbook.model.calling_codes import LONGEST
from dialbook.store.contact_names import misnamed
from dialbook.store.database import Check, Row, Tx
from dialbook.store.member_blocks import BITS, LEVELS
from dialbook.store.tallies import DAY, MOMENT, count_countries

TALLIED = {
    "tag": "COALESCE(c.tag, '')",
    "made-day": f"substr(c.created, 1, {DAY})",
    "made-moment": f"substr(c.created, 1, {MOMENT})",
}

# What is sent as a contact's custom_field: its own, and what dynamic lists keep of it.
CUSTOM_FIELDS = (
    """
    SELECT c.sid, c.custom_field, c.sid, 0 FROM contacts AS c
    WHERE c.account = :account AND c.sid > :after AND c.custom_field IS NOT NULL
    ORDER BY c.sid
    LIMIT :limit
    """,
    """
    SELECT m.contact, m.variables, m.list, m.position FROM members AS m
    WHERE m.account = :account AND (m.list, m.position) > (:after, :position) AND m.variables IS NOT NULL
    ORDER BY m.list, m.position
    LIMIT :limit
    """,
)
CHUNK = 5000  # of them that are read at once
ANY_JSON = msgspec.json.Decoder(msgspec.Raw)


def recount(tx: Tx, account: str) -> list[Check]:
    """Compare an account's counters with what they count."""
    return [
        _book(tx, account),
        _days(tx, account),
        _tallies(tx, account),
        _lists(tx, account),
        _positions(tx, account),
        _blocks(tx, account),
        _reports(tx, account),
        _names(tx, account),
        _custom_fields(tx, account),
    ]


def _book(tx: Tx, account: str) -> Check:
    kept = tx.one("SELECT b.contact_count, b.list_count FROM books AS b WHERE b.account = :account", account=account)
    counted = _counted(tx, account)
    return Check(f"{account}: contacts and lists", kept == counted, f"kept {kept}, counted {counted}")


def _counted(tx: Tx, account: str) -> Row | None:
    return tx.one(
        """
        SELECT (SELECT count(*) FROM contacts AS c WHERE c.account = :account),
               (SELECT count(*) FROM lists AS l WHERE l.account = :account)
        """,
        account=account,
    )


def _days(tx: Tx, account: str) -> Check:
    kept = tx.one(
        """
        SELECT CAST(COALESCE(sum(CASE t.kind WHEN 'contacts' THEN t.live END), 0) AS bigint),
               CAST(COALESCE(sum(CASE t.kind WHEN 'lists' THEN t.live END), 0) AS bigint)
        FROM tallies AS t
        WHERE t.account = :account AND t.kind IN ('contacts', 'lists')
        """,
        account=account,
    )
    counted = _counted(tx, account)
    return Check(f"{account}: contacts and lists by day", kept == counted, f"kept {kept}, counted {counted}")


def _tallies(tx: Tx, account: str) -> Check:
    kept = tx.all(
        """
        SELECT t.kind, t.value, t.live FROM tallies AS t
        WHERE t.account = :account AND t.kind NOT IN ('contacts', 'lists')
        """,
        account=account,
    )
    of_each = "SELECT {}, count(*) FROM contacts AS c WHERE c.account = :account GROUP BY 1"
    prefixes = tx.all(of_each.format(f"substr(c.number, 1, {LONGEST})"), account=account)
    counted = {("country", *item) for item in count_countries(dict(prefixes)).items()}
    for kind, value in TALLIED.items():
        counted |= {(kind, *row) for row in tx.all(of_each.format(value), account=account)}
    wrong = Counter(kind for kind, _ in {row[:2] for row in {*kept} ^ counted})
    found = ", ".join(f"{wrong[kind]} of kind '{kind}'" for kind in ("country", *TALLIED))
    return Check(f"{account}: tallies", not wrong, f"miscounted: {found}")


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
    return Check(f"{account}: members of each list", not wrong, _named(wrong, "lists miscounted"))


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


def _blocks(tx: Tx, account: str) -> Check:
    counted = (
        f"SELECT m.list, m.position >> {BITS}, count(*) FROM members AS m WHERE m.account = :account GROUP BY 1, 2"
    )
    wrong = _miscounted(tx, account, 1, counted)
    counted = f"""
        SELECT s.list, s.block >> {BITS}, sum(s.live) FROM member_blocks AS s
        WHERE s.account = :account AND s.level = :level - 1
        GROUP BY 1, 2
    """
    for level in range(2, LEVELS + 1):
        wrong |= _miscounted(tx, account, level, counted)
    return Check(f"{account}: blocks of members", not wrong, _named(sorted(wrong), "lists with a block miscounted"))


def _reports(tx: Tx, account: str) -> Check:
    wrong = tx.all(
        """
        SELECT u.sid
        FROM uploads AS u
        LEFT JOIN upload_reports AS r ON r.account = :account AND r.upload = u.sid
        WHERE u.account = :account
        GROUP BY u.sid, u.duplicate, u.failed
        HAVING u.duplicate + u.failed <> count(r.position)
        """,
        account=account,
    )
    return Check(f"{account}: reports of uploads", not wrong, _named(wrong, "uploads with rows missing in the report"))


def _names(tx: Tx, account: str) -> Check:
    wrong = list(misnamed(tx, account))
    return Check(f"{account}: names", not wrong, _named(wrong, "contacts with another name in the index"))


def _custom_fields(tx: Tx, account: str) -> Check:
    # Looked at as the wire sends them, which is as they are: PostgreSQL 14 cannot say of a text whether it is JSON.
    wrong = [row[:1] for sql in CUSTOM_FIELDS for row in _each_row(tx, account, sql) if not _is_json(row[1])]
    return Check(f"{account}: custom fields", not wrong, _named(wrong, "contacts with one that is no JSON"))


def _each_row(tx: Tx, account: str, sql: str) -> Iterator[Row]:
    """The rows of a statement, some at a time; each ends with the key after which others come."""
    after: Row = ("", 0)
    while rows := tx.all(sql, account=account, after=after[0], position=after[1], limit=CHUNK):
        yield from rows
        after = rows[-1][-2:]


def _is_json(text: str) -> bool:
    try:
        ANY_JSON.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def _miscounted(tx: Tx, account: str, level: int, counted: str) -> set[Row]:
    """The lists, a row each, whose blocks of a level are not what is `counted` of the level below."""
    kept = "SELECT b.list, b.block, b.live FROM member_blocks AS b WHERE b.account = :account AND b.level = :level"
    params = {"account": account, "level": level}
    return {row[:1] for row in {*tx.all(kept, **params)} ^ {*tx.all(counted, **params)}}


def _named(rows: object, what: str) -> str:
    sids = [str(row[0]) for row in rows] if isinstance(rows, list) else []
    return f"{len(sids)} {what}" + (f": {', '.join(sids[:5])}" if sids else "")
