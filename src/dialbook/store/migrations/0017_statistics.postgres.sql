-- What PostgreSQL has to believe of an account, and of a list: that it may have all rows. It plans once for all of them,
-- by what they have on average: with thousands of small accounts beside a large one it read all that the large one has
-- to find one contact, since of an average account any index gives as little.

ALTER TABLE contacts      ALTER COLUMN account SET (n_distinct = 1);
ALTER TABLE lists         ALTER COLUMN account SET (n_distinct = 1);
ALTER TABLE members       ALTER COLUMN account SET (n_distinct = 1), ALTER COLUMN list SET (n_distinct = 1);
ALTER TABLE uploads       ALTER COLUMN account SET (n_distinct = 1);
ALTER TABLE tallies       ALTER COLUMN account SET (n_distinct = 1);
ALTER TABLE idempotency   ALTER COLUMN account SET (n_distinct = 1);
ALTER TABLE audit_entries ALTER COLUMN account SET (n_distinct = 1);

-- It believes so from when it counts next. A book that is empty is left alone: it would be believed to remain so.
DO $$
BEGIN
    IF EXISTS (SELECT FROM contacts) OR EXISTS (SELECT FROM lists) THEN
        ANALYZE contacts, lists, members, uploads, tallies, idempotency, audit_entries;
    END IF;
END
$$;
