"""Generated contacts, and books that hold them; the numbers are counted through a range of Indian mobiles."""

import base64
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from dialbook.cli.database import write
from dialbook.model.account import DEFAULT_REGION, KeyDraft
from dialbook.model.bulk import accepted, single
from dialbook.model.contact import ContactDraft
from dialbook.model.lists import ListDraft, ListLimits
from dialbook.store import accounts, contacts, lists, members
from dialbook.store.database import Database
from dialbook.store.engines import open_database

ACCOUNT = "bench"
BATCH = 5000  # contacts in one transaction
NO_LIMITS = ListLimits(static=2**62, dynamic=2**62)

# Both are odd and no multiple of 5, so that counting up by STEP meets each of SPACE numbers once, in no order.
STEP, SPACE = 61_803_399, 100_000_000

FIRST_NAMES = ("Asha", "Bharat", "Chitra", "Dev", "Esha", "Farhan", "Gita", "Harish", "Isha", "Jai", "Kavya")
LAST_NAMES = ("Agarwal", "Bose", "Chopra", "Das", "Fernandes", "Gupta", "Iyer", "Joshi", "Khan", "Mehta")
CITIES = ("Bengaluru", "Chennai", "Delhi", "Kolkata", "Mumbai", "Pune", "Surat")


class Book(Struct, frozen=True):
    """How to ask for an account's data: the path that all its own begin with, and the headers to send."""

    path: str
    headers: dict[str, str]


def bare_contacts(start: int = 0) -> Iterator[ContactDraft]:
    """Contacts without end, each a number and a first name."""
    for i in count(start):
        yield ContactDraft(_number(i), first_name=FIRST_NAMES[i % len(FIRST_NAMES)])


def full_contacts(start: int = 0) -> Iterator[ContactDraft]:
    """Contacts without end, each with every field set."""
    for i in count(start):
        first, last = FIRST_NAMES[i % len(FIRST_NAMES)], LAST_NAMES[i % len(LAST_NAMES)]
        yield ContactDraft(
            _number(i),
            first_name=first,
            last_name=last,
            company_name=f"{last} Traders",
            email=f"{first.lower()}.{last.lower()}.{i}@example.com",
            tag=f"batch-{i // 1000}",
            custom_field=f'{{"city":"{CITIES[i % len(CITIES)]}","visits":{i % 50}}}',
        )


def to_body(drafts: list[ContactDraft]) -> bytes:
    """The request that creates these contacts."""
    return msgspec.json.encode({"contacts": [_to_json(draft) for draft in drafts]})


def sqlite_url(database: Path) -> str:
    """The URL of a file."""
    return f"sqlite:///{database}"


def make_book(url: str, *, account: str = ACCOUNT) -> Book:
    """Make an account with a key in a database; a SQLite file is made, too."""
    now = datetime.now(UTC)
    with closing(open_database(url)) as db:
        write(db, accounts.create_account, account, region=DEFAULT_REGION, now=now)
        key = write(db, accounts.create_key, account, KeyDraft(name="bench"), secret="", now=now)
    basic = base64.b64encode(f"{key.api_key}:{key.api_token}".encode()).decode()
    return Book(f"/v2/accounts/{account}", {"Authorization": f"Basic {basic}"})


def fill_list(url: str, size: int) -> str:
    """Make a list of `size` new contacts in the account `ACCOUNT`; return its sid."""
    drafts = islice(full_contacts(), size)
    with closing(open_database(url)) as db:
        made = single(write(db, lists.create_lists, ACCOUNT, [ListDraft("Everyone")], now=datetime.now(UTC)))
        while batch := list(islice(drafts, BATCH)):
            _add_batch(db, made.sid, batch)
    return made.sid


def _add_batch(db: Database, list_sid: str, drafts: list[ContactDraft]) -> None:
    now = datetime.now(UTC)
    sids = [made.sid for made in accepted(write(db, contacts.create_contacts, ACCOUNT, drafts, now=now))]
    write(db, members.add_members, ACCOUNT, list_sid, sids, limits=NO_LIMITS, now=now)


def _number(i: int) -> str:
    return f"+9198{i * STEP % SPACE:08}"


def _to_json(draft: ContactDraft) -> dict[str, object]:
    fields = {name: value for name, value in msgspec.structs.asdict(draft).items() if value is not None}
    if draft.custom_field is not None:
        fields["custom_field"] = Raw(draft.custom_field.encode())
    return fields
