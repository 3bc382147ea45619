"""What is in the demo's book: the sample of the provider's page, and invented people who came and went over months."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

from dialbook.cli.database import write
from dialbook.model.account import DEFAULT_REGION, KeyDraft
from dialbook.model.bulk import accepted, single
from dialbook.model.contact import ContactDraft
from dialbook.model.lists import ListDraft, ListLimits, ListType
from dialbook.store import accounts, contacts, lists, members
from dialbook.store.accounts import Credentials
from dialbook.store.database import Database

ACCOUNT = "exotel8u3"

# The published sample, with the moments at which its contacts were made.
SAMPLE = {
    datetime(2021, 5, 2, 14, 36, 31, tzinfo=UTC): ("+919645122021", "+919645122029"),
    datetime(2021, 5, 2, 14, 36, 42, tzinfo=UTC): ("+919645122020", "+919645122022"),
    datetime(2021, 5, 2, 14, 36, 54, tzinfo=UTC): ("+919645122023", "+919645122024"),
}

DAYS = 120  # over which the invented people came
LEAVING = 0.08  # of those who came, the part that left a list again

# Each list, with the part of the people who joined it.
LISTS = {
    ListDraft("Customers", tag="crm"): 0.75,
    ListDraft("Newsletter", tag="marketing"): 0.4,
    ListDraft("Festive offer, November", tag="marketing"): 0.2,
    ListDraft("Service reminders", type=ListType.DYNAMIC): 0.15,
    ListDraft("عملاء دبي", tag="crm"): 0.05,
}
FIRST_NAMES = ("Asha", "Bharat", "Chitra", "Dev", "Esha", "Farhan", "Gita", "Harish", "Isha", "Jai", "Kavya", "Zoë")
LAST_NAMES = ("Agarwal", "Bose", "Chopra", "Das", "Fernandes", "Gupta", "Iyer", "Joshi", "Khan", "Mehta", "van Dyk")
COMPANIES = ("Acme", "Globex", "Initech", "Umbrella", None, None)
TAGS = ("lead", "lead", "customer", "customer", "customer", "vip", None)
CITIES = ("Bengaluru", "Chennai", "Delhi", "Kolkata", "Mumbai", "Pune")
# The kinds of numbers, each with how often it comes; the digits are counted up.
NUMBERS = {"+9198450{:05}": 70, "+65900{:05}": 15, "+1415555{:04}": 10, "+97150110{:04}": 5}


def fill(db: Database) -> tuple[Credentials, str]:
    """Make the account with all of it; return how to get at it, and the sid of the sample's list."""
    first, *_ = SAMPLE
    write(db, accounts.create_account, ACCOUNT, region=DEFAULT_REGION, now=first)
    credentials = write(db, accounts.create_key, ACCOUNT, KeyDraft(name="demo"), secret="", now=datetime.now(UTC))
    sample = single(write(db, lists.create_lists, ACCOUNT, [ListDraft("Sample")], now=first))
    for moment, numbers in SAMPLE.items():
        _arrive(db, [ContactDraft(number) for number in numbers], {sample.sid: 1.0}, moment, random.Random(0))
    _fill_with_invented(db)
    return credentials, sample.sid


def _fill_with_invented(db: Database) -> None:
    chance = random.Random(7)  # the same people each time
    drafts = _invent(chance)
    begun = datetime.now(UTC) - timedelta(days=DAYS)
    made = accepted(write(db, lists.create_lists, ACCOUNT, list(LISTS), now=begun))
    parts = {each.sid: part for each, part in zip(made, LISTS.values(), strict=True)}
    for day in range(DAYS):
        # More of them come as time goes on, and fewer on some days than on others.
        coming = [next(drafts) for _ in range(chance.randint(0, 4 + day // 6))]
        _arrive(db, coming, parts, begun + timedelta(days=day, hours=chance.randint(0, 23)), chance)


def _arrive(
    db: Database, drafts: list[ContactDraft], parts: dict[str, float], moment: datetime, chance: random.Random
) -> None:
    """Let people come, and each join every list with its chance; some leave again."""
    sids = [each.sid for each in accepted(write(db, contacts.create_contacts, ACCOUNT, drafts, now=moment))]
    for list_sid, part in parts.items():
        joining = [sid for sid in sids if chance.random() <= part]
        write(db, members.add_members, ACCOUNT, list_sid, joining, limits=ListLimits(), now=moment)
        leaving = [sid for sid in joining if part < 1 and chance.random() < LEAVING]
        write(db, members.remove_members, ACCOUNT, list_sid, leaving, now=moment)


def _invent(chance: random.Random) -> Iterator[ContactDraft]:
    """People without end."""
    for number in count():
        first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
        yield ContactDraft(
            chance.choices(list(NUMBERS), list(NUMBERS.values()))[0].format(number),
            first_name=first,
            last_name=last,
            company_name=chance.choice(COMPANIES),
            email=f"{first}.{last}.{number}@example.com".lower().replace(" ", "").replace("ë", "e"),
            tag=chance.choice(TAGS),
            custom_field=f'{{"city": "{chance.choice(CITIES)}"}}' if number % 3 == 0 else None,
        )
