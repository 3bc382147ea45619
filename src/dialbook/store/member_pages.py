"""The rows of a page of a list.

On SQLite a statement costs little, so the way down the blocks is several. On PostgreSQL each is a trip to the server,
so the way down is a recursion in the page's own statement; and there each contact is looked up for its member
(LATERAL … LIMIT 1), so that no plan can begin with all contacts.
"""

from collections.abc import Sequence

from dialbook.model.page import Window
from dialbook.store.contacts import COLUMNS
from dialbook.store.database import Row, Tx
from dialbook.store.member_blocks import BITS, LEVELS, PAST_ALL, RANK, position_at, rank_of, rank_params

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


def read_page(tx: Tx, account: str, list_sid: str, window: Window) -> tuple[int, Sequence[Row]]:
    """The offset that the page has, and rows of the list's total and version, the member's position, and the contact.

    One row without position and contact when the page is empty, none when there is no such list.
    """
    read = _read_at_once if tx.engine == "postgres" else _read_in_steps
    return read(tx, account, list_sid, window)


def _read_in_steps(tx: Tx, account: str, list_sid: str, window: Window) -> tuple[int, Sequence[Row]]:
    if window.after is None:
        start, offset = position_at(tx, account, list_sid, window.offset), window.offset
    else:
        start = window.after + 1
        offset = rank_of(tx, account, list_sid, start)
    rows = tx.all(
        f"""
        SELECT l.contact_count, l.version, m.position, {COLUMNS}
        FROM lists AS l
        LEFT JOIN members AS m ON m.account = :account AND m.list = :list AND m.position >= :start
        LEFT JOIN contacts AS c ON c.account = :account AND c.sid = m.contact
        WHERE l.account = :account AND l.sid = :list
        ORDER BY m.position
        LIMIT :limit
        """,
        account=account,
        list=list_sid,
        start=start,
        limit=window.limit,
    )
    return offset, rows


def _read_at_once(tx: Tx, account: str, list_sid: str, window: Window) -> tuple[int, Sequence[Row]]:
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
                SELECT m.position, m.contact FROM members AS m
                WHERE m.account = :account AND m.list = :list AND m.position >= way.first
                ORDER BY m.position
                LIMIT :limit OFFSET way.rank
            ) AS m
            CROSS JOIN LATERAL (
                SELECT {COLUMNS} FROM contacts AS c WHERE c.account = :account AND c.sid = m.contact LIMIT 1
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
    return rows[0][0] if rows else 0, [row[1:] for row in rows]
