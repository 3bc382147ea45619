"""Tallies: how many contacts have each calling code and each tag, were made on each day, and came or went on each.

They are kept, not counted: each change of contacts and lists moves them in its own transaction (docs/decisions/0022).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

from dialbook.model.calling_codes import LONGEST, calling_code
from dialbook.model.contact import Contact
from dialbook.model.moment import day_text
from dialbook.store.database import Tx
from dialbook.store.selection import rows_of

Kind: TypeAlias = Literal["country", "tag"]
Made: TypeAlias = Literal["made-day", "made-moment"]
Key: TypeAlias = tuple[Kind | Made | Literal["contacts", "lists"], str]  # the value of the latter is a day

DAY, MOMENT = 10, 18  # characters of a date of creation: of its day, and of ten seconds


class Tally(Struct, frozen=True):
    """How many contacts have a value: a calling code such as `+91`, or a tag."""

    value: str
    live: int


class Tallies(Struct, frozen=True):
    """The values that most contacts have, and how many contacts are left besides."""

    largest: Sequence[Tally]
    others: int  # contacts that have another value
    without: int  # contacts that have none


def top_tallies(tx: Tx, account: str, kind: Kind, limit: int) -> Tallies:
    """The values that most contacts of the account have, most first; it reads no more rows than it returns.

    Args:
        limit: how many values at most.
    """
    rows = tx.all(
        """
        SELECT b.contact_count,
               COALESCE((SELECT t.live FROM tallies AS t
                         WHERE t.account = :account AND t.kind = :kind AND t.value = ''), 0),
               top.value, top.live
        FROM books AS b
        LEFT JOIN (
            SELECT t.value, t.live FROM tallies AS t
            WHERE t.account = :account AND t.kind = :kind AND t.value <> ''
            ORDER BY t.live DESC, t.value
            LIMIT :limit
        ) AS top ON TRUE
        WHERE b.account = :account
        ORDER BY top.live DESC, top.value
        """,
        account=account,
        kind=kind,
        limit=limit,
    )
    if not rows:
        return Tallies([], 0, 0)
    total, without = rows[0][:2]
    largest = [Tally(*row[2:]) for row in rows if row[2] is not None]
    return Tallies(largest, total - without - sum(tally.live for tally in largest), without)


def tally_contacts(
    tx: Tx, account: str, *, left: Sequence[Contact] = (), joined: Sequence[Contact] = (), now: datetime
) -> None:
    """Keep the tallies in step with contacts that are gone, or were changed from this, and those that are there now."""
    values = Counter(map(_tallied, joined))
    values.subtract(map(_tallied, left))
    moved: Counter[Key] = Counter()
    for (prefix, tag, made), live in values.items():
        moved["country", calling_code(prefix)] += live
        moved["tag", tag or ""] += live
        moved["made-day", made[:DAY]] += live
        moved["made-moment", made] += live
    moved["contacts", day_text(now)] = len(joined) - len(left)
    _move(tx, account, moved)


def tally_lists(tx: Tx, account: str, difference: int, *, now: datetime) -> None:
    """Keep the tallies in step with how many lists came, or went."""
    _move(tx, account, {("lists", day_text(now)): difference})


def count_countries(prefixes: Mapping[str, int]) -> Counter[str]:
    """How many numbers have each calling code, of how many have each beginning of `LONGEST` characters."""
    countries: Counter[str] = Counter()
    for prefix, live in prefixes.items():
        countries[calling_code(prefix)] += live
    return countries


def _tallied(contact: Contact) -> tuple[str, str | None, str]:
    return contact.number[:LONGEST], contact.tag, contact.created[:MOMENT]


def _move(tx: Tx, account: str, moved: Mapping[Key, int]) -> None:
    rows = [(*key, difference) for key, difference in moved.items() if difference]
    if not rows:
        return
    source, params = rows_of(tx.engine, rows)
    tx.run(
        f"""
        INSERT INTO tallies (account, kind, value, live)
        SELECT :account, r.value ->> 0, r.value ->> 1, CAST(r.value ->> 2 AS bigint) FROM {source} AS r WHERE TRUE
        ON CONFLICT (account, kind, value) DO UPDATE SET live = tallies.live + excluded.live
        """,
        account=account,
        **params,
    )
    if any(difference < 0 for *_, difference in rows):
        tx.run(
            f"""
            DELETE FROM tallies
            WHERE account = :account AND live = 0
              AND (kind, value) IN (SELECT r.value ->> 0, r.value ->> 1 FROM {source} AS r)
            """,
            account=account,
            **params,
        )
