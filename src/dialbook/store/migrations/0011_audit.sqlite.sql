-- The audit log: of each account a chain, in which the hash of every entry covers the one before it.

-- How far each chain goes, and how much of its beginning was pruned. A chain outlives its account, and the one of '-'
-- has what concerns no account.
CREATE TABLE audit_chains (
    account     TEXT    NOT NULL PRIMARY KEY,
    number      INTEGER NOT NULL,      -- of the last entry
    hash        TEXT    NOT NULL,      -- of the last entry
    pruned      INTEGER NOT NULL,      -- the number of the last entry that was pruned, or 0
    pruned_hash TEXT    NOT NULL       -- its hash
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_entries (
    account   TEXT    NOT NULL,
    number    INTEGER NOT NULL,        -- counted from 1, without gaps
    moment    TEXT    NOT NULL,
    via       TEXT    NOT NULL,
    key       TEXT,                    -- whose request it was
    action    TEXT    NOT NULL,
    touched   TEXT    NOT NULL,        -- sids, as model/audit.py writes them
    succeeded INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    refusal   INTEGER,                 -- the HTTP status of a refusal
    request   TEXT,
    hash      TEXT    NOT NULL,        -- SHA-256, hex
    PRIMARY KEY (account, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_entries_by_moment ON audit_entries (account, moment, number);

-- Who sent the file: it is worked off in the name of this key.
ALTER TABLE uploads ADD COLUMN key TEXT;
