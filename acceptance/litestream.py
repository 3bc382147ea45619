"""Litestream beside a server that is written to; both are killed, and the book is restored from its replica."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from acceptance.bulks import ITEMS, Bulks
from acceptance.servers import client_of, complaints, rows, serving
from acceptance.trial import Figure, Trial
from bench.data import make_book, sqlite_url
from bench.failure import Failure
from tests.conftest import NUMBERS
from tests.processes import HANG_SECONDS

PROGRAM = Path(sys.executable).with_name("litestream")
EXAMPLE = "examples/litestream.yml"
BOOK, REPLICA = "/var/lib/dialbook/book.db", "/mnt/elsewhere/book"  # in the example
INTERVAL = 1.0  # seconds, there
LOSS_SECONDS = INTERVAL + 1
PAUSE = 0.02  # between two requests
WRITING_SECONDS = 10.0


@dataclass
class Timed:
    """Bulks, and when each was acknowledged."""

    bulks: Bulks
    times: dict[str, float] = field(default_factory=dict)  # by tag; seconds since the epoch

    def write(self, seconds: float) -> None:
        ends = time.time() + seconds
        while time.time() < ends:
            if self.bulks.create().status_code == 200:
                self.times[self.bulks.acknowledged[-1]] = time.time()
            time.sleep(PAUSE)

    def missing(self, database: str, *, at: float) -> float:
        """The age, at a moment, of the oldest bulk that was acknowledged before it and is not there."""
        found = self._found(database)
        return max((at - time_ for tag, time_ in self.times.items() if time_ <= at and tag not in found), default=0.0)

    def later(self, database: str, *, than: float) -> int:
        """How many bulks are there that were acknowledged a while after a moment."""
        return sum(self.times[tag] > than + PAUSE + 1 for tag in self._found(database) & self.times.keys())

    def torn(self, database: str) -> int:
        return sum(size != ITEMS for (size,) in rows(database, "SELECT count(*) FROM contacts GROUP BY tag"))

    def _found(self, database: str) -> set[str]:
        return {tag for (tag,) in rows(database, "SELECT DISTINCT tag FROM contacts")}


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a loss of the machine, and a restore of the last state and of an earlier one."""
    return [figure for round_ in range(trial.rounds) for figure in _measure(trial, round_)]


def _measure(trial: Trial, round_: int) -> Sequence[Figure]:
    path, replica = trial.folder / f"book-{round_}.db", trial.folder / f"replica-{round_}"
    database = sqlite_url(path)
    book = make_book(database)
    config = _config(trial, path, replica)
    with serving(trial, database) as server, client_of(server, book) as http, _replicating(config) as litestream:
        timed = Timed(Bulks(http, iter(NUMBERS)))
        timed.write(WRITING_SECONDS / 2)
        middle = time.time()
        timed.write(WRITING_SECONDS / 2 + trial.chance(round_).random())
        litestream.kill()
        server.kill()
        end = time.time()
    last, earlier = trial.folder / f"last-{round_}.db", trial.folder / f"earlier-{round_}.db"
    _restore(config, path, last)
    moment = datetime.fromtimestamp(middle, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    _restore(config, path, earlier, "-timestamp", moment)
    restored, before = sqlite_url(last), sqlite_url(earlier)
    return [
        Figure("acknowledged bulks", len(timed.times), at_least=1),
        Figure("lost, at most the last", timed.missing(restored, at=end), " s", at_most=LOSS_SECONDS),
        Figure("of an earlier moment, lost before it", timed.missing(before, at=middle), " s", at_most=LOSS_SECONDS),
        Figure("there from after it", timed.later(before, than=middle), at_most=0),
        Figure("bulks in part", timed.torn(restored) + timed.torn(before), at_most=0),
        Figure("complaints of doctor", len(complaints(restored) + complaints(before)), at_most=0),
    ]


def _config(trial: Trial, path: Path, replica: Path) -> Path:
    """The example, with other paths."""
    text = (trial.project / EXAMPLE).read_text(encoding="utf-8")
    config = trial.folder / f"{path.stem}.yml"
    config.write_text(text.replace(BOOK, str(path)).replace(REPLICA, str(replica)), encoding="utf-8")
    return config


@contextmanager
def _replicating(config: Path) -> Iterator["subprocess.Popen[bytes]"]:
    if not PROGRAM.exists():
        raise Failure("Litestream is not installed: make acceptance installs it.")
    log = config.with_suffix(".log")
    with log.open("wb") as output:
        command = [str(PROGRAM), "replicate", "-config", str(config)]
        with subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
            try:
                yield process
            finally:
                process.kill()


def _restore(config: Path, path: Path, output: Path, *options: str) -> None:
    command = [str(PROGRAM), "restore", "-config", str(config), "-o", str(output), *options, str(path)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
        umask=0o077,  # as docs/operate.md
    )
    if done.returncode:
        raise Failure(f"litestream restore: {(done.stderr or done.stdout).strip()[-300:]}")
