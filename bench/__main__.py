"""The list of measurements, run one after another; the tables go to the terminal and to `bench/results.md`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from bench import bulk, depth, export, pages, report, writes
from bench.effort import FULL, QUICK, Effort
from bench.failure import Failure
from bench.report import Table

Measure: TypeAlias = Callable[[Path, Effort], list[Table]]

MEASUREMENTS: Mapping[str, Measure] = {
    "pages": pages.measure,
    "depth": depth.measure,
    "export": export.measure,
    "bulk": bulk.measure,
    "writes": writes.measure,
}
FOLDER = "/var/tmp"  # noqa: S108  # a folder of our own is made in it; unlike /tmp, it is never in memory
RESULTS = Path(__file__).parent / "results.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, less than a minute in all: does it work?")
    parser.add_argument("--members", type=int, metavar="N", help="the length of the long list  [default: 1,000,000]")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement instead of all")
    parser.add_argument("--folder", default=FOLDER, help="where the databases go; on a disk  [default: %(default)s]")
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    if given.members:
        effort = msgspec.structs.replace(effort, members=given.members)
    try:
        text = run([given.only] if given.only else list(MEASUREMENTS), effort, given.folder)
    except Failure as failure:
        sys.exit(f"bench: failed: {failure}")
    RESULTS.write_text(text, encoding="utf-8")
    print(text, end="")


def run(names: list[str], effort: Effort, parent: str) -> str:
    """Measure, in a folder that is removed at the end, and return the report.

    Raises:
        Failure: something was not as it has to be for a figure to mean anything.
    """
    if shutil.which("wrk") is None:
        raise Failure("wrk is not installed (Debian: apt install wrk).")
    with tempfile.TemporaryDirectory(prefix="dialbook-bench-", dir=parent) as name:
        folder = Path(name)
        machine = report.describe_machine(folder)
        tables: list[Table] = []
        for measurement in names:
            print(f"bench: {measurement} ...", file=sys.stderr, flush=True)
            tables += MEASUREMENTS[measurement](folder, effort)
    return report.to_markdown(machine, tables)


main()
