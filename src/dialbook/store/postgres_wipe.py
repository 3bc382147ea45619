"""PostgreSQL: what was deleted is taken out of the tables, their indexes and statistics, as far as VACUUM does.

Of each column PostgreSQL keeps some values, which whoever may read the table can see (pg_stats): ANALYZE puts others in
their place, and what it replaces is vacuumed in turn.
"""

from psycopg.errors import Diagnostic

from dialbook.model.errors import Unavailable
from dialbook.store.postgres_session import UNHURRIED, connect, trouble_as_unavailable

TABLES = """
    SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""
WRITING = {**UNHURRIED, "default_transaction_read_only": "off"}


def wipe(url: str) -> None:
    """Take deleted rows out of all tables and of what is known of them, while servers go on.

    Raises:
        Unavailable: the database cannot be used now, or a table is not the role's to vacuum.
    """
    warnings: list[str] = []

    def hear(said: Diagnostic) -> None:
        if said.severity_nonlocalized == "WARNING":
            warnings.append(said.message_primary or "")

    with connect(url, WRITING) as connection, trouble_as_unavailable():
        connection.add_notice_handler(hear)
        for (table,) in connection.execute(TABLES.encode()).fetchall():
            connection.execute(f"VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, ANALYZE) {table}".encode())
        connection.remove_notice_handler(hear)
        connection.execute("VACUUM pg_catalog.pg_statistic")  # passed over where another owns the database
    if warnings:
        raise Unavailable(f"Not all that was deleted could be vacuumed: {'; '.join(warnings)}.")
