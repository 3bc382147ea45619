-- Uploads: rows of a file that join a list, and what became of each.

-- What a dynamic list keeps of each member, as a JSON object.
ALTER TABLE members ADD COLUMN variables text;

CREATE TABLE uploads (
    account      text COLLATE "C" NOT NULL REFERENCES accounts (account),
    sid          text COLLATE "C" NOT NULL,
    list         text COLLATE "C",         -- unset while the list that a dry run would make is not there
    list_type    text NOT NULL,
    on_duplicate text NOT NULL,
    dry_run      bigint NOT NULL,
    columns      text NOT NULL,            -- of the file, a JSON array
    status       text NOT NULL,
    reason       text,                     -- why it failed
    joined       bigint NOT NULL DEFAULT 0,  -- contacts that joined the list
    success      bigint NOT NULL DEFAULT 0,
    duplicate    bigint NOT NULL DEFAULT 0,
    failed       bigint NOT NULL DEFAULT 0,
    created      text COLLATE "C" NOT NULL,
    ended        text COLLATE "C",
    PRIMARY KEY (account, sid)
);

CREATE INDEX uploads_by_end ON uploads (account, ended, sid);

-- The rows that did not get into the list, counted from 0: a page of them is found by its offset.
CREATE TABLE upload_reports (
    account     text COLLATE "C" NOT NULL,
    upload      text COLLATE "C" NOT NULL,
    position    bigint NOT NULL,
    line        bigint NOT NULL,
    number      text,
    reason      text NOT NULL,
    description text NOT NULL,
    cells       text NOT NULL,             -- a JSON array
    PRIMARY KEY (account, upload, position),
    FOREIGN KEY (account, upload) REFERENCES uploads (account, sid)
);

-- The numbers that an upload has met, where the list alone does not tell; gone when it ends.
CREATE TABLE upload_numbers (
    account text COLLATE "C" NOT NULL,
    upload  text COLLATE "C" NOT NULL,
    number  text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, upload, number),
    FOREIGN KEY (account, upload) REFERENCES uploads (account, sid)
);

-- The uploads of all accounts that are not at their end, each with the folder that has its file: a table that each node
-- would have, should the others be distributed.
CREATE TABLE upload_queue (
    account text COLLATE "C" NOT NULL,
    upload  text COLLATE "C" NOT NULL,
    folder  text COLLATE "C" NOT NULL,
    PRIMARY KEY (account, upload)
);

CREATE INDEX upload_queue_by_folder ON upload_queue (folder, upload);
