"""All that an account's book holds about the person whom a number belongs to."""

from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct, json

from dialbook.model.contact import Contact
from dialbook.model.mention import mention_of
from dialbook.model.phone import normal_number, tail_of
from dialbook.store.accounts import get_account
from dialbook.store.contacts import find_by_number
from dialbook.store.database import Tx
from dialbook.store.idempotency import Answered, find_answers_with
from dialbook.store.upload_queue import find_under_way


class Membership(Struct, frozen=True):
    """A list that somebody is in, since when, and what the list keeps of him, a JSON object."""

    list_sid: str
    list_name: str
    joined: str
    variables: str | None


class ReportRow(Struct, frozen=True):
    """A row of an upload's report."""

    upload: str
    position: int
    line: int
    number: str | None
    reason: str
    description: str
    cells: Sequence[str]


class NamedList(Struct, frozen=True):
    """A list whose name or tag has somebody's number in it, whether or not he is in the list."""

    list_sid: str
    list_name: str
    list_tag: str | None


class Subject(Struct, frozen=True):
    """What is held about somebody."""

    number: str
    contact: Contact | None
    memberships: Sequence[Membership]
    report_rows: Sequence[ReportRow]
    named_lists: Sequence[NamedList]
    answers: Sequence[Answered]  # that have the person in them, or in their keys
    unread: str | None  # where the person may be held besides, as a sentence: in the file of an upload under way
    is_about: Callable[[str], bool]  # whether a text has the number in it, or the contact's sid


def find_subject(tx: Tx, account: str, given: str) -> Subject:
    """What the account holds about the person whom a number belongs to.

    Args:
        account: whose book.
        given: the number, in E.164 or as it is dialled in the account's region.

    Raises:
        NotFound: there is no such account.
        Invalid: it is no number.
    """
    region = get_account(tx, account).region
    unread = _find_unread(tx, account)  # first: the rows of an upload that ends meanwhile are found, or it is named
    number = normal_number(given, region)
    contact = find_by_number(tx, account, [number]).get(number)
    memberships = _find_memberships(tx, account, contact.sid) if contact else []
    is_mentioned = mention_of(number, region)
    report_rows = _find_report_rows(tx, account, number, is_mentioned)
    named_lists = _find_named_lists(tx, account, number, is_mentioned)

    def is_about(text: str) -> bool:
        return is_mentioned(text) or (contact is not None and contact.sid in text)

    answers = find_answers_with(tx, account, is_about)
    return Subject(number, contact, memberships, report_rows, named_lists, answers, unread, is_about)


def _find_unread(tx: Tx, account: str) -> str | None:
    if upload := find_under_way(tx, account):
        return f"Upload {upload} of account '{account}' is under way, and its file may have the number in it."
    return None


def _find_memberships(tx: Tx, account: str, contact: str) -> list[Membership]:
    rows = tx.all(
        """
        SELECT l.sid, l.name, m.joined, m.variables
        FROM members AS m
        JOIN lists AS l ON l.account = :account AND l.sid = m.list
        WHERE m.account = :account AND m.contact = :contact
        ORDER BY l.sid
        """,
        account=account,
        contact=contact,
    )
    return [Membership(*row) for row in rows]


def _find_report_rows(tx: Tx, account: str, number: str, is_mentioned: Callable[[str], bool]) -> list[ReportRow]:
    """The rows that have the number in one of their cells, in whatever form."""
    rows = tx.all(
        """
        SELECT r.upload, r.position, r.line, r.number, r.reason, r.description, r.cells FROM upload_reports AS r
        WHERE r.account = :account AND (r.cells LIKE :pattern OR r.number LIKE :pattern)
        ORDER BY r.upload, r.position
        """,
        account=account,
        pattern=_pattern(number),
    )
    found = [
        ReportRow(upload, position, line, written, reason, description, json.decode(cells))
        for upload, position, line, written, reason, description, cells in rows
    ]
    return [row for row in found if _in_any((row.number, *row.cells), is_mentioned)]


def _find_named_lists(tx: Tx, account: str, number: str, is_mentioned: Callable[[str], bool]) -> list[NamedList]:
    rows = tx.all(
        """
        SELECT l.sid, l.name, l.tag FROM lists AS l
        WHERE l.account = :account AND (l.name LIKE :pattern OR l.tag LIKE :pattern)
        ORDER BY l.sid
        """,
        account=account,
        pattern=_pattern(number),
    )
    found = [NamedList(*row) for row in rows]
    return [each for each in found if _in_any((each.list_name, each.list_tag), is_mentioned)]


def _pattern(number: str) -> str:
    """What a text that mentions the number is like; others may be, too."""
    return f"%{'%'.join(tail_of(number))}%"


def _in_any(texts: Iterable[str | None], is_mentioned: Callable[[str], bool]) -> bool:
    return any(text is not None and is_mentioned(text) for text in texts)
