"""Run the checks one after the other; the report of a full run goes to docs/acceptance.md."""

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from acceptance.checks import BOTH, CHECKS
from acceptance.sabotage import break_copy
from acceptance.servers import POSTGRES, SQLITE
from acceptance.trial import HOUR, ROOT, Check, Figure, Trial
from bench import report
from bench.failure import Failure

FOLDER = "/var/tmp"  # noqa: S108  # a folder of our own is made in it; unlike /tmp, it is never in memory
TIMES = {" s", " ms", " µs"}  # units
RESULTS = ROOT / "docs" / "acceptance.md"


class Result(Struct, frozen=True):
    """What came of a check on one engine."""

    check: Check
    trial: Trial
    is_broken: bool  # it was run on a broken copy, which it has to notice
    figures: Sequence[Figure]
    seconds: float
    failure: str = ""  # why there are no figures
    is_hurried: bool = False  # beside other work, where bounds on time mean nothing

    @property
    def is_passed(self) -> bool:
        """Whether the promise was kept, or not kept by what is broken."""
        counted = [figure for figure in self.figures if not (self.is_hurried and figure.unit in TIMES)]
        return not self.failure and all(figure.is_kept for figure in counted) != self.is_broken

    @property
    def verdict(self) -> str:
        if self.failure:
            return "FAILED to run"
        if self.is_broken:
            return "noticed" if self.is_passed else "NOT NOTICED"
        return "held" if self.is_passed else "MISSED"

    @property
    def said(self) -> str:
        """Every figure, those that are out of bounds in bold."""
        return self.failure or "; ".join(map(str, self.figures))

    @property
    def name(self) -> str:
        return f"{self.check.number} {self.check.name}"

    def __str__(self) -> str:
        broken = ", broken" if self.is_broken else ""
        rounds = f"seed {self.trial.seed}, {self.trial.rounds} rounds, {self.seconds:.0f} s"
        return f"{self.name} ({self.trial.engine}{broken}, {rounds}): {self.said}: {self.verdict}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m acceptance", description=__doc__)
    names = [check.name for check in CHECKS]
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=f"one of {', '.join(names)}")
    parser.add_argument("--store", choices=[SQLITE, POSTGRES], help="one engine instead of both")
    parser.add_argument("--seed", type=int, help="to repeat what another run has done  [default: any]")
    parser.add_argument("--rounds", type=int, metavar="N", help="instead of each check's own number")
    parser.add_argument("--quick", action="store_true", help="few rounds of some checks, in whatever time they take")
    parser.add_argument("--broken", action="store_true", help="on broken copies of the project, each to be noticed")
    parser.add_argument("--list", action="store_true", help="print the checks, and run none")
    parser.add_argument("--folder", default=FOLDER, help="where the databases go; on a disk  [default: %(default)s]")
    parser.add_argument("--output", type=Path, metavar="FILE", help="keep the report; a full run's is kept in any case")
    given = parser.parse_args()
    chosen = list(_chosen(given))
    if given.list:
        print(*[f"{check.number:2} {check.name}, {engine}: {check.promise}" for check, engine, _ in chosen], sep="\n")
        return
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    with tempfile.TemporaryDirectory(prefix="dialbook-acceptance-", dir=given.folder) as name:
        Path(name).chmod(0o711)  # PostgreSQL has another user
        machine = report.describe_machine(Path(name), "acceptance")
        results = []
        for number, (check, engine, rounds) in enumerate(chosen):
            trial = Trial(engine, seed, rounds, ROOT, Path(name) / str(number))
            results.append(replace(run(check, trial, is_broken=given.broken), is_hurried=given.quick))
            print(results[-1], flush=True)
    is_full = not (given.only or given.store or given.rounds or given.quick or given.broken)
    if output := given.output or (RESULTS if is_full else None):
        output.write_text(report.to_markdown(machine, [_to_table(results)]), encoding="utf-8")
    sys.exit(not all(result.is_passed for result in results))


def run(check: Check, trial: Trial, *, is_broken: bool = False) -> Result:
    """Run a check in the trial's folder, which is made, on the project or on a broken copy of it."""
    began = time.monotonic()
    figures: Sequence[Figure] = ()
    failure = ""
    trial.folder.mkdir()
    try:
        if is_broken:
            copy = trial.folder.with_name(f"{trial.folder.name}-broken")
            trial = replace(trial, project=break_copy(check.cases[trial.engine].broken, copy))
        figures = check.measure(trial)
    except (Failure, pytest.fail.Exception, pytest.skip.Exception) as error:
        failure = str(error)
    except Exception as error:  # noqa: BLE001  # the other checks are to be run all the same
        failure = f"{type(error).__name__}: {error}"
        traceback.print_exc()
    shutil.rmtree(trial.folder)
    return Result(check, trial, is_broken, figures, time.monotonic() - began, failure)


def _chosen(given: argparse.Namespace) -> Iterator[tuple[Check, str, int]]:
    """The checks that are asked for, each with an engine and how many rounds."""
    for check in CHECKS:
        is_elsewhere = check.tier != HOUR and not (given.only or given.broken or given.list)
        if is_elsewhere or (given.only and check.name not in given.only):
            continue
        for engine, case in check.cases.items():
            usual = case.bite if given.broken else case.quick if given.quick else case.full
            if usual and (given.store in (None, engine) or engine == BOTH):
                yield check, engine, given.rounds or usual


def _to_table(results: Sequence[Result]) -> report.Table:
    passed = sum(result.is_passed for result in results)
    return report.Table(
        "Checks",
        f"Seed {results[0].trial.seed}; what each promises is in [reliability.md](reliability.md).",
        ["", "rounds", "seconds", "figures", "verdict"],
        [
            [
                f"{each.name}, {each.trial.engine}",
                f"{each.trial.rounds}",
                f"{each.seconds:.0f}",
                each.said,
                each.verdict,
            ]
            for each in results
        ],
        f"**{passed}** of {len(results)} as promised.",
    )


main()
