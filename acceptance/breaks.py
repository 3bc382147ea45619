"""What is broken for a check to notice, each in a copy of the project."""

from acceptance.trial import Sabotage

STORE = "src/dialbook/store"
SERVER = "src/dialbook/server"

SQLITE_SYNCS_LATER = Sabotage(f"{STORE}/sqlite.py", '"synchronous": 2,', '"synchronous": 1,')
POSTGRES_SYNCS_LATER = Sabotage(
    f"{STORE}/postgres_session.py", "SETTINGS = {", 'SETTINGS = {"synchronous_commit": "off", '
)
ANSWERS_BEFORE_COMMIT = Sabotage(
    f"{STORE}/group_commit.py",
    "        if taken:\n            self._batch.commit()\n",
    "        if taken:\n"
    "            for job in taken:\n                job.answer()\n"
    "            taken.clear()\n            time.sleep(0.1)\n            self._batch.commit()\n",
)
READS_UPLOADS_FROM_THEIR_BEGINNING = Sabotage(
    "src/dialbook/jobs/rows.py",
    "islice(records, first, None)",
    "islice(records, 0, None)",
)
POSTGRES_COMMITS_EACH_STATEMENT = Sabotage(
    f"{STORE}/postgres.py",
    'CHANGE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"',
    'CHANGE = "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"',
)
POSTGRES_ROLLS_BACK = Sabotage(
    f"{STORE}/postgres.py",
    "            _commit(connection)\n            return result",
    '            connection.execute("ROLLBACK")\n            return result',
)
SWALLOWS_COMMIT_ERRORS = Sabotage(
    f"{STORE}/sqlite.py",
    '        with trouble_as_unavailable():\n            self._connection.execute("COMMIT")',
    '        with suppress(*TROUBLE):\n            self._connection.execute("COMMIT")',
)
SQLITE_CURSOR_REPEATS = Sabotage(
    f"{STORE}/member_pages.py",
    "        start = window.after + 1\n        window = replace(",
    "        start = window.after\n        window = replace(",
)
POSTGRES_CURSOR_REPEATS = Sabotage(
    f"{STORE}/member_pages.py",
    "        start = window.after + 1\n        way, offset",
    "        start = window.after\n        way, offset",
)
POSTGRES_COUNTS_ONE_MORE = Sabotage(
    f"{STORE}/member_pages.py", "AS bigint), l.contact_count, l.version", "AS bigint), l.contact_count + 1, l.version"
)
LOSS_IS_A_BUG = Sabotage(
    f"{STORE}/postgres_session.py", "TROUBLE = (\n    psycopg.OperationalError,", "TROUBLE = (\n    psycopg.DataError,"
)
WAITS_FOR_A_DEAD_LINK = Sabotage(
    f"{STORE}/postgres_session.py", '"tcp_user_timeout": 5000,', '"tcp_user_timeout": 600_000,'
)
KEEPS_DESCRIPTORS = Sabotage(
    f"{SERVER}/protocol.py",
    "        super().connection_made(",
    '        __import__("os").dup(transport.get_extra_info("socket").fileno())\n        super().connection_made(',
)
STOPS_AT_ONCE = Sabotage("src/dialbook/process.py", "GRACE_SECONDS = 30", "GRACE_SECONDS = 0")
KEEPS_DAMAGED_COPIES = Sabotage(
    f"{STORE}/sqlite_backup.py", "            _refuse_damage(copy, path)\n            if not", "            if not"
)
REPLICATES_BY_THE_HOUR = Sabotage("examples/litestream.yml", "sync-interval: 1s", "sync-interval: 1h")
READS_FILES_WHOLE = Sabotage(
    "src/dialbook/jobs/rows.py", "if len(rows) == self._chunk or size >= CHUNK_SIZE:", "if not rows:"
)
ADMITS_TWICE_AS_MANY = Sabotage(
    f"{SERVER}/app.py", "RateLimit(settings.rate_limit,", "RateLimit(2 * settings.rate_limit,"
)
SQLITE_STEPS_BEFORE_THEY_ARE_TAKEN = Sabotage(
    f"{STORE}/sqlite.py",
    "            before = connection.total_changes()\n            connection.execute(step.sql)\n",
    '            connection.pragma("user_version", step.version)\n'
    '            connection.execute("COMMIT; BEGIN IMMEDIATE")\n'
    "            before = connection.total_changes()\n"
    "            connection.execute(step.sql)\n",
)
POSTGRES_STEPS_BEFORE_THEY_ARE_TAKEN = Sabotage(
    f"{STORE}/postgres_schema.py",
    "        with connection.transaction():\n"
    "            connection.execute(\n"
    '                "CREATE TABLE IF NOT EXISTS schema_steps (version bigint PRIMARY KEY, name text NOT NULL)"\n'
    "            )\n"
    "            changed = connection.execute(step.sql.encode()).rowcount\n"
    '            connection.execute("INSERT INTO schema_steps VALUES (%s, %s)", [step.version, step.name])\n',
    "        if True:\n"
    '            connection.execute("INSERT INTO schema_steps VALUES (%s, %s)", [step.version, step.name])\n'
    '            __import__("time").sleep(2)\n'
    "            changed = connection.execute(step.sql.encode()).rowcount\n",
)

OPENS_ANY_ACCOUNT = Sabotage(f"{SERVER}/auth.py", "    if account.sid != wanted:", "    if not wanted:")
FORGETS_THE_ACCOUNT = Sabotage(
    f"{STORE}/uploads.py",
    'FROM uploads AS u WHERE u.account = :account AND u.sid = :sid", account',
    'FROM uploads AS u WHERE u.sid = :sid", account',
)
TAKES_ANY_OFFSET = Sabotage("src/dialbook/wire/paging.py", "if not lowest <= number <= highest:", "if number < lowest:")
READERS_SET_NOTHING = Sabotage(
    f"{STORE}/sqlite.py",
    "    for name, value in settings.items():",
    "    for name, value in () if read_only else settings.items():",
)
LOGS_WHAT_WENT_WRONG = Sabotage(
    f"{SERVER}/errors.py", 'request.scope["request_id"], describe(error))', 'request.scope["request_id"], error)'
)
TAKES_LARGER_BODIES = Sabotage("src/dialbook/settings.py", "= 10 * 1024 * 1024", "= 20 * 1024 * 1024")
PAGES_ESCAPE_NOTHING = Sabotage("src/dialbook/console/page.py", "autoescape=True", "autoescape=False")
KEEPS_EVERY_REQUEST = Sabotage(
    f"{SERVER}/exchange.py",
    "        self._end(scope, status, time.perf_counter() - started)\n",
    "        self._end(scope, status, time.perf_counter() - started)\n"
    '        self.__dict__.setdefault("_requests", []).append(bytes(10_000))\n',
)
REWRITES_A_TABLE = Sabotage(
    f"{STORE}/migrations/0003_contacts_by_tag.sql",
    "CREATE INDEX",
    "ALTER TABLE contacts ALTER COLUMN tag TYPE varchar(300);\nCREATE INDEX",
)
TELLS_KEYS_APART = Sabotage(
    f"{SERVER}/auth.py",
    "    return found if is_same_hash(presented.token_hash, kept) else None\n",
    "    return found if found and [is_same_hash(presented.token_hash, kept) for _ in range(5000)][-1] else None\n",
)
SLOW_CLIENTS_STAY = Sabotage(f"{SERVER}/deadlines.py", "if waiting.is_too_long(self._settings):", "if False:")
ADMITS_EVERYBODY = Sabotage(f"{SERVER}/load.py", "places = settings.max_requests", "places = 10**6")
FORGETS_KEYS = Sabotage(f"{SERVER}/idempotency.py", "    return given[0]", "    return None")
LEAVES_TRACES = Sabotage(f"{STORE}/sqlite_wipe.py", '            connection.execute("VACUUM")', "            pass")
TAKES_TWICE_AS_MUCH = Sabotage(
    f"{SERVER}/body.py", "if len(body) + len(chunk) > limit:", "if len(body) + len(chunk) > 2 * limit:"
)
