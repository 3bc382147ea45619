"""The servers that are measured: starting and stopping them, asking them, and what they take of the machine."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from bench.failure import Failure

ROOT = Path(__file__).parent.parent
NO_CONFIG = Path(os.devnull)
PATIENCE = 60  # seconds for a server to start, to answer, to stop
TICKS = os.sysconf("SC_CLK_TCK")  # units of processor time in a second


class Server(Struct, frozen=True):
    """A server that runs and answers at 127.0.0.1."""

    name: str
    pid: int
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def run_dialbook(
    url: str, beside: Path, *, name: str = "Dialbook", config: Path = NO_CONFIG
) -> AbstractContextManager[Server]:
    """`dialbook serve` with default settings on this database, but for a file of them: one worker, its log on."""
    arguments = ["-m", "dialbook", "serve", "--port", "0", "--database", url, "--config", str(config)]
    return _run(name, arguments, beside)


def run_ceiling(page: Path) -> AbstractContextManager[Server]:
    """The server of `bench.ceiling`, which answers with this file."""
    return _run("ceiling", ["-m", "bench.ceiling", str(page)], page)


def run_peer(name: str, module: str, database: Path, list_sid: str) -> AbstractContextManager[Server]:
    """A program of `bench.peers` on this database."""
    return _run(name, ["-m", f"bench.peers.{module}", str(database), list_sid], database)


def connect(server: Server) -> AbstractContextManager[HTTPConnection]:
    """A connection that is kept alive, closed at the end."""
    return closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE))


def ask(
    connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> bytes:
    """Send one request and read its answer to the end.

    Raises:
        Failure: the answer is not 200, or none came.
    """
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    except (OSError, HTTPException) as error:
        raise Failure(f"{method} {path}: {error!r}.") from None
    if answer.status != 200:
        raise Failure(f"{method} {path} was answered {answer.status}: {content[:300].decode(errors='replace')}")
    return content


def cpu_seconds(server: Server) -> float:
    """Processor time that the process has used so far, in user mode and in the kernel, all its threads together."""
    stat = Path(f"/proc/{server.pid}/stat").read_text()
    # The program's name, in brackets, may hold blanks; utime and stime are fields 14 and 15 of proc_pid_stat(5).
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_memory(server: Server) -> float:
    """The most that was resident since the process began, in MiB (VmHWM)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{server.pid}/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


@contextmanager
def _run(name: str, arguments: Sequence[str], beside: Path) -> Iterator[Server]:
    log = beside.with_suffix(".log")
    with log.open("ab") as errors, _start(arguments, beside.parent, errors.fileno()) as process:
        try:
            yield Server(name, process.pid, _port(name, process, log))
        finally:
            _stop(process)


def _start(arguments: Sequence[str], folder: Path, errors: int) -> subprocess.Popen[str]:
    # Neither the caller's settings nor a file of settings in the caller's folder may have a say.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DIALBOOK_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
    )


def _port(name: str, process: subprocess.Popen[str], log: Path) -> int:
    """Read the first line that the server prints, which holds its address."""
    ready = process.stdout and select.select([process.stdout], [], [], PATIENCE)[0]
    line = process.stdout.readline() if process.stdout and ready else ""
    urls = [word for word in line.split() if word.startswith("http://")]
    if not urls:
        raise Failure(f"{name} did not start: {' / '.join(log.read_text(errors='replace').splitlines()[-3:])}")
    return urlsplit(urls[0]).port or 80


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
