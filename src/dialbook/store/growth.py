"""How a book and a list have grown, at the cost of a few reads, however large they are (docs/decisions/0022)."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, timedelta
from operator import itemgetter

from msgspec import Struct

from dialbook.store.database import Tx
from dialbook.store.list_ends import ends_of
from dialbook.store.member_blocks import ranks_of


class BookDay(Struct, frozen=True):
    """How much was in a book at the end of a day (UTC) on which that changed."""

    day: str
    contact_count: int
    list_count: int


class ListDay(Struct, frozen=True):
    """How many of those who are in a list now had joined it by the end of a day (UTC)."""

    day: str
    joined: int


def book_growth(tx: Tx, account: str, first_day: str, last_day: str) -> list[BookDay]:
    """The days on which the counts of the account's book changed, oldest first, and the last such day before them.

    It reads a row or two for each day on which anything ever came or went, however much that was. A change counts for
    the day on which it was asked for. Of the days before Dialbook kept this only those contacts and lists are known
    that were still there when it began to.

    Args:
        first_day: the first that matters, as `2026-01-05`.
        last_day: the last.
    """
    rows = tx.all(
        """
        WITH days (day, contacts, lists) AS (
            SELECT t.value,
                   CAST(sum(CASE t.kind WHEN 'contacts' THEN t.live ELSE 0 END) AS bigint),
                   CAST(sum(CASE t.kind WHEN 'lists' THEN t.live ELSE 0 END) AS bigint)
            FROM tallies AS t
            WHERE t.account = :account AND t.kind IN ('contacts', 'lists') AND t.value <= :last_day AND t.live <> 0
            GROUP BY t.value
        )
        SELECT day, CAST(sum(contacts) OVER (ORDER BY day) AS bigint), CAST(sum(lists) OVER (ORDER BY day) AS bigint)
        FROM days
        ORDER BY day
        """,
        account=account,
        last_day=last_day,
    )
    begin = max(0, bisect_left(rows, first_day, key=itemgetter(0)) - 1)
    return [BookDay(*row) for row in rows[begin:]]


def list_growth(tx: Tx, account: str, list_sid: str, buckets: int = 60) -> list[ListDay]:
    """How many of those who are in a list now had joined it by each of some days, oldest first.

    Who has left is in none of the figures: they tell how today's members came together, not how long the list was.
    Members stand in the order of their moments. Those who joined before schema step 14 may not, where moments were
    close: at the turn of a day a figure may be off by them.

    Args:
        buckets: how many days at most, evenly spaced: the last is the one on which the newest member joined.

    Raises:
        NotFound: the account has no such list.
    """
    ends = ends_of(tx, account, list_sid)
    if not ends.count:
        return []
    *days, last_day = _spaced(ends.first_joined[:10], ends.last_joined[:10], buckets)
    positions = _first_after(tx, account, list_sid, days, ends.next_position)
    joined = [*ranks_of(tx, account, list_sid, positions), ends.count]
    return [ListDay(*each) for each in zip([*days, last_day], joined, strict=True)]


def _spaced(first_day: str, last_day: str, most: int) -> list[str]:
    """Days up to the last, at most so many, an equal number of days apart."""
    last = date.fromisoformat(last_day)
    length = max(0, (last - date.fromisoformat(first_day)).days) + 1
    step = -(-length // most)
    return [str(last - timedelta(days=back)) for back in reversed(range(0, length, step))]


def _first_after(tx: Tx, account: str, list_sid: str, days: Sequence[str], next_position: int) -> list[int]:
    """For each day the first position whose member, or the next one that there is, joined after it.

    All are searched for in one statement, halving the stretch of positions in which each must be, from powers of two.
    """
    if not days:
        return []
    params = {f"day{i}": day for i, day in enumerate(days)}
    values = ", ".join(f"(:{name})" for name in params)
    rows = tx.all(
        f"""
        WITH RECURSIVE days (day) AS (VALUES {values}),
        search (day, position, step) AS (
            SELECT day, CAST(0 AS bigint), CAST(:step AS bigint) FROM days
            UNION ALL
            SELECT s.day,
                   s.position + CASE WHEN (SELECT substr(m.joined, 1, 10) FROM members AS m
                                           WHERE m.account = :account AND m.list = :list
                                             AND m.position >= s.position + s.step - 1
                                           ORDER BY m.position
                                           LIMIT 1) <= s.day THEN s.step ELSE 0 END,
                   s.step / 2
            FROM search AS s
            WHERE s.step > 0
        )
        SELECT s.position FROM search AS s WHERE s.step = 0 ORDER BY s.day
        """,
        account=account,
        list=list_sid,
        step=1 << next_position.bit_length() - 1,
        **params,
    )
    return [row[0] for row in rows]
