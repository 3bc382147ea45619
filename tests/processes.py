"""Dialbook as its users run it: a process of its own, spoken to at the address that it prints."""

import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PROGRAM = Path(sys.executable).with_name("dialbook")
HANG_SECONDS = 60  # no machine needs as long; what takes longer hangs
HEARING = ["env", "--default-signal=HUP"]  # these tests may themselves be run by nohup


@dataclass
class Running:
    """A server that has printed where it listens."""

    process: subprocess.Popen[str]
    printed: str
    url: str
    _errors: IO[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def errors(self) -> str:
        """What it has written to standard error so far."""
        self._errors.seek(0)
        return self._errors.read()

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(sign)
        return self.process.wait(HANG_SECONDS)

    def kill(self) -> None:
        """Kill it, and the process beside it that works off uploads; return when both are gone."""
        others = children(self.process.pid)
        for process in others:
            with suppress(ProcessLookupError):  # one that looks through a file may have ended
                os.kill(process, signal.SIGKILL)
        self.stop(signal.SIGKILL)
        while any(is_alive(process) for process in others):
            pass


@contextmanager
def started(
    *arguments: str, folder: Path, last_line: str = "http://", by: Sequence[str] = (), **variables: str
) -> Iterator[Running]:
    """Run a command that serves, in a folder, until the caller is done.

    Args:
        arguments: what follows `dialbook`.
        folder: where it runs, so that it finds no settings but its own.
        last_line: what is in the last line that it prints before it serves.
        by: a command that runs it, such as strace, in the same process.
        variables: what to add to the environment.
    """
    with (
        _appended() as errors,
        subprocess.Popen(
            [*by, PROGRAM, *arguments],
            cwd=folder,
            env=environment(variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            printed = _read_until(last_line, process)
            address = re.search(r"(https?://)(?:[^@/ ]*@)?([^/ ]+)", printed)
            running = Running(process, printed, f"{address[1]}{address[2]}" if address else "", errors)
            assert address, f"no address printed\n{printed}\n{running.errors}"
            yield running
        finally:
            _end(process)


def run_program(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself.

    Not on a SQLite file that this process serves: the other SQLite that tests look into it with lets go of its locks,
    and a process that finds itself alone deletes its log.
    """
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )


def children(process: int) -> list[int]:
    """The processes that a process has started, and that are still there."""
    by_thread = [path.read_text().split() for path in Path(f"/proc/{process}/task").glob("*/children")]
    return [int(child) for found in by_thread for child in found]


def is_alive(process: int) -> bool:
    """Whether it runs: one that nobody has asked for its exit status does not (proc_pid_stat(5))."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def awaits_input(process: int) -> bool:
    """Whether it waits in a call on its standard input: the first argument is 0 (proc_pid_syscall(5))."""
    return Path(f"/proc/{process}/syscall").read_text().split()[1:2] == ["0x0"]


def peak_memory(process: int) -> int:
    """The most that was resident since the process began, in bytes (VmHWM)."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def environment(added: dict[str, str]) -> dict[str, str]:
    """This process's variables without those that Dialbook reads or sets, and those that are given."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DIALBOOK_", "SQLITE_"))} | added


@contextmanager
def _appended() -> Iterator[IO[str]]:
    """A file whose writers write at its end, wherever a reader of the same file stands."""
    with tempfile.TemporaryFile("w+") as file:
        fcntl.fcntl(file, fcntl.F_SETFL, os.O_APPEND)
        yield file


def _read_until(last_line: str, process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if last_line in line:
            break
    return "".join(lines)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(HANG_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
