"""Those contacts of an account to whom something applies.

A page of those with a name can be found in two ways. By the names' index: all who have it are put into order. Or along
the order: each contact's name is looked at, until the page is full. How many have the name has to be said anyway, and
tells which way is shorter; where it need not be said of how many exactly, they are counted until it is known.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from dialbook.model.contact import Contact, ContactInLists, ListRef
from dialbook.model.page import NEAR, Page, Sort, Window
from dialbook.store.books import count_contacts
from dialbook.store.contact_names import FOUND, FROM_FOUND, found_params, is_indexed
from dialbook.store.contact_ranks import moment_at
from dialbook.store.contacts import COLUMNS, EVERYONE, ORDERS, ContactFilter, conditions, list_contacts
from dialbook.store.database import Engine, Params, Tx
from dialbook.store.selection import any_of, counting, met_along, order_by, wanted_count

# In these orders those who have a name stand together, and may all be at the other end.
NAME_ORDERS = frozenset({"first_name", "last_name"})
MADE = "date_created"

# Each contact whose sid was found. A subquery with an OFFSET keeps PostgreSQL to looking each up.
CONTACTS_FOUND: Mapping[Engine, str] = {
    "sqlite": "CROSS JOIN contacts AS c WHERE c.account = :account AND c.sid = found.sid",
    "postgres": """
    CROSS JOIN LATERAL (
        SELECT c.* FROM contacts AS c WHERE c.account = :account AND c.sid = found.sid OFFSET 0
    ) AS c
    WHERE TRUE
    """,
}
FROM_NAMES: Mapping[Engine, str] = {
    engine: f"FROM ({names}) AS found {CONTACTS_FOUND[engine]}" for engine, names in FOUND.items()
}
FROM_BOOK = "FROM contacts AS c WHERE c.account = :account"


def search_contacts(tx: Tx, account: str, window: Window, sort: Sort, filter_: ContactFilter) -> Page[Contact]:
    """One page of those contacts whom the filter lets through, and how many they are in all."""
    if filter_ == EVERYONE and not window.is_near:
        return _list_deep(tx, account, window, sort)
    if filter_.name is None or not is_indexed(filter_.name):
        return list_contacts(tx, account, window, sort, filter_)
    named, name_params = conditions(ContactFilter(name=filter_.name))
    others, other_params = conditions(replace(filter_, name=None))
    params = {**found_params(account, filter_.name), **name_params, **other_params}
    of_book = count_contacts(tx, account)
    total = _count(tx, others, params, wanted_count(window, of_book))
    is_along_order = met_along(window, of_book) < total**2 and sort.field not in NAME_ORDERS
    source = f"{FROM_BOOK}{named}" if is_along_order else FROM_NAMES[tx.engine]
    return Page(_read(tx, f"{source}{others}", window, sort, params), window, total)


def search_contacts_with_lists(
    tx: Tx, account: str, window: Window, sort: Sort, filter_: ContactFilter
) -> Page[ContactInLists]:
    """The same page, and with each contact the lists that it is in, by name."""
    page = search_contacts(tx, account, window, sort, filter_)
    return Page(_with_lists(tx, account, page.items), window, page.total)


def _with_lists(tx: Tx, account: str, contacts: Sequence[Contact]) -> list[ContactInLists]:
    sids, params = any_of("sid", [contact.sid for contact in contacts])
    rows = tx.all(
        f"""
        SELECT m.contact, l.sid, l.name
        FROM members AS m
        JOIN lists AS l ON l.account = :account AND l.sid = m.list
        WHERE m.account = :account AND m.contact IN {sids}
        ORDER BY m.contact, l.name
        """,
        account=account,
        **params,
    )
    lists: dict[str, list[ListRef]] = {contact.sid: [] for contact in contacts}
    for contact_sid, list_sid, name in rows:
        lists[contact_sid].append(ListRef(list_sid, name))
    return [ContactInLists(contact, lists[contact.sid]) for contact in contacts]


def _list_deep(tx: Tx, account: str, window: Window, sort: Sort) -> Page[Contact]:
    """A page of all contacts, with many before it: those behind it are passed over in an index, where they are fewer.

    In the order in which contacts were made few are passed over in the middle, too: those before it are added up.
    """
    total = count_contacts(tx, account)
    mirrored = Window(max(0, total - window.offset - window.limit), max(0, min(window.limit, total - window.offset)))
    if sort.field == MADE and min(window.offset, mirrored.offset) > NEAR:
        return Page(_read_amid(tx, account, window, mirrored, sort), window, total)
    if window.offset <= mirrored.offset:
        return Page(_read(tx, FROM_BOOK, window, sort, {"account": account}), window, total)
    return Page(_read(tx, FROM_BOOK, mirrored, sort.reverse, {"account": account})[::-1], window, total)


def _read_amid(tx: Tx, account: str, window: Window, mirrored: Window, sort: Sort) -> list[Contact]:
    """The contacts of a page far from both ends, found by the moment at which its first one was made."""
    oldest_first = mirrored if sort.descending else window
    moment = moment_at(tx, account, oldest_first.offset)
    near = Window(oldest_first.offset - moment.before, oldest_first.limit)
    params = {"account": account, "beginning": moment.beginning}
    items = _read(tx, f"{FROM_BOOK} AND c.created >= :beginning", near, Sort(MADE), params)
    return items[::-1] if sort.descending else items


def _count(tx: Tx, others: str, params: Params, count_to: int | None) -> int:
    """How many match; a name alone is counted in its index alone."""
    select, bound = counting(f"{FROM_NAMES[tx.engine]}{others}" if others else FROM_FOUND[tx.engine], count_to)
    row = tx.one(select, **params, **bound)
    return row[0] if row else 0


def _read(tx: Tx, source: str, window: Window, sort: Sort, params: Params) -> list[Contact]:
    """The contacts of a page: only its own are read as a whole."""
    order = order_by("c", ORDERS, sort)
    rows = tx.all(
        f"""
        SELECT {COLUMNS} FROM (SELECT c.sid {source} ORDER BY {order} LIMIT :limit OFFSET :offset) AS found
        {CONTACTS_FOUND[tx.engine]}
        ORDER BY {order}
        """,
        limit=window.limit,
        offset=window.offset,
        **params,
    )
    return [Contact(*row) for row in rows]
