"""A PostgreSQL server of the tests' own, from the programs that Debian or a PATH has; it keeps nothing."""

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

from dialbook.store.database import Row
from dialbook.store.engines import migrate_database

DEBIAN = Path("/usr/lib/postgresql")
MEMORY = Path("/dev/shm")  # noqa: S108  # a file system in memory, where there is one
ROOM = 2**30  # bytes that it should have free
PORTS = range(20_000, 32_768)  # below those that Linux gives to connections

# Nothing is left out but the wait for a disk, which a file system in memory does not have.
SETTINGS = {"max_connections": 300, "max_wal_size": "256MB", "timezone": "'Asia/Kolkata'"}
NO_SETTINGS: Mapping[str, str] = {}


@dataclass
class Postgres:
    """A running server; its user may do anything, and needs no password but gets one in each URL."""

    data: Path
    port: int
    host: str = "127.0.0.1"
    namespace: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)
    _template: str = ""

    def url(self, database: str, port: int | None = None) -> str:
        return f"postgresql://dialbook:open-sesame@{self.host}:{port or self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """The URL of a new database, in which there is nothing, or what is in its template."""
        name = f"book{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def create_book(self) -> str:
        """The URL of a new database with Dialbook's tables in it."""
        if not self._template:
            url = self.create_database()
            migrate_database(url)
            self._template = url.rpartition("/")[2]
        return self.create_database(self._template)

    def start(self) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in {**SETTINGS, **self.settings}.items())
        options = f"--options=-p {self.port} -h {self.host} -k {self.data} {settings}"
        log = f"--log={self.data}/log"
        run_postgres("pg_ctl", f"--pgdata={self.data}", "--wait", log, options, "start", namespace=self.namespace)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """None of its processes does anything."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        others = ask(self.url("postgres"), "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        processes = [first, *(row[0] for row in others)]
        _signal(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(processes, signal.SIGCONT)

    def kill(self) -> None:
        """Kill all its processes, which are those that work in its folder; return when they are gone."""
        while processes := [pid for pid in _processes() if _folder_of(pid) == self.data]:
            _signal(processes, signal.SIGKILL)

    def stop(self, mode: str = "fast") -> None:
        run_postgres("pg_ctl", f"--pgdata={self.data}", "--wait", f"--mode={mode}", "stop")


def has_postgres() -> bool:
    """Whether a server can be started here."""
    return find_program("initdb") is not None


@contextmanager
def running_postgres(
    host: str = "127.0.0.1",
    namespace: str | None = None,
    settings: Mapping[str, str] = NO_SETTINGS,
    place: Path | None = None,
) -> Iterator[Postgres]:
    """Start a server in an empty folder; at the end stop it, and remove the folder.

    Args:
        host: the address that it listens on.
        namespace: of the network, if it is another than that of the tests; only root may say so.
        settings: besides those of all.
        place: where the folder is to be; in memory unless it is given.
    """
    if not has_postgres():
        missing("no PostgreSQL server here (Debian: apt-get install postgresql)")
    if place is None and MEMORY.exists() and shutil.disk_usage(MEMORY).free > ROOM:
        place = MEMORY
    with tempfile.TemporaryDirectory(prefix="dialbook-postgres-", dir=place) as folder:
        if os.geteuid() == 0:  # as whom the server does not run
            shutil.chown(folder, "postgres")
        data = Path(folder) / "data"
        run_postgres(
            *("initdb", f"--pgdata={data}", "--username=dialbook", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        )
        with (data / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {host}/24 trust\n")
        postgres = Postgres(data, _free_port(), host, namespace, settings)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop("immediate")


def ask(url: str, sql: str) -> list[Row]:
    """Ask, or change, behind Dialbook's back."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def missing(reason: str) -> None:
    """A laptop may lack it; where the project is checked, nothing is left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def find_program(name: str) -> str | None:
    """Where one of PostgreSQL's programs is, the newest."""
    found = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else shutil.which(name)


def run_postgres(program: str, *arguments: str, namespace: str | None = None) -> None:
    """Run one of PostgreSQL's programs, as a user that it runs as."""
    user = "postgres" if os.geteuid() == 0 else None
    command = [find_program(program) or program, *arguments]
    if namespace:
        command, user = ["ip", "netns", "exec", namespace, "runuser", "-u", "postgres", "--", *command], None
    # What it starts keeps its output open, so that nobody may wait for the end of that.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, user=user, cwd="/", stdout=output, stderr=subprocess.STDOUT, check=False)
        output.seek(0)
        assert done.returncode == 0, output.read()


def _signal(processes: list[int], sign: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # one that ends by itself meanwhile
            os.kill(process, sign)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _folder_of(process: int) -> Path | None:
    with suppress(OSError):
        return Path(f"/proc/{process}/cwd").readlink()
    return None


def _free_port() -> int:
    """One that the system gives to no connection, so that nobody has it when the server is started again."""
    for port in random.sample(PORTS, len(PORTS)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")
