"""What it costs to know a key, and whether the time tells an unknown key from a wrong token."""

import subprocess
import sys
from collections.abc import Sequence

import msgspec

from acceptance.trial import ROOT, Figure, Trial
from bench.data import Book, make_book, sqlite_url
from bench.failure import Failure
from tests.processes import environment

COST_MICROSECONDS = 100.0
TELLING_MICROSECONDS = 5.0


def measure(trial: Trial) -> Sequence[Figure]:
    """A round is a thousand of each kind, in turns; in a process of its own, which has the trial's code."""
    database = sqlite_url(trial.folder / "book.db")
    ours, others = make_book(database), make_book(sqlite_url(trial.folder / "another.db"))
    right, wrong, unknown = _time(trial, database, ours, others)
    return [
        Figure("a right token (median)", right, " µs", at_most=COST_MICROSECONDS),
        Figure("a wrong token", wrong, " µs", at_most=COST_MICROSECONDS),
        Figure("an unknown key", unknown, " µs", at_most=COST_MICROSECONDS),
        Figure("difference of the last two", abs(wrong - unknown), " µs", at_most=TELLING_MICROSECONDS),
    ]


def _time(trial: Trial, database: str, ours: Book, others: Book) -> tuple[float, float, float]:
    """The medians in microseconds; the others' key and token look as good as ours."""
    headers = [book.headers["Authorization"] for book in (ours, others)]
    command = [sys.executable, "-m", "acceptance.auth_timing", database, *headers, str(trial.rounds)]
    variables = environment({"PYTHONPATH": str(trial.project / "src")})
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure(f"The timing failed: {done.stderr[-500:]}")
    return msgspec.json.decode(done.stdout, type=tuple[float, float, float])
