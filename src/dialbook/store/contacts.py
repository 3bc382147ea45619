"""Contacts: the address book of an account."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import asdict, astuple, replace

from dialbook.model.bulk import Outcome, accepted, distinct_runs, rejoin, single
from dialbook.model.contact import Contact, ContactChange, ContactDraft
from dialbook.model.errors import Duplicate, NotFound
from dialbook.model.etag import is_expected, unexpected
from dialbook.model.ids import new_sids
from dialbook.model.moment import utc_text
from dialbook.model.page import Page, Sort, Window
from dialbook.model.text import search_key
from dialbook.store.books import begin_change, move_contact_count
from dialbook.store.contact_names import forget_names, note_names
from dialbook.store.database import Params, Tx
from dialbook.store.selection import any_of, containing, counting, one_of, order_by
from dialbook.store.tallies import tally_contacts

# The columns of a contact, in the order of its fields; and of one as a member of a list, whose variables there stand in
# the place of its own custom field.
FIELDS = {field: f"c.{field}" for field in Contact.__struct_fields__}
MEMBER_FIELDS = FIELDS | {"custom_field": "COALESCE(m.variables, c.custom_field)"}
COLUMNS = ", ".join(FIELDS.values())
MEMBER_COLUMNS = ", ".join(MEMBER_FIELDS.values())
ORDERS = {
    "date_created": "created",
    "date_updated": "updated",
    "number": "number",
    "first_name": "first_name",
    "last_name": "last_name",
}


class ContactFilter(msgspec.Struct, frozen=True):
    """Which contacts: all, or those to whom each condition applies that is given."""

    name: str | None = None  # their name contains it
    lists: Sequence[str] | None = None  # they are in any of these
    number: str | None = None  # in E.164
    tag: str | None = None


EVERYONE = ContactFilter()
NOTHING: Mapping[str, int] = {}


def get_contact(tx: Tx, account: str, sid: str) -> Contact:
    """One contact.

    Raises:
        NotFound: the account has no such contact.
    """
    row = tx.one(
        f"SELECT {COLUMNS} FROM contacts AS c WHERE c.account = :account AND c.sid = :sid", account=account, sid=sid
    )
    if row is None:
        raise not_found(sid)
    return Contact(*row)


def list_contacts(tx: Tx, account: str, window: Window, sort: Sort, filter_: ContactFilter = EVERYONE) -> Page[Contact]:
    """One page of the account's contacts, and how many match in all."""
    where, params = conditions(filter_)
    total, bound = "b.contact_count", NOTHING
    if filter_ != EVERYONE:
        select, bound = counting(f"FROM contacts AS c WHERE c.account = :account{where}", window.count_to)
        total = f"({select})"
    rows = tx.all(
        f"""
        SELECT {total} AS total, page.*
        FROM books AS b
        LEFT JOIN (
            SELECT {COLUMNS} FROM contacts AS c
            WHERE c.account = :account{where}
            ORDER BY {order_by("c", ORDERS, sort)}
            LIMIT :limit OFFSET :offset
        ) AS page ON TRUE
        WHERE b.account = :account
        ORDER BY {order_by("page", ORDERS, sort)}
        """,
        account=account,
        limit=window.limit,
        offset=window.offset,
        **params,
        **bound,
    )
    # One row without a contact when the page is empty.
    found = [Contact(*row[1:]) for row in rows if row[1] is not None]
    return Page(found, window, rows[0][0] if rows else 0)


def create_contacts(
    tx: Tx, account: str, drafts: Sequence[Outcome[ContactDraft]], *, now: datetime
) -> list[Outcome[Contact]]:
    """Store the drafts, each on its own; one whose number is taken becomes a Duplicate of the contact that has it."""
    now = begin_change(tx, account, now=now)
    good = accepted(drafts)
    holders = find_by_number(tx, account, [str(draft.number) for draft in good])
    new: dict[str, ContactDraft] = {}
    for draft in good:
        if draft.number not in holders:
            new.setdefault(str(draft.number), draft)
    holders |= {contact.number: contact for contact in insert_contacts(tx, account, list(new.values()), now=now)}
    results = [
        holders[str(draft.number)] if new.get(str(draft.number)) is draft else _taken(holders[str(draft.number)])
        for draft in good
    ]
    return rejoin(drafts, results)


def insert_contacts(tx: Tx, account: str, drafts: Sequence[ContactDraft], *, now: datetime) -> list[Contact]:
    """Store contacts whose numbers no contact has, nor another of them; the account's book is locked."""
    if not drafts:
        return []
    moment = utc_text(now)
    contacts = [
        _new_contact(account, sid, draft, moment) for sid, draft in zip(new_sids(now, len(drafts)), drafts, strict=True)
    ]
    keys = [_key_of(contact) for contact in contacts]
    tx.insert(
        "contacts",
        (*FIELDS, "search_key"),
        ((*astuple(contact), key) for contact, key in zip(contacts, keys, strict=True)),
    )
    note_names(tx, account, ((contact.sid, key) for contact, key in zip(contacts, keys, strict=True)))
    move_contact_count(tx, account, len(contacts))
    tally_contacts(tx, account, joined=contacts, now=now)
    return contacts


def update_contacts(
    tx: Tx, account: str, changes: Sequence[Outcome[ContactChange]], *, now: datetime
) -> list[Outcome[Contact]]:
    """Make the changes, each on its own and in order; `updated` moves only where something changed."""
    now = begin_change(tx, account, now=now)
    results: list[Outcome[Contact]] = []
    for run in distinct_runs(accepted(changes), key=lambda change: change.sid):
        results += _update_run(tx, account, run, now)
    return rejoin(changes, results)


def update_contact(tx: Tx, account: str, change: ContactChange, *, now: datetime) -> Contact:
    """Change one contact.

    Raises:
        NotFound: the account has no such contact.
        Duplicate: another contact has the number.
        PreconditionFailed: the contact is in another state than the change expects.
    """
    return single(update_contacts(tx, account, [change], now=now))


def not_found(sid: str) -> NotFound:
    """The refusal of a contact that the account does not have."""
    return NotFound(f"There is no contact '{sid}'.")


def conditions(filter_: ContactFilter) -> tuple[str, Mapping[str, str]]:
    """The filter as SQL that goes on after `WHERE c.account = :account`, with its parameters."""
    where, params = "", {}
    if filter_.name is not None:
        # Neither engine looks an expression up: who wants the names' index asks for it, in `contact_names`.
        where += r" AND (c.search_key || '') LIKE :pattern ESCAPE '\'"
        params["pattern"] = containing(filter_.name)
    if filter_.lists is not None:
        lists, list_params = any_of("list", filter_.lists)
        where += f" AND c.sid IN (SELECT m.contact FROM members AS m WHERE m.account = :account AND m.list IN {lists})"
        params |= list_params
    for column in ("number", "tag"):
        if (value := getattr(filter_, column)) is not None:
            where += f" AND c.{column} = :{column}"
            params[column] = value
    return where, params


def find_by_number(tx: Tx, account: str, numbers: Sequence[str]) -> dict[str, Contact]:
    """The contacts that have one of the numbers, by number."""
    return {contact.number: contact for contact in _find_by(tx, account, "number NULLS FIRST", numbers)}


def find_by_sid(tx: Tx, account: str, sids: Sequence[str]) -> dict[str, Contact]:
    """The contacts that have one of the sids, by sid."""
    return {contact.sid: contact for contact in _find_by(tx, account, "sid", sids)}


def _find_by(tx: Tx, account: str, key: str, values: Sequence[str]) -> list[Contact]:
    source, params = one_of(tx.engine, "contacts AS c", key, values)
    return [Contact(*row) for row in tx.all(f"SELECT {COLUMNS} FROM {source}", account=account, **params)]


def _new_contact(account: str, sid: str, draft: ContactDraft, moment: str) -> Contact:
    return Contact(
        account,
        sid,
        str(draft.number),
        draft.first_name,
        draft.last_name,
        draft.company_name,
        draft.email,
        draft.tag,
        draft.custom_field,
        moment,
        moment,
    )


def _to_params(contact: Contact) -> Params:
    params = asdict(contact)
    params["search_key"] = _key_of(contact)
    return params


def _key_of(contact: Contact) -> str | None:
    return search_key(contact.first_name, contact.last_name)


def _taken(holder: Contact) -> Duplicate:
    return Duplicate(f"A contact with number '{holder.number}' exists.", existing=holder)


def _update_run(tx: Tx, account: str, run: Sequence[ContactChange], now: datetime) -> list[Outcome[Contact]]:
    moment = utc_text(now)
    found = tx.each(
        f"SELECT {COLUMNS} FROM contacts AS c WHERE c.account = :account AND c.sid = :sid",
        ({"account": account, "sid": change.sid} for change in run),
    )
    before = [Contact(*row) if row else None for row in found]
    after = [_changed(contact, change, moment) for contact, change in zip(before, run, strict=True)]
    moved = [(old, new) for old, new in zip(before, after, strict=True) if isinstance(new, Contact) and new != old]
    outcomes = _write_changed(tx, [new for _, new in moved])
    _note_in_lists(tx, account, [outcome.sid for outcome in outcomes if isinstance(outcome, Contact)])
    changed = [(old, new) for (old, _), new in zip(moved, outcomes, strict=True) if old and isinstance(new, Contact)]
    tally_contacts(tx, account, left=[old for old, _ in changed], joined=[new for _, new in changed], now=now)
    _move_names(tx, account, changed)
    written = iter(outcomes)
    return [
        next(written) if isinstance(new, Contact) and new != old else new
        for old, new in zip(before, after, strict=True)
    ]


def _move_names(tx: Tx, account: str, changed: Sequence[tuple[Contact, Contact]]) -> None:
    """Keep the names' index in step with contacts that were changed, each as it was and as it is."""
    renamed = [new for old, new in changed if _key_of(new) != _key_of(old)]
    forget_names(tx, account, [contact.sid for contact in renamed])
    note_names(tx, account, ((contact.sid, _key_of(contact)) for contact in renamed))


def _changed(contact: Contact | None, change: ContactChange, moment: str) -> Outcome[Contact]:
    if contact is None:
        return not_found(change.sid)
    if not is_expected(contact, change.expected):
        return unexpected()
    changed = replace(contact, **change.fields)
    return contact if changed == contact else replace(changed, updated=max(moment, contact.updated))


def _write_changed(tx: Tx, contacts: Sequence[Contact]) -> list[Outcome[Contact]]:
    written = tx.run_each(
        """
        UPDATE contacts
        SET number = :number, first_name = :first_name, last_name = :last_name, company_name = :company_name,
            email = :email, tag = :tag, custom_field = :custom_field, updated = :updated, search_key = :search_key
        WHERE account = :account AND sid = :sid
          AND NOT EXISTS (SELECT 1 FROM contacts AS other
                          WHERE other.account = :account AND other.number = :number AND other.sid <> :sid)
        """,
        map(_to_params, contacts),
    )
    return [
        contact if is_written else Duplicate(f"A contact with number '{contact.number}' exists.")
        for contact, is_written in zip(contacts, written, strict=True)
    ]


def _note_in_lists(tx: Tx, account: str, sids: Sequence[str]) -> None:
    """Move on the version of every list that one of these contacts is in.

    Each once, however many of them it has: PostgreSQL keeps all that a row was in a transaction, and goes through that
    with each further change of the row.
    """
    source, params = one_of(tx.engine, "members AS m", "contact", sids)
    tx.run(
        f"""
        WITH touched AS MATERIALIZED (SELECT DISTINCT m.list FROM {source})
        UPDATE lists SET version = version + 1
        WHERE account = :account AND sid IN (SELECT list FROM touched)
        """,
        account=account,
        **params,
    )
