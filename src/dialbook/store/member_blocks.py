"""Rank paging: which position a list's n-th member has, at any depth at the cost of a few short reads.

Positions are counted in blocks: of 32 positions, of 32 such blocks, and so on. To find the n-th member, go down from
the largest blocks, and pass over whole ones by their counts (docs/decisions/0013).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from dialbook.store.database import Params, Row, Tx

BITS = 5  # 32 blocks, or positions, in a block of the next level: what one read of a level looks through at most
LEVELS = 6  # 32 billion positions; what is beyond them only makes the highest level longer
PAST_ALL = 2**62  # a position that no member has

# The members before a position: those in its own block, and the blocks before it in each larger one.
RANK = " + ".join(
    [
        """
    SELECT (SELECT count(*) FROM members AS m
            WHERE m.account = :account AND m.list = :list AND m.position >= :first0 AND m.position < :end0)
    """,
        *(
            f"""
           (SELECT COALESCE(sum(b.live), 0) FROM member_blocks AS b
            WHERE b.account = :account AND b.list = :list AND b.level = {level}
              AND b.block >= :first{level} AND b.block < :end{level})
        """
            for level in range(1, LEVELS + 1)
        ),
    ]
)


class Blocks(Struct, frozen=True):
    """The blocks of a list in one state of it, and what they hold in all."""

    list_sid: str
    version: int
    count: int  # of members
    next_position: int  # the first that no member had yet


def count_members(tx: Tx, account: str, positions: Mapping[str, Iterable[int]], *, joined: bool) -> None:
    """Keep the counts in step with members who joined, or left, at these positions, by list."""
    blocks = [block for list_sid, theirs in positions.items() for block in _blocks_of(account, list_sid, theirs)]
    change = _add if joined else _subtract
    change(tx, blocks)


def position_at(tx: Tx, account: str, blocks: Blocks, rank: int) -> int:
    """The position of the member that has `rank` others before it; `PAST_ALL` when there are not so many members."""
    if rank == 0:
        return 0
    if rank >= blocks.count:
        return PAST_ALL
    if blocks.count == blocks.next_position:
        return rank
    return _descend(tx, account, blocks, rank)


def rank_of(tx: Tx, account: str, list_sid: str, position: int) -> int:
    """How many members have lower positions."""
    row = tx.one(RANK, account=account, list=list_sid, **rank_params(position))
    return int(row[0]) if row else 0


def ranks_of(tx: Tx, account: str, list_sid: str, positions: Iterable[int]) -> list[int]:
    """How many members have lower positions, for each of several."""
    params = ({"account": account, "list": list_sid, **rank_params(position)} for position in positions)
    return [int(row[0]) if row else 0 for row in tx.each(RANK, params)]


def rank_params(position: int) -> dict[str, int]:
    """The parameters of `RANK`."""
    params = {"first0": position >> BITS << BITS, "end0": position}
    for level in range(1, LEVELS + 1):
        block = position >> BITS * level
        params |= {f"first{level}": block >> BITS << BITS if level < LEVELS else 0, f"end{level}": block}
    return params


def _blocks_of(account: str, list_sid: str, positions: Iterable[int]) -> Iterator[Params]:
    """The blocks of every level that these positions are in, and how many of them each has."""
    counts = Counter(position >> BITS for position in positions)
    for level in range(1, LEVELS + 1):
        for block, members in counts.items():
            yield {"account": account, "list": list_sid, "level": level, "block": block, "members": members}
        counts = _in_larger_blocks(counts)


def _add(tx: Tx, blocks: Sequence[Params]) -> None:
    tx.run_each(
        """
        INSERT INTO member_blocks (account, list, level, block, live)
        VALUES (:account, :list, :level, :block, :members)
        ON CONFLICT (account, list, level, block) DO UPDATE SET live = member_blocks.live + excluded.live
        """,
        blocks,
    )


def _subtract(tx: Tx, blocks: Sequence[Params]) -> None:
    tx.run_each(
        """
        UPDATE member_blocks SET live = live - :members
        WHERE account = :account AND list = :list AND level = :level AND block = :block
        """,
        blocks,
    )
    tx.run_each(
        """
        DELETE FROM member_blocks
        WHERE account = :account AND list = :list AND level = :level AND block = :block AND live = 0
        """,
        blocks,
    )


def _descend(tx: Tx, account: str, blocks: Blocks, rank: int) -> int:
    first, end = 0, PAST_ALL
    for level in range(_top_level(blocks.next_position), 0, -1):
        key = (blocks.list_sid, blocks.version, level, first)
        lives = tx.keep(key, partial(_lives, tx, account, blocks.list_sid, level, first, end))
        block, rank = _skip(lives, rank)
        first, end = block << BITS, block + 1 << BITS
    row = tx.one(
        """
        SELECT m.position FROM members AS m
        WHERE m.account = :account AND m.list = :list AND m.position >= :first
        ORDER BY m.position
        LIMIT 1 OFFSET :rank
        """,
        account=account,
        list=blocks.list_sid,
        first=first,
        rank=rank,
    )
    return int(row[0]) if row else PAST_ALL


def _lives(tx: Tx, account: str, list_sid: str, level: int, first: int, end: int) -> Sequence[Row]:
    """The blocks of a level from the first to before the end, each with how many members it has."""
    return tx.all(
        """
        SELECT b.block, b.live FROM member_blocks AS b
        WHERE b.account = :account AND b.list = :list AND b.level = :level AND b.block >= :first AND b.block < :end
        ORDER BY b.block
        """,
        account=account,
        list=list_sid,
        level=level,
        first=first,
        end=end,
    )


def _top_level(next_position: int) -> int:
    """The lowest level that has all positions in at most 32 blocks."""
    return min(LEVELS, max(1, (max(next_position - 1, 1).bit_length() - 1) // BITS))


def _skip(blocks: Sequence[Row], rank: int) -> tuple[int, int]:
    """The block that holds the rank-th member of these blocks, and that member's rank in it."""
    for block, live in blocks:
        if rank < live:
            return block, rank
        rank -= live
    raise AssertionError("the blocks hold fewer members than the list")


def _in_larger_blocks(counts: Counter[int]) -> Counter[int]:
    larger: Counter[int] = Counter()
    for block, count in counts.items():
        larger[block >> BITS] += count
    return larger
