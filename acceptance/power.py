"""Loss of power while callers write: the disk forgets whatever was not synced, and everything is killed with it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec.structs import replace

from acceptance.disks import Disk, mounted_disk
from acceptance.kill import UPLOAD_SECONDS, figures_of
from acceptance.servers import SQLITE, complaints, serving
from acceptance.trial import Figure, Trial
from acceptance.writers import Toll, found_of, unfinished_uploads, writing
from bench.data import make_book, sqlite_url
from tests.postgres import Postgres, ask, running_postgres

SIZE = 2**30  # bytes of the disk, of which few are ever written


def measure(trial: Trial) -> Sequence[Figure]:
    """Cut the power of the disk with the book, round by round; the book is a new one each time."""
    with mounted_disk(trial.folder, SIZE) as disk:
        trial = replace(trial, folder=disk.folder)
        with _postgres(trial) as postgres:
            return _measure(trial, disk, postgres)


def _measure(trial: Trial, disk: Disk, postgres: Postgres | None) -> Sequence[Figure]:
    toll, problems, unfinished = Toll(), 0, 0
    for round_ in range(trial.rounds):
        database = postgres.create_book() if postgres else sqlite_url(disk.folder / f"book-{round_}.db")
        book = make_book(database)
        if postgres:
            ask(database, "CHECKPOINT")
        disk.sync()
        with serving(trial, database) as server, writing(server, book, trial.chance(round_)) as writers:
            for writer in writers:
                writer.hears = False
            disk.cut_power()
            server.kill()
        _power_up(disk, postgres)
        found = found_of(database, writers)
        for writer in writers:
            toll.add(writer, found[writer.name])
        with serving(trial, database) as server:
            unfinished += unfinished_uploads(server, book, writers, seconds=UPLOAD_SECONDS)
        problems += len(complaints(database))
    return figures_of(toll, unfinished, problems)


@contextmanager
def _postgres(trial: Trial) -> Iterator[Postgres | None]:
    """A PostgreSQL server on the disk, if the trial is of PostgreSQL."""
    if trial.engine == SQLITE:
        yield None
        return
    with running_postgres(place=trial.folder) as postgres:
        yield postgres


def _power_up(disk: Disk, postgres: Postgres | None) -> None:
    if postgres:
        postgres.kill()
    disk.unmount()
    disk.mount()
    if postgres:
        # Who has the folder and its socket: on a machine that was off, nobody. Here that process may be a zombie.
        for lock in ("postmaster.pid", f".s.PGSQL.{postgres.port}.lock"):
            (postgres.data / lock).unlink(missing_ok=True)
        postgres.start()
