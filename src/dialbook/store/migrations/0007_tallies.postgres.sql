-- What the pictures of a book are drawn from: how many contacts have each value, and how many came on each day.

-- Of kind 'country' and 'tag', the contacts with a calling code, and with a tag, where '' stands for none; of kind
-- 'contacts' and 'lists', how many more of them there were at the end of a day (UTC) than at its beginning. What nobody
-- has any more has no row.
CREATE TABLE tallies (
    account text COLLATE "C" NOT NULL REFERENCES accounts (account),
    kind    text COLLATE "C" NOT NULL,
    value   text COLLATE "C" NOT NULL,
    live    bigint NOT NULL,
    PRIMARY KEY (account, kind, value)
);

CREATE INDEX tallies_by_live ON tallies (account, kind, live DESC, value);

-- No calling code has another length than these (ITU-T E.164).
INSERT INTO tallies (account, kind, value, live)
SELECT p.account, 'country',
       CASE WHEN substr(p.prefix, 2, 1) IN ('1', '7') THEN substr(p.prefix, 1, 2)
            WHEN substr(p.prefix, 2, 2) IN ('20', '27', '30', '31', '32', '33', '34', '36', '39', '40', '41', '43', '44',
                                            '45', '46', '47', '48', '49', '51', '52', '53', '54', '55', '56', '57', '58',
                                            '60', '61', '62', '63', '64', '65', '66', '81', '82', '84', '86', '90', '91',
                                            '92', '93', '94', '95', '98') THEN substr(p.prefix, 1, 3)
            ELSE p.prefix END,
       CAST(sum(p.live) AS bigint)
FROM (SELECT c.account, substr(c.number, 1, 4) AS prefix, count(*) AS live FROM contacts AS c GROUP BY 1, 2) AS p
GROUP BY 1, 2, 3;

INSERT INTO tallies (account, kind, value, live)
SELECT c.account, 'tag', COALESCE(c.tag, ''), count(*) FROM contacts AS c GROUP BY 1, 2, 3;

-- Of the days before this step those are counted who are still there.
INSERT INTO tallies (account, kind, value, live)
SELECT c.account, 'contacts', substr(c.created, 1, 10), count(*) FROM contacts AS c GROUP BY 1, 2, 3;

INSERT INTO tallies (account, kind, value, live)
SELECT l.account, 'lists', substr(l.created, 1, 10), count(*) FROM lists AS l GROUP BY 1, 2, 3;
