"""Lists of an account; who is in them is in `members`."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict, replace

from dialbook.model.bulk import Outcome, accepted, distinct_runs, rejoin, single
from dialbook.model.errors import Duplicate, Invalid, NotFound
from dialbook.model.etag import ANY, ETags, is_expected, unexpected
from dialbook.model.ids import new_sids
from dialbook.model.lists import ContactList, ListChange, ListDraft, list_etag
from dialbook.model.moment import utc_text
from dialbook.model.page import Page, Sort, Window
from dialbook.model.text import search_key
from dialbook.store.books import begin_change
from dialbook.store.database import Params, Tx
from dialbook.store.selection import containing, one_of, order_by
from dialbook.store.tallies import tally_lists

# The columns of a list, in the order of its fields.
COLUMNS = "l.account, l.sid, l.name, l.tag, l.type, l.contact_count, l.created, l.updated, l.version"
INDEXED_ORDERS = {"date_created": "created", "date_updated": "updated", "name": "name"}
# An index on the size would be written with every contact that joins or leaves: all lists are looked at instead.
ORDERS = INDEXED_ORDERS | {"contact_count": "contact_count"}


def get_list(tx: Tx, account: str, sid: str) -> ContactList:
    """One list.

    Raises:
        NotFound: the account has no such list.
    """
    row = tx.one(
        f"SELECT {COLUMNS} FROM lists AS l WHERE l.account = :account AND l.sid = :sid", account=account, sid=sid
    )
    if row is None:
        raise not_found(sid)
    return ContactList(*row)


def find_list(tx: Tx, account: str, name: str) -> ContactList | None:
    """The list that has this name, if there is one."""
    row = tx.one(
        f"SELECT {COLUMNS} FROM lists AS l WHERE l.account = :account AND l.name = :name", account=account, name=name
    )
    return ContactList(*row) if row else None


def find_shown(tx: Tx, account: str, name: str) -> Sequence[ContactList]:
    """The lists that have this name but for line breaks, which no field of one line shows; all are looked at."""
    rows = tx.all(
        f"""
        SELECT {COLUMNS} FROM lists AS l
        WHERE l.account = :account AND replace(replace(l.name, :cr, ''), :lf, '') = :name
        """,
        account=account,
        name=name,
        cr="\r",
        lf="\n",
    )
    return [ContactList(*row) for row in rows]


def find_names(tx: Tx, account: str, sids: Sequence[str]) -> Mapping[str, str]:
    """The names of those of the lists that are there, by sid."""
    source, params = one_of(tx.engine, "lists AS l", "sid", sids)
    return dict(tx.all(f"SELECT l.sid, l.name FROM {source}", account=account, **params))


def get_version(tx: Tx, account: str, sid: str) -> int:
    """The version of one list.

    Raises:
        NotFound: the account has no such list.
    """
    row = tx.one(
        "SELECT l.version FROM lists AS l WHERE l.account = :account AND l.sid = :sid", account=account, sid=sid
    )
    if row is None:
        raise not_found(sid)
    return int(row[0])


def list_lists(tx: Tx, account: str, window: Window, sort: Sort, *, name: str | None = None) -> Page[ContactList]:
    """One page of the account's lists, all or those whose name contains a text, and how many match in all."""
    where, total = "", "b.list_count"
    if name is not None:
        where = r" AND l.search_key LIKE :pattern ESCAPE '\'"
        total = f"(SELECT count(*) FROM lists AS l WHERE l.account = :account{where})"
    rows = tx.all(
        f"""
        SELECT {total} AS total, page.*
        FROM books AS b
        LEFT JOIN (
            SELECT {COLUMNS} FROM lists AS l
            WHERE l.account = :account{where}
            ORDER BY {order_by("l", ORDERS, sort)}
            LIMIT :limit OFFSET :offset
        ) AS page ON TRUE
        WHERE b.account = :account
        ORDER BY {order_by("page", ORDERS, sort)}
        """,
        account=account,
        limit=window.limit,
        offset=window.offset,
        **({} if name is None else {"pattern": containing(name)}),
    )
    found = [ContactList(*row[1:]) for row in rows if row[1] is not None]
    return Page(found, window, rows[0][0] if rows else 0)


def create_lists(
    tx: Tx, account: str, drafts: Sequence[Outcome[ListDraft]], *, now: datetime
) -> list[Outcome[ContactList]]:
    """Make the lists, each on its own; one whose name is taken becomes a Duplicate."""
    now = begin_change(tx, account, now=now)
    good = accepted(drafts)
    moment = utc_text(now)
    lists = [
        ContactList(account, sid, draft.name, draft.tag, str(draft.type), 0, moment, moment, 0)
        for sid, draft in zip(new_sids(now, len(good)), good, strict=True)
    ]
    made = tx.run_each(
        """
        INSERT INTO lists (account, sid, name, tag, type, contact_count, created, updated, search_key)
        VALUES (:account, :sid, :name, :tag, :type, :contact_count, :created, :updated, :search_key)
        ON CONFLICT (account, name) DO NOTHING
        """,
        map(_to_params, lists),
    )
    _count(tx, account, sum(made), now=now)
    return rejoin(drafts, (new if is_new else _taken(new) for new, is_new in zip(lists, made, strict=True)))


def update_lists(
    tx: Tx, account: str, changes: Sequence[Outcome[ListChange]], *, now: datetime
) -> list[Outcome[ContactList]]:
    """Make the changes, each on its own and in order; `updated` moves only where something changed."""
    now = begin_change(tx, account, now=now)
    moment = utc_text(now)
    results: list[Outcome[ContactList]] = []
    for run in distinct_runs(accepted(changes), key=lambda change: change.sid):
        results += _update_run(tx, account, run, moment)
    return rejoin(changes, results)


def update_list(tx: Tx, account: str, change: ListChange, *, now: datetime) -> ContactList:
    """Change one list.

    Raises:
        NotFound: the account has no such list.
        Duplicate: another list has the name.
        Invalid: the type would change.
        PreconditionFailed: the list is in another state than the change expects.
    """
    return single(update_lists(tx, account, [change], now=now))


def delete_list(tx: Tx, account: str, sid: str, *, now: datetime, expected: ETags = ANY) -> ContactList:
    """Delete a list for good and return it; its contacts stay in the address book.

    Raises:
        NotFound: the account has no such list.
        PreconditionFailed: it is in another state than expected.
    """
    now = begin_change(tx, account, now=now)
    deleted = get_list(tx, account, sid)
    if not is_expected(deleted, expected):
        raise unexpected()
    tx.run("DELETE FROM members WHERE account = :account AND list = :sid", account=account, sid=sid)
    tx.run("DELETE FROM member_blocks WHERE account = :account AND list = :sid", account=account, sid=sid)
    tx.run("DELETE FROM lists WHERE account = :account AND sid = :sid", account=account, sid=sid)
    _count(tx, account, -1, now=now)
    return deleted


class LockedList(Struct, frozen=True):
    """What a change of membership needs to know of a list, which nobody else changes until it is done."""

    sid: str
    type: str
    contact_count: int
    next_position: int
    version: int

    @property
    def etag(self) -> str:
        """The name of the state that it is in."""
        return list_etag(self.sid, self.version)


def lock_list(tx: Tx, account: str, sid: str) -> LockedList:
    """Keep others from changing the list, or its membership, until this transaction ends.

    Raises:
        NotFound: the account has no such list.
    """
    # An update locks the row on both engines; SELECT … FOR UPDATE would on one only.
    row = tx.one(
        """
        UPDATE lists SET next_position = next_position
        WHERE account = :account AND sid = :sid
        RETURNING sid, type, contact_count, next_position, version
        """,
        account=account,
        sid=sid,
    )
    if row is None:
        raise not_found(sid)
    return LockedList(*row)


def not_found(sid: str) -> NotFound:
    """The refusal of a list that the account does not have."""
    return NotFound(f"There is no list '{sid}'.")


def _to_params(found: ContactList) -> Params:
    return asdict(found) | {"search_key": search_key(found.name)}


def _taken(wanted: ContactList) -> Duplicate:
    return Duplicate(f"A list named '{wanted.name}' exists.")


def _update_run(tx: Tx, account: str, run: Sequence[ListChange], moment: str) -> list[Outcome[ContactList]]:
    found = tx.each(
        f"SELECT {COLUMNS} FROM lists AS l WHERE l.account = :account AND l.sid = :sid",
        ({"account": account, "sid": change.sid} for change in run),
    )
    before = [ContactList(*row) if row else None for row in found]
    after = [_changed(old, change, moment) for old, change in zip(before, run, strict=True)]
    moved = [new for new, old in zip(after, before, strict=True) if isinstance(new, ContactList) and new != old]
    written = iter(_write_changed(tx, moved))
    return [
        next(written) if isinstance(new, ContactList) and new != old else new
        for old, new in zip(before, after, strict=True)
    ]


def _changed(found: ContactList | None, change: ListChange, moment: str) -> Outcome[ContactList]:
    if found is None:
        return not_found(change.sid)
    if not is_expected(found, change.expected):
        return unexpected()
    changed = replace(found, **change.fields)
    if changed.type != found.type:
        return Invalid("A list's type cannot be changed.")
    if changed == found:
        return found
    return replace(changed, updated=max(moment, found.updated), version=found.version + 1)


def _write_changed(tx: Tx, lists: Sequence[ContactList]) -> list[Outcome[ContactList]]:
    written = tx.run_each(
        """
        UPDATE lists
        SET name = :name, tag = :tag, updated = :updated, search_key = :search_key, version = version + 1
        WHERE account = :account AND sid = :sid
          AND NOT EXISTS (SELECT 1 FROM lists AS other
                          WHERE other.account = :account AND other.name = :name AND other.sid <> :sid)
        """,
        map(_to_params, lists),
    )
    return [changed if is_written else _taken(changed) for changed, is_written in zip(lists, written, strict=True)]


def _count(tx: Tx, account: str, difference: int, *, now: datetime) -> None:
    tx.run(
        "UPDATE books SET list_count = list_count + :difference WHERE account = :account",
        account=account,
        difference=difference,
    )
    tally_lists(tx, account, difference, now=now)
