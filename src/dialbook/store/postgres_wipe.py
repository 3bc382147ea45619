"""PostgreSQL: what was deleted is taken out of the tables and their indexes, as far as VACUUM does."""

from dialbook.store.postgres_session import UNHURRIED, connect, trouble_as_unavailable

TABLES = """
    SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
"""
WRITING = {**UNHURRIED, "default_transaction_read_only": "off"}


def wipe(url: str) -> None:
    """Take deleted rows out of all tables, while servers go on.

    Raises:
        Unavailable: the database cannot be used now.
    """
    with connect(url, WRITING) as connection, trouble_as_unavailable():
        for (table,) in connection.execute(TABLES.encode()).fetchall():
            connection.execute(f"VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) {table}".encode())
