"""Membership: which contacts are in which list, in the order in which they joined."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from dialbook.model.bulk import Outcome, accepted, attempt, rejoin, single
from dialbook.model.contact import Contact, ListRef
from dialbook.model.errors import Duplicate, Invalid, NotFound
from dialbook.model.etag import ANY, ETags, is_expected, unexpected
from dialbook.model.lists import ListLimits
from dialbook.model.moment import utc_text
from dialbook.model.page import Page, Window
from dialbook.store.books import begin_change
from dialbook.store.contacts import MEMBER_COLUMNS
from dialbook.store.database import Row, Tx
from dialbook.store.lists import LockedList, lock_list, not_found
from dialbook.store.member_blocks import count_members
from dialbook.store.member_pages import read_page
from dialbook.store.selection import one_of


class Joining(Struct, frozen=True, gc=False):
    """A contact that is to join a list, and what the list keeps of it, a JSON object."""

    contact_sid: str
    variables: str | None = None


def list_members(tx: Tx, account: str, list_sid: str, window: Window) -> Page[Contact]:
    """One page of a list's contacts in the order in which they joined, and how many there are in all.

    Raises:
        NotFound: the account has no such list.
    """
    found = read_page(tx, account, list_sid, window)
    if found is None:
        raise not_found(list_sid)
    contacts = [Contact(*row[1:]) for row in found.rows]
    last = found.rows[-1][0] if found.rows else None
    return Page(contacts, found.window, found.total, last, found.version)


def lists_of(tx: Tx, account: str, contact_sid: str, window: Window) -> Page[ListRef]:
    """One page of the lists that a contact is in, by name, and how many they are in all."""
    theirs = {"account": account, "contact": contact_sid}
    total = tx.one("SELECT count(*) FROM members AS m WHERE m.account = :account AND m.contact = :contact", **theirs)
    rows = tx.all(
        """
        SELECT l.sid, l.name
        FROM members AS m CROSS JOIN lists AS l
        WHERE m.account = :account AND m.contact = :contact AND l.account = :account AND l.sid = m.list
        ORDER BY l.name
        LIMIT :limit OFFSET :offset
        """,
        limit=window.limit,
        offset=window.offset,
        **theirs,
    )
    return Page([ListRef(*row) for row in rows], window, total[0] if total else 0)


def add_members(
    tx: Tx, account: str, list_sid: str, sids: Sequence[Outcome[str]], *, limits: ListLimits, now: datetime
) -> list[Outcome[Contact]]:
    """Let contacts join a list, each on its own.

    One that is in it already becomes a Duplicate, an unknown one a NotFound, and one for whom the list has no
    place an Invalid.

    Raises:
        NotFound: the account has no such list.
    """
    now = begin_change(tx, account, now=now)
    locked = lock_list(tx, account, list_sid)
    wanted = accepted(sids)
    rows = tx.each(
        f"""
        SELECT m.position IS NOT NULL, {MEMBER_COLUMNS}
        FROM contacts AS c
        LEFT JOIN members AS m ON m.account = :account AND m.list = :list AND m.contact = c.sid
        WHERE c.account = :account AND c.sid = :sid
        """,
        ({"account": account, "list": list_sid, "sid": sid} for sid in wanted),
    )
    results = _admit(wanted, rows, count=locked.contact_count, limit=limits.of(locked.type))
    join(tx, account, locked, [Joining(contact.sid) for contact in accepted(results)], now=now)
    return rejoin(sids, results)


def find_members(tx: Tx, account: str, list_sid: str, sids: Sequence[str]) -> list[Contact]:
    """Those of some contacts who are in a list, in the order given."""
    return [Contact(*row[1:]) for row in _find(tx, account, list_sid, sids) if row]


def remove_members(
    tx: Tx, account: str, list_sid: str, sids: Sequence[Outcome[str]], *, now: datetime, expected: ETags = ANY
) -> list[Outcome[Contact]]:
    """Take contacts out of a list, each on its own; they stay in the address book. One not in it becomes a NotFound.

    Raises:
        NotFound: the account has no such list.
        PreconditionFailed: the list is in another state than expected.
    """
    now = begin_change(tx, account, now=now)
    if not is_expected(lock_list(tx, account, list_sid), expected):
        raise unexpected()
    wanted = list(dict.fromkeys(accepted(sids)))
    rows = _find(tx, account, list_sid, wanted)
    found = dict(zip(wanted, rows, strict=True))
    if positions := [row[0] for row in rows if row]:
        _leave(tx, account, {list_sid: positions}, now=now)
    return attempt(lambda sid: _removed(list_sid, sid, found.pop(sid, None)), sids)


def remove_member(tx: Tx, account: str, list_sid: str, sid: str, *, now: datetime, expected: ETags = ANY) -> Contact:
    """Take a contact out of a list and return it; it stays in the address book.

    Raises:
        NotFound: the account has no such list, or the contact is not in it.
        PreconditionFailed: the list is in another state than expected.
    """
    return single(remove_members(tx, account, list_sid, [sid], now=now, expected=expected))


def leave_all_lists(tx: Tx, account: str, sids: Sequence[str], *, now: datetime) -> None:
    """Take contacts, each named once, out of every list that they are in."""
    source, params = one_of(tx.engine, "members AS m", "contact", sids)
    rows = tx.all(f"SELECT m.list, m.position FROM {source}", account=account, **params)
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for list_sid, position in rows:
        positions[list_sid].append(position)
    _leave(tx, account, positions, now=now)


def _find(tx: Tx, account: str, list_sid: str, sids: Sequence[str]) -> Sequence[Row | None]:
    """The position of each contact in a list, and the contact; None for one who is not in it."""
    return tx.each(
        f"""
        SELECT m.position, {MEMBER_COLUMNS}
        FROM members AS m
        JOIN contacts AS c ON c.account = :account AND c.sid = m.contact
        WHERE m.account = :account AND m.list = :list AND m.contact = :sid
        """,
        ({"account": account, "list": list_sid, "sid": sid} for sid in sids),
    )


def _removed(list_sid: str, sid: str, row: Row | None) -> Contact:
    if row is None:
        raise NotFound(f"Contact '{sid}' is not in list '{list_sid}'.")
    return Contact(*row[1:])


def _admit(sids: Sequence[str], rows: Sequence[Row | None], *, count: int, limit: int) -> list[Outcome[Contact]]:
    """Who may join: `rows` has, for each sid, whether it is a member and the contact, or None when unknown."""
    joining: set[str] = set()

    def admit(sid: str, row: Row | None) -> Outcome[Contact]:
        if row is None:
            return NotFound(f"There is no contact '{sid}'.")
        contact = Contact(*row[1:])
        if row[0] or sid in joining:
            return Duplicate(f"Contact '{sid}' is already in the list.", existing=contact)
        if count + len(joining) >= limit:
            return Invalid(f"The list holds at most {limit} contacts.")
        joining.add(sid)
        return contact

    return [admit(sid, row) for sid, row in zip(sids, rows, strict=True)]


def join(tx: Tx, account: str, locked: LockedList, joining: Sequence[Joining], *, now: datetime) -> None:
    """Let contacts join a list that is locked; none of them is in it yet."""
    if not joining:
        return
    moment = utc_text(now)
    positions = range(locked.next_position, locked.next_position + len(joining))
    tx.insert(
        "members",
        ("account", "list", "position", "contact", "joined", "variables"),
        (
            (account, locked.sid, position, new.contact_sid, moment, new.variables)
            for position, new in zip(positions, joining, strict=True)
        ),
    )
    count_members(tx, account, {locked.sid: positions}, joined=True)
    _move(tx, account, {locked.sid: len(joining)}, positions=len(joining), moment=moment)


def set_variables(tx: Tx, account: str, list_sid: str, members: Sequence[Joining]) -> None:
    """Change what a list keeps of some of its members."""
    tx.run_each(
        """
        UPDATE members SET variables = :variables
        WHERE account = :account AND contact = :contact AND list = :list
        """,
        (
            {"account": account, "list": list_sid, "contact": member.contact_sid, "variables": member.variables}
            for member in members
        ),
    )
    if members:
        tx.run(
            "UPDATE lists SET version = version + 1 WHERE account = :account AND sid = :list",
            account=account,
            list=list_sid,
        )


def _leave(tx: Tx, account: str, positions: Mapping[str, Sequence[int]], *, now: datetime) -> None:
    """Take who has these positions, by list, out of the lists."""
    tx.run_each(
        "DELETE FROM members WHERE account = :account AND list = :list AND position = :position",
        (
            {"account": account, "list": list_sid, "position": position}
            for list_sid, left in positions.items()
            for position in left
        ),
    )
    count_members(tx, account, positions, joined=False)
    gone = {list_sid: -len(left) for list_sid, left in positions.items()}
    _move(tx, account, gone, positions=0, moment=utc_text(now))


def _move(tx: Tx, account: str, contacts: Mapping[str, int], *, positions: int, moment: str) -> None:
    """Keep the figures of lists in step with their members: by list, how many contacts joined; less than 0 left."""
    tx.run_each(
        """
        UPDATE lists
        SET contact_count = contact_count + :contacts,
            next_position = next_position + :positions,
            version = version + 1,
            updated = CASE WHEN updated < :moment THEN :moment ELSE updated END
        WHERE account = :account AND sid = :list
        """,
        (
            {"account": account, "list": list_sid, "contacts": joined, "positions": positions, "moment": moment}
            for list_sid, joined in contacts.items()
        ),
    )
