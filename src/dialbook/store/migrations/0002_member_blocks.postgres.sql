-- Rank paging: how many members live in each block of 32 positions, of 32 such blocks, and so on; and a list's version.

-- A block of level n holds the positions p with p >> (5 * n) = block. A block without members has no row.
CREATE TABLE member_blocks (
    account text COLLATE "C" NOT NULL,
    list    text COLLATE "C" NOT NULL,
    level   bigint NOT NULL,
    block   bigint NOT NULL,
    live    bigint NOT NULL,
    PRIMARY KEY (account, list, level, block),
    FOREIGN KEY (account, list) REFERENCES lists (account, sid)
);

INSERT INTO member_blocks (account, list, level, block, live)
SELECT m.account, m.list, levels.level, m.position >> (5 * levels.level), count(*)
FROM members AS m
CROSS JOIN generate_series(1, 6) AS levels (level)
GROUP BY m.account, m.list, levels.level, m.position >> (5 * levels.level);

-- Moves with each change of the list, of who is in it, or of a contact in it.
ALTER TABLE lists ADD COLUMN version bigint NOT NULL DEFAULT 0;
