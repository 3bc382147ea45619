"""Where a database is, by which what is kept of a book outside of it is known again."""

import os
from collections.abc import Set
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from dialbook.store.engines import SQLITE

PLACE = {"host", "hostaddr", "port", "dbname", "user", "service", "options"}  # what libpq finds a database by
AROUND = {  # the variables that say it where a URL does not
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "service": "PGSERVICE",
    "user": "PGUSER",  # whose name the database has, if it has none of its own
}


def database_place(url: str) -> str:
    """Which database a URL names, whoever asks for it and how: no two have the same, and no password is in it.

    Args:
        url: the URL; where a database is in PostgreSQL, the environment may say in part.

    Returns:
        The URL of a SQLite file by its whole path, or what tells a database apart from others in PostgreSQL.
    """
    if url.startswith(SQLITE):
        return f"{SQLITE}{Path(url.removeprefix(SQLITE)).resolve()}"
    return _postgres_place(url)


def _postgres_place(url: str) -> str:
    server, _, query = url.partition("://")[2].partition("?")
    user, at, place = server.rpartition("@")
    owner = user.partition(":")[0]
    host, _, database = place.partition("/")
    here = {"host": host, "port": ":" in host.rpartition("]")[2], "dbname": database, "user": owner}
    if not database:
        place = owner + at + place  # the database has the user's name
    given = {name: value for name, value in parse_qsl(query) if name in PLACE}
    elsewhere = given | _around({name for name, value in here.items() if value} | given.keys())
    return f"{place}?{urlencode(sorted(elsewhere.items()))}" if elsewhere else place


def _around(given: Set[str]) -> dict[str, str]:
    """What the environment says of the place of a database, where a URL that gives some of it does not."""
    around = {name: os.environ[variable] for name, variable in AROUND.items() if variable in os.environ}
    around = {name: value for name, value in around.items() if name not in given}
    if "dbname" in {*given, *around}:
        around.pop("user", None)
    if {"host", "port", "dbname"} <= given:
        around.pop("service", None)
    return around
