"""The rows of a page of a list.

On SQLite a statement costs little, so the way down the blocks is several. On PostgreSQL each is a trip to the server,
so the way down is a recursion in the page's own statement; and there each contact is looked up for its member
(LATERAL … LIMIT 1), so that no plan can begin with all contacts.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from dialbook.model.page import Window
from dialbook.store.contacts import MEMBER_COLUMNS
from dialbook.store.database import Row, Tx
from dialbook.store.member_blocks import BITS, LEVELS, PAST_ALL, RANK, Blocks, position_at, rank_of, rank_params

# The lowest level that has all positions in at most 32 blocks.
TOP_LEVEL = " ".join(f"WHEN l.next_position <= {1 << BITS * (level + 1)} THEN {level}" for level in range(1, LEVELS))

# A way ends on level 0, with the position from which on `rank` members are passed over: fewer than a block of them.
BY_RANK = f"""
    WITH RECURSIVE way (level, first, past, rank) AS (
        SELECT CAST(CASE WHEN :offset < {1 << BITS} OR l.contact_count = l.next_position THEN 0
                         {TOP_LEVEL} ELSE {LEVELS} END AS bigint),
               CAST(CASE WHEN l.contact_count = l.next_position THEN :offset ELSE 0 END AS bigint),
               CAST({PAST_ALL} AS bigint),
               CAST(CASE WHEN l.contact_count = l.next_position THEN 0 ELSE :offset END AS bigint)
        FROM lists AS l
        WHERE l.account = :account AND l.sid = :list AND l.contact_count > :offset
        UNION ALL
        SELECT way.level - 1, s.block << {BITS}, (s.block + 1) << {BITS}, way.rank - s.before
        FROM way
        CROSS JOIN LATERAL (
            SELECT b.block, b.live, CAST(sum(b.live) OVER (ORDER BY b.block) AS bigint) - b.live AS before
            FROM member_blocks AS b
            WHERE b.account = :account AND b.list = :list AND b.level = way.level
              AND b.block >= way.first AND b.block < way.past
        ) AS s
        WHERE way.level > 0 AND s.before <= way.rank AND way.rank < s.before + s.live
    )
"""
BY_POSITION = "WITH way (level, first, rank) AS (SELECT 0, CAST(:start AS bigint), CAST(0 AS bigint))"


class PageRows(Struct, frozen=True):
    """A page's window with its offset, its list's total and version; rows have a member's position and the contact."""

    window: Window
    total: int
    version: int
    rows: Sequence[Row]


def read_page(tx: Tx, account: str, list_sid: str, window: Window) -> PageRows | None:
    """The rows of a page, or `None` when there is no such list."""
    read = _read_at_once if tx.engine == "postgres" else _read_in_steps
    return read(tx, account, list_sid, window)


def _read_in_steps(tx: Tx, account: str, list_sid: str, window: Window) -> PageRows | None:
    found = tx.one(
        """
        SELECT l.contact_count, l.version, l.next_position FROM lists AS l
        WHERE l.account = :account AND l.sid = :list
        """,
        account=account,
        list=list_sid,
    )
    if found is None:
        return None
    total, version, next_position = found
    if window.after is None:
        start = position_at(tx, account, Blocks(list_sid, version, total, next_position), window.offset)
    else:
        start = window.after + 1
        window = replace(window, offset=rank_of(tx, account, list_sid, start))
    rows = tx.all(
        f"""
        SELECT m.position, {MEMBER_COLUMNS}
        FROM members AS m CROSS JOIN contacts AS c
        WHERE m.account = :account AND m.list = :list AND m.position >= :start
          AND c.account = :account AND c.sid = m.contact
        ORDER BY m.position
        LIMIT :limit
        """,
        account=account,
        list=list_sid,
        start=start,
        limit=window.limit,
    )
    return PageRows(window, total, version, rows)


def _read_at_once(tx: Tx, account: str, list_sid: str, window: Window) -> PageRows | None:
    if window.after is None:
        way, offset, params = BY_RANK, ":offset", {"offset": window.offset}
    else:
        start = window.after + 1
        way, offset, params = BY_POSITION, f"({RANK})", {"start": start, **rank_params(start)}
    rows = tx.all(
        f"""
        {way}
        SELECT CAST({offset} AS bigint), l.contact_count, l.version, m.position, c.*
        FROM lists AS l
        LEFT JOIN (
            way
            CROSS JOIN LATERAL (
                SELECT m.position, m.contact, m.variables FROM members AS m
                WHERE m.account = :account AND m.list = :list AND m.position >= way.first
                ORDER BY m.position
                LIMIT :limit OFFSET way.rank
            ) AS m
            CROSS JOIN LATERAL (
                SELECT {MEMBER_COLUMNS} FROM contacts AS c WHERE c.account = :account AND c.sid = m.contact LIMIT 1
            ) AS c
        ) ON way.level = 0
        WHERE l.account = :account AND l.sid = :list
        ORDER BY m.position
        """,
        account=account,
        list=list_sid,
        limit=window.limit,
        **params,
    )
    if not rows:
        return None
    offset, total, version = rows[0][:3]
    # An empty page is one row, of the list alone.
    return PageRows(replace(window, offset=offset), total, version, [row[3:] for row in rows if row[3] is not None])
