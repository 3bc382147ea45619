"""The schema on PostgreSQL: which version it has, and `dialbook migrate`, which alone brings it up to date."""

from collections.abc import Sequence

from psycopg import errors

from dialbook.model.errors import Unavailable
from dialbook.store.migrate import FORGETTING, Migrated, Migration, migrations, pending
from dialbook.store.postgres_rights import ALL, READING, STEPS, refuse_without_rights, user_of
from dialbook.store.postgres_session import STANDBY, Connection, connect, trouble_as_unavailable
from dialbook.store.postgres_wipe import wipe

LOCK = 0x4469616C  # "Dial"; any number will do that nothing else in the database takes for itself

# Copying a large table may take its time; waiting for one that is in use would keep all others waiting behind it.
MIGRATING = {"lock_timeout": "2s", "statement_timeout": "0"}


def schema_version(connection: Connection) -> int:
    """The last step that was taken; 0 when there is nothing yet."""
    # Two statements, since one that names the table could not even be planned without it.
    if connection.execute("SELECT to_regclass('schema_steps')").fetchone() == (None,):
        return 0
    row = connection.execute("SELECT max(version) FROM schema_steps").fetchone()
    return int(str(row[0])) if row and row[0] is not None else 0


def is_standby(connection: Connection) -> bool:
    """Whether the server follows another one, and takes no changes itself."""
    return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)


def check_schema(connection: Connection, user: str, needed: Sequence[str] = READING) -> None:
    """Refuse a schema that is not the one this Dialbook was written for, or a user who may not use it.

    Args:
        connection: to its database.
        user: how to call whose connection it is, at the beginning of a sentence.
        needed: what he has to be able to do with its tables.

    Raises:
        Unavailable: it is older, or newer, or the user lacks a right.
    """
    refuse_without_rights(connection, user, needed)
    version, steps = schema_version(connection), migrations("postgres")
    if pending(steps, version):
        raise Unavailable(f"The database has schema {version} of {steps[-1].version}: run 'dialbook migrate'.")


def look(url: str) -> None:
    """Check over a connection of its own that the database has the schema, and takes changes of it.

    Raises:
        Unavailable: it cannot be reached, or has another one, or takes none.
    """
    try:
        connection = connect(url)
    except Unavailable:  # whose reason names hosts and users
        raise Unavailable("The database cannot be reached.") from None
    with connection, trouble_as_unavailable():
        check_schema(connection, "The database's user", ALL)  # nor is everybody told the user's name
        if is_standby(connection):
            raise Unavailable(STANDBY)


def migrate(url: str) -> Migrated:
    """Bring the schema up to date, step by step, and say what it is then; whoever else migrates waits for that.

    Raises:
        Unavailable: the database cannot be used, belongs to a newer Dialbook, or does not let this user change it.
    """
    with connect(url, MIGRATING) as connection, trouble_as_unavailable():
        connection.execute("SET lock_timeout = 0")
        connection.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        connection.execute("RESET lock_timeout")
        refuse_without_rights(connection, user_of(connection), READING, [STEPS])
        before, steps = schema_version(connection), migrations("postgres")
        for step in pending(steps, before):
            deleted = _take(connection, step)
            if step.version == FORGETTING and deleted:
                wipe(url)
    return Migrated(steps[-1].version, is_new=before == 0)


def _take(connection: Connection, step: Migration) -> int:
    """Take a step; return how many rows its first statement changed."""
    try:
        with connection.transaction():
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_steps (version bigint PRIMARY KEY, name text NOT NULL)"
            )
            changed = connection.execute(step.sql.encode()).rowcount
            connection.execute("INSERT INTO schema_steps VALUES (%s, %s)", [step.version, step.name])
            return changed
    except errors.DuplicateTable:
        raise Unavailable("The database has tables of another program; give Dialbook a database of its own.") from None
    except errors.InsufficientPrivilege:
        raise Unavailable("The database's user may not make tables and trusted extensions in it.") from None
    except (errors.FeatureNotSupported, errors.UndefinedFile) as lacking:
        raise Unavailable(f"PostgreSQL lacks an extension: {lacking.diag.message_primary}.") from None
