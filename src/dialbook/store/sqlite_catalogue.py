"""SQLite: whether a file has the tables, indexes and nothing else at them that the schema's steps make."""

import re
from collections.abc import Sequence
from contextlib import closing
from functools import cache

import apsw

from dialbook.store.catalogue import Thing, compare
from dialbook.store.contact_names import name_row
from dialbook.store.database import Check
from dialbook.store.migrate import migrations

# What SQLite makes by itself belongs to a table's text, or may be made anew at any time.
THINGS = (
    r"SELECT type, tbl_name, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\_%' ESCAPE '\' AND type <> 'view'"
)
COMMENTS = re.compile(r"--[^\n]*")


def check_catalogue(connection: apsw.Connection) -> Sequence[Check]:
    """Compare a file with what the steps up to its version make; of a newer Dialbook's nothing is known."""
    version = int(str(connection.pragma("user_version")))
    if version > migrations("sqlite")[-1].version:
        return []
    return [compare(_things(connection), _made(version))]


def teach(connection: apsw.Connection) -> None:
    """Have a connection know the function that the steps need."""
    connection.create_scalar_function("name_row", lambda *of: name_row(str(of[0]), str(of[1])), 2)


@cache
def _made(version: int) -> Sequence[Thing]:
    """What the steps up to a version make, in memory."""
    with closing(apsw.Connection(":memory:")) as connection:
        teach(connection)
        for step in migrations("sqlite"):
            if step.version <= version:
                connection.execute(step.sql)
        return _things(connection)


def _things(connection: apsw.Connection) -> Sequence[Thing]:
    things = [Thing(kind, table, name, _as_text(sql)) for kind, table, name, sql in connection.execute(THINGS)]
    # The tables that a virtual one keeps its content in are the business of SQLite's release.
    virtual = tuple(f"{each.name}_" for each in things if each.definition.startswith("CREATE VIRTUAL TABLE"))
    return [Thing(each.kind, each.table, each.name, "") if each.name.startswith(virtual) else each for each in things]


def _as_text(sql: object) -> str:
    """A definition without comments and line breaks, which a step may have got since."""
    return " ".join(COMMENTS.sub("", str(sql)).split())
