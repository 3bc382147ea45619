"""What `pull` and `push` ask on a terminal before anything is removed, and how somebody gets out of it; meanwhile the
book is theirs alone.
"""

import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cli.test_progress import read_all
from tests.client.conftest import fill
from tests.mirror.conftest import Mirror
from tests.processes import HANG_SECONDS, PROGRAM, awaits_input, environment

ANSWERS = "? [y/N]: "
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"  # the cursor


@dataclass
class Asking:
    """A command on a terminal that has asked."""

    process: subprocess.Popen[bytes]
    terminal: int
    shown: str

    def end(self) -> tuple[int, str]:
        """The exit status, and what was shown behind the question."""
        rest = b"".join(read_all(self.terminal)).decode()
        return self.process.wait(HANG_SECONDS), rest


@contextmanager
def asking(mirror: Mirror, *arguments: str) -> Iterator[Asking]:
    ours, theirs = pty.openpty()
    command = [str(PROGRAM), *arguments, "--database", mirror.here]
    with subprocess.Popen(command, env=environment(mirror.home), stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        guard = threading.Timer(HANG_SECONDS, process.kill)
        guard.start()
        try:
            yield Asking(process, ours, read_question(ours))
        finally:
            guard.cancel()
            process.kill()


def read_question(terminal: int) -> str:
    """What is shown up to where an answer is awaited; bars would go on without an end."""
    shown = b""
    while ANSWERS.encode() not in shown:
        shown += os.read(terminal, 65536)
    return shown.decode()


@pytest.fixture(params=["pull", "push"])
def command(request: pytest.FixtureRequest, mirror: Mirror) -> list[str]:
    """A command that has no earlier state, between two sides that both hold something."""
    fill(mirror.client, 2)
    mirror.pull()
    mirror.home["XDG_STATE_HOME"] += "-new"
    way = {"pull": "--from", "push": "--to"}[request.param]
    return [request.param, way, mirror.url]


def test_the_question_is_a_plain_one(command: list[str], mirror: Mirror) -> None:
    with asking(mirror, *command) as asked:
        assert asked.shown.rfind(SHOW) >= asked.shown.rfind(HIDE)
        os.write(asked.terminal, b"n\n")
        status, rest = asked.end()

    assert (status, rest.split()) == (1, ["n", "Aborted!"])


@pytest.mark.usefixtures("hears_ctrl_c")
def test_one_ctrl_c_ends_it(command: list[str], mirror: Mirror) -> None:
    with asking(mirror, *command) as asked:
        while not awaits_input(asked.process.pid):  # before it reads, it would hear of the signal with the next answer
            pass
        asked.process.send_signal(signal.SIGINT)
        status, rest = asked.end()

    assert (status, rest.split()) == (1, ["Aborted!"])


@pytest.mark.sqlite
@pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"])
@pytest.mark.parametrize("second", [["pull", "--from"], ["push", "--to"]], ids=["pull", "push"])
def test_another_one_of_the_same_book_is_refused_meanwhile(
    command: list[str], second: list[str], mirror: Mirror
) -> None:
    with asking(mirror, *command):
        refused = mirror.run(*second, mirror.url, "--yes")

    assert (refused.exit_code, refused.stderr) == (1, "Error: Another pull or push of this book is at work.\n")
    assert mirror.run(*second, mirror.url, "--yes").exit_code == 0
