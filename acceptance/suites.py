"""Checks that are tests: run as they are, or with more effort."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from acceptance.trial import ROOT, Figure, Measure, Trial
from bench.failure import Failure


def suite(*tests: str, **effort: int) -> Measure:
    """A check that runs some of the tests; each round has another seed.

    Args:
        tests: paths below `tests/`, with `{engine}` for the trial's engine.
        effort: how much of what they do, see tests/effort.py.
    """

    def measure(trial: Trial) -> Sequence[Figure]:
        paths = [f"tests/{test.format(engine=trial.engine)}" for test in tests]
        done: Counter[str] = Counter()
        for round_ in range(trial.rounds):
            done.update(_run(trial, paths, {"SEED": trial.seed + round_, **effort}))
        if done["skipped"] or done["errors"] > done["failures"]:  # a test that fails may not be tidied up after
            raise Failure(f"{done['errors']} tests could not be run, {done['skipped']} were skipped.")
        return [Figure("tests", done["tests"], at_least=1), Figure("failed", done["failures"], at_most=0)]

    return measure


def _run(trial: Trial, paths: Sequence[str], effort: Mapping[str, int]) -> Mapping[str, int]:
    """How many tests there were, and what became of them."""
    report = trial.folder / "report.xml"
    variables = {"PYTHONPATH": str(trial.project / "src"), "CI": "true"} | {
        name: str(much) for name, much in effort.items()
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout=3000", f"--junitxml={report}", *paths],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise Failure(f"pytest ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    for line in done.stdout.splitlines():
        if line.startswith("FAILED "):
            print(line, file=sys.stderr)
    found = next(ElementTree.parse(report).iter("testsuite"))  # noqa: S314  # pytest has just written it
    return {name: int(found.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}
