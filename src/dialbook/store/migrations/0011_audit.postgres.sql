-- The audit log: of each account a chain, in which the hash of every entry covers the one before it.

-- How far each chain goes, and how much of its beginning was pruned. A chain outlives its account, and the one of '-'
-- has what concerns no account.
CREATE TABLE audit_chains (
    account     text COLLATE "C" NOT NULL PRIMARY KEY,
    number      bigint NOT NULL,       -- of the last entry
    hash        text NOT NULL,         -- of the last entry
    pruned      bigint NOT NULL,       -- the number of the last entry that was pruned, or 0
    pruned_hash text NOT NULL          -- its hash
);

CREATE TABLE audit_entries (
    account   text COLLATE "C" NOT NULL,
    number    bigint NOT NULL,         -- counted from 1, without gaps
    moment    text COLLATE "C" NOT NULL,
    via       text NOT NULL,
    key       text,                    -- whose request it was
    action    text NOT NULL,
    touched   text NOT NULL,           -- sids, as model/audit.py writes them
    succeeded bigint NOT NULL,
    failed    bigint NOT NULL,
    refusal   bigint,                  -- the HTTP status of a refusal
    request   text,
    hash      text NOT NULL,           -- SHA-256, hex
    PRIMARY KEY (account, number)
);

CREATE INDEX audit_entries_by_moment ON audit_entries (account, moment, number);

-- Who sent the file: it is worked off in the name of this key.
ALTER TABLE uploads ADD COLUMN key text;
