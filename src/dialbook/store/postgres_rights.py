"""PostgreSQL: whether the user who has connected may do with the tables what Dialbook does."""

from collections.abc import Sequence

from dialbook.model.errors import Unavailable
from dialbook.store.database import Check
from dialbook.store.postgres_catalogue import made
from dialbook.store.postgres_session import Connection

READING = ("SELECT",)
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
STEPS = "schema_steps"  # written to by whoever owns it, when he migrates
REMEDY = "docs/postgresql.md says what it needs"

LACKING = """
    SELECT c.relname, string_agg(needed.to_do, ', ' ORDER BY needed.place) FROM pg_class AS c
    CROSS JOIN unnest(%s::text[]) WITH ORDINALITY AS needed (to_do, place)
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (%s) AND c.relkind IN ('r', 'p')
      AND (needed.to_do = 'SELECT' OR c.relname <> %s)
      AND NOT has_table_privilege(c.oid, needed.to_do)
    GROUP BY c.relname
    ORDER BY c.relname
"""


def check_rights(connection: Connection) -> Check:
    """Whether the user may do all that a server does."""
    lacking = _lacking(connection, ALL)
    return Check("rights", not lacking, f"{connection.info.user} " + (lacking or "may read and write all tables"))


def user_of(connection: Connection) -> str:
    """How to call the user to somebody who runs Dialbook, at the beginning of a sentence."""
    return f"The database's user '{connection.info.user}'"


def refuse_without_rights(
    connection: Connection, user: str, needed: Sequence[str], tables: Sequence[str] | None = None
) -> None:
    """Refuse a user who may not do something with a table that is there.

    Args:
        connection: of the user.
        user: how to call him, at the beginning of a sentence.
        needed: what he needs to be able to do.
        tables: with which of them; with all, unless they are given.

    Raises:
        Unavailable: there is such a table, or none can be seen at all.
    """
    if lacking := _lacking(connection, needed, tables):
        raise Unavailable(f"{user} {lacking}: {REMEDY}.")


def _lacking(connection: Connection, needed: Sequence[str], tables: Sequence[str] | None = None) -> str:
    """What the user lacks, in words; nothing if it is nothing."""
    if connection.execute("SELECT current_schema()").fetchone() == (None,):
        return "may use no schema of it"
    names = tables or [each.name for each in made() if each.kind == "table"]
    found = connection.execute(LACKING.encode(), [list(needed), list(names), STEPS]).fetchall()
    if not found:
        return ""
    (table, to_do), *others = found
    more = f", and lacks rights on {len(others)} more" if others else ""
    return f"may not {to_do} on table {table}{more}"
