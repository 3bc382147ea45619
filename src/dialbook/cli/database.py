"""Running one storage function from the command line."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from dialbook.model.audit import Author, Via
from dialbook.settings import load_settings
from dialbook.store.audit import recorded
from dialbook.store.database import Database, Tx
from dialbook.store.engines import open_database

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def opened(database: str | None, config: Path | None, *, create: bool = False) -> Iterator[Database]:
    """The database that the settings name, closed at the end; only what fills it may `create` it."""
    url = load_settings({"database": database}, config=config).database
    db = open_database(url, create=create, unhurried=True)
    try:
        yield db
    finally:
        db.close()


def write(db: Database, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a change to its end."""
    return asyncio.run(db.write(fn, *args, **kwargs))


def change(db: Database, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a change of an account to its end, and note it in the account's audit log."""
    return write(db, recorded(fn, Author(Via.COMMAND, datetime.now(UTC))), *args, **kwargs)


def scan(db: Database, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a read to its end."""
    return asyncio.run(db.scan(fn, *args, **kwargs))
