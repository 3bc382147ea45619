"""Bringing a schema up to date: numbered files, applied in order, each in one transaction with its number."""

from importlib import resources

from msgspec import Struct

from dialbook.model.errors import Unavailable

FORGETTING = 15  # the step after which the files must not have what it deleted


class Migration(Struct, frozen=True):
    """One step: the schema's version once it is done, its name, and its SQL."""

    version: int
    name: str
    sql: str


class Migrated(Struct, frozen=True):
    """What a database is once it was brought up to date: the version of its schema, and whether it was empty before."""

    version: int
    is_new: bool


def migrations(engine: str) -> list[Migration]:
    """All steps for an engine, oldest first: the files `NNNN_what.sql`, and `NNNN_what.<engine>.sql`."""
    folder = resources.files("dialbook.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    ours = [file for file in files if file.name.count(".") == 1 or file.name.endswith(f".{engine}.sql")]
    return [Migration(int(file.name[:4]), file.name.split(".")[0], file.read_text()) for file in ours]


def pending(steps: list[Migration], version: int) -> list[Migration]:
    """The steps that a schema of this version lacks.

    Raises:
        Unavailable: the schema is newer than every step known here.
    """
    newest = steps[-1].version
    if version > newest:
        raise Unavailable(
            f"The database has schema {version}; this Dialbook knows up to {newest}. Run a newer Dialbook."
        )
    return [step for step in steps if step.version > version]
