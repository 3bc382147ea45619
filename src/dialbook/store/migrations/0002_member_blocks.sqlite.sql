-- Rank paging: how many members live in each block of 32 positions, of 32 such blocks, and so on; and a list's version.

-- A block of level n holds the positions p with p >> (5 * n) = block. A block without members has no row.
CREATE TABLE member_blocks (
    account TEXT    NOT NULL,
    list    TEXT    NOT NULL,
    level   INTEGER NOT NULL,
    block   INTEGER NOT NULL,
    live    INTEGER NOT NULL,
    PRIMARY KEY (account, list, level, block),
    FOREIGN KEY (account, list) REFERENCES lists (account, sid)
) STRICT, WITHOUT ROWID;

INSERT INTO member_blocks (account, list, level, block, live)
SELECT m.account, m.list, levels.level, m.position >> (5 * levels.level), count(*)
FROM members AS m
CROSS JOIN (SELECT 1 AS level UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6) AS levels
GROUP BY m.account, m.list, levels.level, m.position >> (5 * levels.level);

-- Moves with each change of the list, of who is in it, or of a contact in it.
ALTER TABLE lists ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
