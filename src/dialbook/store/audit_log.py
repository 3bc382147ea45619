"""Reading the audit log: looking for entries, and going along a chain to see that all of it is as it was written."""

from collections.abc import Iterator

from msgspec import Struct

from dialbook.model.audit import NOBODY, Entry, Head, has_sid
from dialbook.store.accounts import list_account_sids
from dialbook.store.audit import PRUNE
from dialbook.store.database import Row, Tx

CHUNK = 500  # entries that are read at once
FIRST, LAST = "", "~"  # before and after every moment, as text

NO_ENDS = Head(0, ""), Head(0, "")  # of a chain that has not begun

# Actions that leave contacts, lists and members as they are. One that is not named here counts as a change of them.
HARMLESS = (
    *("create_key", "update_key", "revoke_key", "seal_keys", "open_session", "forget_upload", PRUNE),
    *("export_members", "export_report", "export_selection", "export_subject"),
)

# The columns of an entry, in the order of its fields.
COLUMNS = ", ".join(f"e.{name}" for name in Entry.__struct_fields__)


class Wanted(Struct, frozen=True):
    """Which entries of a log: all, or those to which each condition applies that is given."""

    key: str | None = None
    action: str | None = None
    sid: str | None = None  # they touched it
    since: str = FIRST  # a moment, as text
    until: str = LAST  # a moment, which is left out itself


class Verified(Struct, frozen=True):
    """What somebody found who went along a chain."""

    account: str
    entries: int
    head: Head  # where it ends
    pruned: int  # entries that are not there any more, and need not be
    broken: str | None  # the first place at which it is not what was written, in words


def list_chains(tx: Tx) -> list[str]:
    """The accounts that have a chain, in order; some of them may be gone."""
    return [row[0] for row in tx.all("SELECT h.account FROM audit_chains AS h ORDER BY h.account")]


def list_logs(tx: Tx) -> list[str]:
    """The accounts that have a log, or whose log is lost, in order: all that there are, and those of which any is kept.

    It reads through all entries.
    """
    entries = tx.all("SELECT DISTINCT e.account FROM audit_entries AS e")
    return sorted({*list_account_sids(tx), *list_chains(tx), *(row[0] for row in entries)})


def has_log(tx: Tx, account: str) -> bool:
    """Whether anything is kept of the log of an account, which may be gone."""
    row = tx.one(
        """
        SELECT 1 FROM audit_chains AS h WHERE h.account = :account
        UNION ALL
        SELECT 1 FROM audit_entries AS e WHERE e.account = :account
        LIMIT 1
        """,
        account=account,
    )
    return row is not None


def list_actions(tx: Tx, account: str) -> list[str]:
    """What an account's log has entries of, in order. It reads through all of them."""
    rows = tx.all(
        "SELECT DISTINCT e.action FROM audit_entries AS e WHERE e.account = :account ORDER BY e.action",
        account=account,
    )
    return [action for (action,) in rows]


def find_entries(tx: Tx, account: str, wanted: Wanted, limit: int | None = None) -> list[Entry]:
    """Entries of an account, newest first: as many as the limit allows, or all."""
    found: list[Entry] = []
    for entry in _newest_first(tx, account, wanted):
        if wanted.sid is None or has_sid(entry.touched, wanted.sid):
            found.append(entry)
            if len(found) == limit:
                break
    return found


def read_head(tx: Tx, account: str) -> Head:
    """Where a chain ends now."""
    return (_ends(tx, account) or NO_ENDS)[1]


def was_changed(tx: Tx, account: str, since: Head, but_for: str) -> bool:
    """Whether anybody may have changed an account's contacts, lists or members since a place in its chain.

    Args:
        tx: the transaction.
        account: whose chain.
        since: the place. When it is not in the chain, the book is another one, or it is too long ago to say.
        but_for: the id of requests that do not count.
    """
    start, end = _ends(tx, account) or NO_ENDS
    if since.number < start.number or since not in {start, end, _head_at(tx, account, since.number)}:
        return True
    rows = tx.all(
        """
        SELECT DISTINCT e.action FROM audit_entries AS e
        WHERE e.account = :account AND e.number > :number
        AND e.refusal IS NULL AND (e.request IS NULL OR e.request <> :but_for)
        """,
        account=account,
        number=since.number,
        but_for=but_for,
    )
    return any(action not in HARMLESS for (action,) in rows)


def verify_chain(tx: Tx, account: str, kept: Head | None = None) -> Verified:
    """Go along a chain from its beginning, and compare each entry with its hash, and the end with what is kept of it.

    Args:
        account: whose chain.
        kept: a place in it that was written down before, which has to be in it as it was.
    """
    ends = _ends(tx, account)
    start, end = ends or NO_ENDS
    count, broken = 0, None if ends else _say_lost(tx, account)
    place, pruned = start, "" if start.number == 0 else None
    for entry, kept_hash in _oldest_first(tx, account):
        count += 1
        broken = broken or _compare(place, entry, kept_hash, kept)
        place = Head(entry.number, kept_hash)
        pruned = entry.touched if entry.action == PRUNE else pruned
    return Verified(account, count, place, start.number, broken or _compare_ends(place, end, start, pruned, kept))


def _say_lost(tx: Tx, account: str) -> str | None:
    """What is wrong with a log of which it is not kept where it ends; that of nobody may not have begun."""
    if has_log(tx, account):
        return "where it ends is not kept any more"
    return None if account == NOBODY else "all of it is missing"


def _ends(tx: Tx, account: str) -> tuple[Head, Head] | None:
    """Where a chain begins, and where it ends; None where neither is kept."""
    row = tx.one(
        "SELECT h.pruned, h.pruned_hash, h.number, h.hash FROM audit_chains AS h WHERE h.account = :account",
        account=account,
    )
    return (Head(*row[:2]), Head(*row[2:])) if row else None


def _head_at(tx: Tx, account: str, number: int) -> Head | None:
    row = tx.one(
        "SELECT e.number, e.hash FROM audit_entries AS e WHERE e.account = :account AND e.number = :number",
        account=account,
        number=number,
    )
    return Head(*row) if row else None


def _compare(place: Head, entry: Entry, hash_: str, kept: Head | None) -> str | None:
    """What is wrong with the entry that comes after a place in the chain."""
    if entry.number != place.number + 1:
        return f"entry {place.number + 1} is missing"
    if entry.hash(place.hash) != hash_:
        return f"entry {entry.number} is not what was written"
    if kept and kept.number == entry.number and kept.hash != hash_:
        return f"entry {entry.number} is another than the one that was written down"
    return None


def _compare_ends(place: Head, end: Head, start: Head, pruned: str | None, kept: Head | None) -> str | None:
    """What is wrong with the ends of a chain in which each entry follows the one before it."""
    if start.number and pruned != str(start):
        return f"no entry says that those up to entry {start.number} were pruned"
    if kept and kept.number == start.number and kept.hash != start.hash:
        return f"entry {kept.number} is another than the one that was written down"
    if place.number < max(end.number, kept.number if kept else 0):
        return f"entry {place.number + 1} is missing, and all that came after it"
    if place != end:
        return f"entry {place.number} is not where the chain is said to end"
    return None


def _newest_first(tx: Tx, account: str, wanted: Wanted) -> Iterator[Entry]:
    given = {name: value for name in ("key", "action") if (value := getattr(wanted, name)) is not None}
    conditions = "".join(f" AND e.{name} = :{name}" for name in given)
    last = (wanted.until, 0)
    while rows := tx.all(
        f"""
        SELECT {COLUMNS} FROM audit_entries AS e
        WHERE e.account = :account AND e.moment >= :since AND (e.moment, e.number) < (:moment, :number){conditions}
        ORDER BY e.moment DESC, e.number DESC
        LIMIT :limit
        """,
        account=account,
        since=wanted.since,
        moment=last[0],
        number=last[1],
        limit=CHUNK,
        **given,
    ):
        found = [Entry(*row) for row in rows]
        yield from found
        last = found[-1].moment, found[-1].number


def _oldest_first(tx: Tx, account: str) -> Iterator[tuple[Entry, str]]:
    """All entries, each with the hash that is kept of it."""
    after = 0
    while rows := _following(tx, account, after):
        for row in rows:
            yield Entry(*row[:-1]), row[-1]
        after = rows[-1][1]


def _following(tx: Tx, account: str, after: int) -> list[Row]:
    return list(
        tx.all(
            f"""
            SELECT {COLUMNS}, e.hash FROM audit_entries AS e
            WHERE e.account = :account AND e.number > :after
            ORDER BY e.number
            LIMIT :limit
            """,
            account=account,
            after=after,
            limit=CHUNK,
        )
    )
