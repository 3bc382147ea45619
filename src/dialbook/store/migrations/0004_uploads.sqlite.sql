-- Uploads: rows of a file that join a list, and what became of each.

-- What a dynamic list keeps of each member, as a JSON object.
ALTER TABLE members ADD COLUMN variables TEXT;

CREATE TABLE uploads (
    account      TEXT    NOT NULL REFERENCES accounts (account),
    sid          TEXT    NOT NULL,
    list         TEXT,                     -- unset while the list that a dry run would make is not there
    list_type    TEXT    NOT NULL,
    on_duplicate TEXT    NOT NULL,
    dry_run      INTEGER NOT NULL,
    columns      TEXT    NOT NULL,         -- of the file, a JSON array
    status       TEXT    NOT NULL,
    reason       TEXT,                     -- why it failed
    joined       INTEGER NOT NULL DEFAULT 0,  -- contacts that joined the list
    success      INTEGER NOT NULL DEFAULT 0,
    duplicate    INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    created      TEXT    NOT NULL,
    ended        TEXT,
    PRIMARY KEY (account, sid)
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_by_end ON uploads (account, ended, sid);

-- The rows that did not get into the list, counted from 0: a page of them is found by its offset.
CREATE TABLE upload_reports (
    account     TEXT    NOT NULL,
    upload      TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    number      TEXT,
    reason      TEXT    NOT NULL,
    description TEXT    NOT NULL,
    cells       TEXT    NOT NULL,          -- a JSON array
    PRIMARY KEY (account, upload, position),
    FOREIGN KEY (account, upload) REFERENCES uploads (account, sid)
) STRICT, WITHOUT ROWID;

-- The numbers that an upload has met, where the list alone does not tell; gone when it ends.
CREATE TABLE upload_numbers (
    account TEXT NOT NULL,
    upload  TEXT NOT NULL,
    number  TEXT NOT NULL,
    PRIMARY KEY (account, upload, number),
    FOREIGN KEY (account, upload) REFERENCES uploads (account, sid)
) STRICT, WITHOUT ROWID;

-- The uploads of all accounts that are not at their end, each with the folder that has its file.
CREATE TABLE upload_queue (
    account TEXT NOT NULL,
    upload  TEXT NOT NULL,
    folder  TEXT NOT NULL,
    PRIMARY KEY (account, upload),
    FOREIGN KEY (account, upload) REFERENCES uploads (account, sid)
) STRICT, WITHOUT ROWID;

CREATE INDEX upload_queue_by_folder ON upload_queue (folder, upload);
