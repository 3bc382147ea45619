"""The list of measurements, run one after another; of a full run the report goes to `docs/benchmarks.md`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

from bench import (
    bulk,
    client,
    compare,
    console,
    deletion,
    depth,
    export,
    lag,
    names,
    pages,
    pgbench,
    report,
    uploads,
    writes,
)
from bench.effort import FULL, QUICK, Effort
from bench.engines import POSTGRES, SQLITE
from bench.failure import Failure
from bench.report import Table

Measure: TypeAlias = Callable[[Path, Effort], list[Table]]

MEASUREMENTS: Mapping[str, Measure] = {
    "pages": pages.measure,
    "pgbench": pgbench.measure,
    "depth": depth.measure,
    "export": export.measure,
    "names": names.measure,
    "compare": compare.measure,
    "lag": lag.measure,
    "bulk": bulk.measure,
    "deletion": deletion.measure,
    "writes": writes.measure,
    "uploads": uploads.measure,
    "client": client.measure,
    "console": console.measure,
}
FOLDER = "/var/tmp"  # noqa: S108  # a folder of our own is made in it; unlike /tmp, it is never in memory
RESULTS = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="short rounds, less than a minute in all: does it work?")
    parser.add_argument("--members", type=int, metavar="N", help="the length of the long list  [default: 1,000,000]")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each side has its turn  [default: 5]")
    parser.add_argument("--engine", choices=[SQLITE, POSTGRES], help="one engine instead of both, where there are both")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement instead of all")
    parser.add_argument("--folder", default=FOLDER, help="where the databases go; on a disk  [default: %(default)s]")
    parser.add_argument("--output", type=Path, metavar="FILE", help="keep the report; a full run's is kept in any case")
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    asked = {name: value for name in ("members", "rounds", "engine") if (value := getattr(given, name))}
    effort = msgspec.structs.replace(effort, **asked)
    try:
        machine, tables = run([given.only] if given.only else list(MEASUREMENTS), effort, given.folder)
    except Failure as failure:
        sys.exit(f"bench: failed: {failure}")
    text = report.to_markdown(machine, tables)
    print(text, end="")
    is_full = not (given.quick or given.only or given.engine)
    if output := given.output or (RESULTS if is_full else None):
        output.write_text(text, encoding="utf-8")
        for table in tables:
            if table.figure:
                (output.parent / report.figure_name(table)).write_bytes(table.figure)


def run(names: list[str], effort: Effort, parent: str) -> tuple[Mapping[str, str], list[Table]]:
    """Measure, in a folder that is removed at the end, and return what the machine is and what was found.

    Raises:
        Failure: something was not as it has to be for a figure to mean anything.
    """
    for program in ("wrk", "sqlite3"):
        if shutil.which(program) is None:
            raise Failure(f"{program} is not installed (Debian: apt install {program}).")
    with tempfile.TemporaryDirectory(prefix="dialbook-bench-", dir=parent) as name:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL has another user
        machine = report.describe_machine(folder)
        tables: list[Table] = []
        for measurement in names:
            print(f"bench: {measurement} ...", file=sys.stderr, flush=True)
            tables += MEASUREMENTS[measurement](folder, effort)
    return machine, tables


main()
