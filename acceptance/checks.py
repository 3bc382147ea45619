"""Every check: what is promised, what holds Dialbook to it, how often, and what it is known to notice.

Numbers are those of docs/reliability.md. Where a check measures over time, a round is a second.
"""

from acceptance import (
    breaks,
    disconnects,
    full_disk,
    graceful,
    kill,
    litestream,
    locks,
    memory,
    migration,
    power,
    rate,
    soak,
)
from acceptance.servers import POSTGRES, SQLITE
from acceptance.suites import suite
from acceptance.trial import NIGHT, TEST, Case, Check

BOTH = "both"  # engines, side by side or one after the other

CHECKS = (
    Check(
        1,
        "power",
        "What was acknowledged survives a loss of power",
        power.measure,
        {
            SQLITE: Case(breaks.SQLITE_SYNCS_LATER, full=50, bite=3),
            POSTGRES: Case(breaks.POSTGRES_SYNCS_LATER, full=15, bite=3),
        },
    ),
    Check(
        2,
        "kill",
        "What was acknowledged survives kill -9; all else is there as a whole or not at all",
        kill.measure,
        {
            SQLITE: Case(breaks.ANSWERS_BEFORE_COMMIT, full=150, quick=5, bite=5),
            POSTGRES: Case(breaks.POSTGRES_COMMITS_EACH_STATEMENT, full=50, quick=2, bite=5),
        },
    ),
    Check(
        3,
        "tenancy",
        "No key opens another account, on any route",
        suite("test_tenancy.py"),
        {BOTH: Case(breaks.OPENS_ANY_ACCOUNT)},
        tier=TEST,
    ),
    Check(
        4,
        "statements",
        "Every statement on an account's data names the account",
        suite("test_tenancy.py::test_the_watch_over_statements_bites", "server/test_uploads.py"),
        {BOTH: Case(breaks.FORGETS_THE_ACCOUNT)},
        tier=TEST,
    ),
    Check(
        5,
        "fuzz",
        "No input is answered by 5xx, or in a way that the description does not know",
        suite("test_fuzz.py", FUZZ_EXAMPLES=200),
        {BOTH: Case(breaks.TAKES_ANY_OFFSET)},
    ),
    Check(
        7,
        "upload",
        "An upload that is killed 20 times ends as if it had not been",
        suite(
            "test_upload_crashes.py::test_an_upload_that_is_killed_again_and_again_ends_as_if_it_was_not[{engine}]",
            UPLOAD_ROWS=500_000,
        ),
        {
            SQLITE: Case(breaks.SQLITE_COMMITS_EACH_STATEMENT),
            POSTGRES: Case(breaks.POSTGRES_COMMITS_EACH_STATEMENT),
        },
    ),
    Check(
        8,
        "model",
        "Both engines give the same answers, and those of a model",
        suite("test_equal_engines.py", "test_properties.py", EXAMPLES=200),
        {BOTH: Case(breaks.POSTGRES_COUNTS_ONE_MORE)},
    ),
    Check(
        9,
        "history",
        "A walk under writes misses nobody who stays, and shows nobody twice",
        suite("test_history.py::test_every_walk_keeps_what_is_promised[{engine}]", HISTORY_JOINS=200),
        {
            SQLITE: Case(breaks.SQLITE_CURSOR_REPEATS, full=10),
            POSTGRES: Case(breaks.POSTGRES_CURSOR_REPEATS, full=5),
        },
    ),
    Check(
        10,
        "guard",
        "Every connection to a SQLite file has every setting, read back",
        suite("store/test_sqlite.py"),
        {SQLITE: Case(breaks.READERS_SET_NOTHING)},
        tier=TEST,
    ),
    Check(
        12,
        "privacy",
        "No number, name or secret is in a log, at any level",
        suite("test_privacy.py"),
        {SQLITE: Case(breaks.LOGS_WHAT_WENT_WRONG)},
        tier=TEST,
    ),
    Check(
        14,
        "memory",
        "Uploads of 60 MB, a whole list and bulks, all at once, stay within 256 MiB",
        memory.measure,
        {
            SQLITE: Case(breaks.READS_FILES_WHOLE, full=20, bite=1),
            POSTGRES: Case(breaks.READS_FILES_WHOLE, full=20, bite=1),
        },
    ),
    Check(
        16,
        "full-disk",
        "A full disk refuses changes, goes on reading, and takes changes again once there is room",
        full_disk.fill,
        {SQLITE: Case(breaks.SWALLOWS_COMMIT_ERRORS, quick=1)},
    ),
    Check(
        16,
        "failing-disk",
        "A change whose write or sync has failed is never acknowledged",
        full_disk.fail,
        {SQLITE: Case(breaks.SWALLOWS_COMMIT_ERRORS)},
    ),
    Check(
        17,
        "restarts",
        "PostgreSQL restarted 20 times under load: only 503, back in 5 s, nothing lost",
        suite("test_loss_of_postgres.py::test_postgres_is_restarted[immediate]", RESTARTS=20),
        {POSTGRES: Case(breaks.LOSS_IS_A_BUG)},
    ),
    Check(
        19,
        "black-hole",
        "When packets to PostgreSQL vanish, every request ends within 10 s, and it is back 5 s after them",
        suite("test_loss_of_postgres.py::test_the_link_goes_dead"),
        {POSTGRES: Case(breaks.WAITS_FOR_A_DEAD_LINK)},
    ),
    Check(
        20,
        "disconnects",
        "1,000 callers who leave in the middle leave nothing behind",
        disconnects.measure,
        {
            SQLITE: Case(breaks.KEEPS_DESCRIPTORS, full=1000, bite=200),
            POSTGRES: Case(breaks.KEEPS_DESCRIPTORS, full=1000, bite=200),
        },
    ),
    Check(
        22,
        "bad-input",
        "Bombs and bad input are refused, within their limits",
        suite("test_bad_input.py"),
        {BOTH: Case(breaks.TAKES_LARGER_BODIES)},
        tier=TEST,
    ),
    Check(
        23,
        "stop",
        "SIGTERM answers what is under way within 30 s, and uploads go on with the next start",
        graceful.measure,
        {
            SQLITE: Case(breaks.STOPS_AT_ONCE, full=5, quick=1),
            POSTGRES: Case(breaks.STOPS_AT_ONCE, full=5),
        },
    ),
    Check(
        24,
        "backup",
        "A backup under load is one moment of the book, whole and sound, and is restored as such",
        suite("cli/test_backup.py"),
        {SQLITE: Case(breaks.KEEPS_DAMAGED_COPIES)},
        tier=TEST,
    ),
    Check(
        24,
        "litestream",
        "A book restored from Litestream's replica lacks the last 2 s at most, and can be had as of a moment",
        litestream.measure,
        {SQLITE: Case(breaks.REPLICATES_BY_THE_HOUR, full=3)},
    ),
    Check(
        24,
        "recovery",
        "PostgreSQL is recovered to a moment: all that was acknowledged before it, nothing after",
        suite("test_recovery_of_postgres.py"),
        {POSTGRES: Case(breaks.POSTGRES_ROLLS_BACK)},
        tier=TEST,
    ),
    Check(
        25,
        "migration",
        "A migration that is killed is completed by the next run, as if it had not been",
        migration.measure,
        {
            SQLITE: Case(breaks.SQLITE_STEPS_BEFORE_THEY_ARE_TAKEN, full=10, bite=10),
            POSTGRES: Case(breaks.POSTGRES_STEPS_BEFORE_THEY_ARE_TAKEN, full=10, bite=10),
        },
    ),
    Check(
        25,
        "locks",
        "No step of PostgreSQL's schema keeps readers waiting for long",
        locks.measure,
        {POSTGRES: Case(breaks.REWRITES_A_TABLE)},
    ),
    Check(
        27,
        "rate",
        "No minute holds more requests than an account may make, with any number of workers",
        rate.measure,
        {SQLITE: Case(breaks.ADMITS_TWICE_AS_MANY, full=130, bite=70)},
    ),
    Check(
        28,
        "console",
        "On no page runs what somebody stored, and no page breaks its Content-Security-Policy",
        suite("console/test_every_page.py"),
        {BOTH: Case(breaks.PAGES_ESCAPE_NOTHING)},
        tier=TEST,
    ),
    Check(
        30,
        "soak",
        "In half an hour of ordinary work nothing grows, and nothing gets slower",
        soak.measure,
        {
            SQLITE: Case(breaks.KEEPS_EVERY_REQUEST, full=1800, bite=20),
            POSTGRES: Case(breaks.KEEPS_EVERY_REQUEST, full=1800, bite=20),
        },
        tier=NIGHT,
    ),
)
