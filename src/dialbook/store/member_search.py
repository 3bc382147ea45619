"""The members of a list to whom something applies, or in another order than that in which they joined.

There are two ways to them. From the list: each member's contact is looked at, at a cost of the list's size. From the
contacts, by an index on what is asked for: each contact is looked up among the members. The way that meets fewer rows
is taken, so that a page near the start of a sorted list, one of N contacts, meets no more than about √(page · N) rows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from dialbook.model.contact import Contact
from dialbook.model.moment import utc_text
from dialbook.model.page import Page, Sort, Window
from dialbook.store.contact_names import FOUND, FROM_FOUND, found_params, is_indexed
from dialbook.store.contacts import EVERYONE, MEMBER_COLUMNS, MEMBER_FIELDS, ORDERS, ContactFilter, conditions
from dialbook.store.database import Engine, Params, Row, Tx
from dialbook.store.lists import not_found
from dialbook.store.member_blocks import Blocks, position_at
from dialbook.store.member_names import NAMED, named_page
from dialbook.store.selection import counting, met_along, order_by, wanted_count

# Neither engine may choose the way by itself. CROSS JOIN keeps SQLite to the order in which the tables stand; a
# subquery with an OFFSET keeps PostgreSQL to looking up the second for each row of the first.
FROM_LIST: Mapping[Engine, str] = {
    "sqlite": """
    FROM members AS m CROSS JOIN contacts AS c
    WHERE m.account = :account AND m.list = :list AND c.account = :account AND c.sid = m.contact
    """,
    "postgres": """
    FROM members AS m CROSS JOIN LATERAL (
        SELECT c.* FROM contacts AS c WHERE c.account = :account AND c.sid = m.contact OFFSET 0
    ) AS c
    WHERE m.account = :account AND m.list = :list
    """,
}
FROM_CONTACTS: Mapping[Engine, str] = {
    "sqlite": """
    FROM contacts AS c CROSS JOIN members AS m
    WHERE c.account = :account AND m.account = :account AND m.contact = c.sid AND m.list = :list
    """,
    "postgres": """
    FROM contacts AS c CROSS JOIN LATERAL (
        SELECT m.position, m.variables FROM members AS m
        WHERE m.account = :account AND m.contact = c.sid AND m.list = :list OFFSET 0
    ) AS m
    WHERE c.account = :account
    """,
}
FROM_TAG: Mapping[Engine, str] = {
    # The index alone is read first, or SQLite, which does not know how rare a tag is, would go through all contacts.
    "sqlite": """
    FROM contacts AS t CROSS JOIN contacts AS c CROSS JOIN members AS m
    WHERE t.account = :account AND t.tag = :tag AND c.account = :account AND c.sid = t.sid
      AND m.account = :account AND m.contact = c.sid AND m.list = :list
    """,
    "postgres": f"{FROM_CONTACTS['postgres']} AND c.tag = :tag",
}
SHORT = 1000  # members, whose names are looked at before it is known whether another way is shorter


class Walk(Struct, frozen=True):
    """A part of a walk: rows of the fields that were asked for and a position, and where the next part begins."""

    rows: Sequence[Row]
    following: Window | None


class Edge(Struct, frozen=True):
    """A moment of a list, beyond which is who joined since, or was changed since."""

    end: int  # of the positions that had been given by then
    changed: str  # in which second something in the book was changed last


class Sizes(Struct, frozen=True):
    """How much is in the list, and in the account, and where both have come to."""

    of_list: int  # contacts
    of_book: int
    version: int  # of the list
    next_position: int
    changed: str | None  # when something in the book was changed last


def search_members(
    tx: Tx, account: str, list_sid: str, window: Window, sort: Sort | None, filter_: ContactFilter
) -> Page[Contact]:
    """One page of those members of a list whom the filter lets through, and how many they are in all.

    Args:
        sort: the order; that in which they joined when there is none.

    Raises:
        NotFound: the account has no such list.
    """
    sizes = _sizes(tx, account, list_sid)
    where, given = conditions(filter_)
    after = -1 if window.after is None else window.after
    params = {"account": account, "list": list_sid, "after": after, **given}
    if _is_by_name(tx, sizes, filter_, params):
        counted, page = _counted(tx, sizes, window), named_page(tx.engine, sort)
    else:
        counted = _source(sizes, window, sort, filter_)[tx.engine] + where
        page = _page(counted, sort)
    if filter_ == EVERYONE and window.after is None:
        total, following = sizes.of_list, 0
    else:
        total, following = _count(tx, counted, window, sizes, params)
    # Of many to whom it applies, a page is soon full in the order in which they joined.
    if sort is None and met_along(window, sizes.of_list) < total**2:
        page = _page(FROM_LIST[tx.engine] + where, sort)
    rows = tx.all(page, limit=window.limit, offset=window.offset, **params)
    if window.after is not None:
        window = Window(total - following, window.limit, window.after)
    last = rows[-1][0] if rows and sort is None else None
    return Page([Contact(*row[1:]) for row in rows], window, total, last, sizes.version)


def begin_walk(tx: Tx, account: str, list_sid: str, window: Window, filter_: ContactFilter) -> Window:
    """The window that a walk begins with: after a position, where the way to it is short.

    Raises:
        NotFound: the account has no such list.
    """
    sizes = _sizes(tx, account, list_sid)
    if window.after is not None or filter_ != EVERYONE:
        return window
    blocks = Blocks(list_sid, sizes.version, sizes.of_list, sizes.next_position)
    first = position_at(tx, account, blocks, window.offset)
    return Window(0, window.limit, first - 1)


def find_edge(tx: Tx, account: str, list_sid: str, *, now: datetime) -> Edge:
    """The edge of what is in a list now.

    Raises:
        NotFound: the account has no such list.
    """
    sizes = _sizes(tx, account, list_sid)
    # A book from before that was kept may not have been changed since.
    changed = datetime.fromisoformat(sizes.changed) if sizes.changed else now
    return Edge(sizes.next_position, utc_text(changed))


def walk_members(
    tx: Tx, account: str, list_sid: str, window: Window, fields: Sequence[str], filter_: ContactFilter
) -> Walk:
    """The next of those members of a list whom the filter lets through, in the order in which they joined.

    They are not counted, and met from the list always, so that all parts of a walk cost one walk through it.

    Args:
        window: where to begin, and how many to read.
        fields: which of a contact's fields.
    """
    where, given = conditions(filter_)
    return _walk(tx, window, fields, where, {"account": account, "list": list_sid, **given})


def walk_within(tx: Tx, account: str, list_sid: str, window: Window, filter_: ContactFilter, edge: Edge) -> Walk:
    """The same of their sids, without who is beyond an edge."""
    where, given = conditions(filter_)
    params = {"account": account, "list": list_sid, "end": edge.end, **given}
    if filter_ == EVERYONE:
        return _walk(tx, window, ["sid"], " AND m.position < :end", params)
    # Of who was changed since nobody knows whether the filter let him through then.
    where += " AND m.position < :end AND c.updated <= :changed"
    return _walk(tx, window, ["sid"], where, {**params, "changed": edge.changed})


def _walk(tx: Tx, window: Window, fields: Sequence[str], where: str, params: Params) -> Walk:
    rows = tx.all(
        f"""
        SELECT {", ".join(MEMBER_FIELDS[field] for field in fields)}, m.position
        {FROM_LIST[tx.engine]} {where} AND m.position > :after
        ORDER BY m.position
        LIMIT :limit OFFSET :offset
        """,
        after=-1 if window.after is None else window.after,
        limit=window.limit,
        offset=window.offset,
        **params,
    )
    is_full = len(rows) == window.limit
    return Walk(rows, Window(0, window.limit, rows[-1][-1]) if is_full else None)


def _sizes(tx: Tx, account: str, list_sid: str) -> Sizes:
    row = tx.one(
        """
        SELECT l.contact_count, b.contact_count, l.version, l.next_position, b.updated
        FROM lists AS l
        JOIN books AS b ON b.account = :account
        WHERE l.account = :account AND l.sid = :list
        """,
        account=account,
        list=list_sid,
    )
    if row is None:
        raise not_found(list_sid)
    return Sizes(*row)


def _source(sizes: Sizes, window: Window, sort: Sort | None, filter_: ContactFilter) -> Mapping[Engine, str]:
    if filter_.number is not None:
        return FROM_CONTACTS
    if filter_.tag is not None:
        return FROM_TAG
    if sort is None or filter_.name is not None:
        return FROM_LIST
    # Of the contacts in their order, each has this chance to be a member: so many are met until the page is full.
    met = (window.offset + window.limit) * sizes.of_book / max(sizes.of_list, 1)
    return FROM_CONTACTS if met < sizes.of_list else FROM_LIST


def _is_by_name(tx: Tx, sizes: Sizes, filter_: ContactFilter, params: dict[str, object]) -> bool:
    """Whether to look the name up, rather than to go through the list; then the parameters for that are added.

    It is where fewer contacts have the name than the list has members, which is not asked of a list that is short, nor
    of one that has half of all contacts.
    """
    if filter_.number is not None or filter_.tag is not None or not is_indexed(filter_.name):
        return False
    params |= found_params(str(params["account"]), str(filter_.name))
    if sizes.of_list <= SHORT or sizes.of_list * 2 >= sizes.of_book:
        return sizes.of_list > SHORT
    few = f"SELECT 1 FROM ({FOUND[tx.engine]}) AS found LIMIT :most"
    row = tx.one(f"SELECT count(*) FROM ({few}) AS few", most=sizes.of_list, **params)
    return row is not None and row[0] < sizes.of_list


def _counted(tx: Tx, sizes: Sizes, window: Window) -> str:
    """Whom to count of those who have a name: where all contacts are members, nobody need be looked up among them."""
    has_all = sizes.of_list == sizes.of_book and window.after is None
    return FROM_FOUND[tx.engine] if has_all else NAMED[tx.engine]


def _count(tx: Tx, source: str, window: Window, sizes: Sizes, params: Params) -> tuple[int, int]:
    """How many members there are, and how many after the window's position."""
    select, bound = counting(source, wanted_count(window, sizes.of_list))
    if window.after is not None:
        select, bound = f"SELECT count(*), count(*) FILTER (WHERE m.position > :after) {source}", {}
    row = tx.one(select, **params, **bound)
    return (row[0], row[-1]) if row else (0, 0)


def _page(source: str, sort: Sort | None) -> str:
    return f"""
        SELECT m.position, {MEMBER_COLUMNS} {source} AND m.position > :after
        ORDER BY {order_by("c", ORDERS, sort) if sort else "m.position"}
        LIMIT :limit OFFSET :offset
    """
