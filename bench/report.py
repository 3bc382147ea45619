"""Tables, verdicts and the machine, as Markdown."""

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import apsw
from msgspec import Struct

from bench.failure import Failure
from dialbook import __version__
from dialbook.model.moment import utc_text

IN_MEMORY = {"tmpfs", "ramfs"}


class Table(Struct, frozen=True):
    """One measurement: what was done, the figures, and what follows from them."""

    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    verdict: str
    figure: bytes | None = None  # SVG


def ratio(name: str, ratios: Sequence[float], *, at_least: float | None = None, at_most: float | None = None) -> str:
    """Say the median of the rounds' ratios, their range, and whether it keeps within its bound, if it has one."""
    middle = median(ratios)
    said = f"{name}: **{middle:.2f}** (median of {len(ratios)} rounds, {min(ratios):.2f} to {max(ratios):.2f})"
    if at_least is not None:
        said += f"; bound: at least {at_least:.2f}, {_verdict(middle >= at_least)}"
    if at_most is not None:
        said += f"; bound: at most {at_most:.2f}, {_verdict(middle <= at_most)}"
    return f"{said}."


def describe_machine(folder: Path, program: str = "bench") -> Mapping[str, str]:
    """What ran where, and when.

    Args:
        folder: where the databases are.
        program: what was asked for on the command line.

    Raises:
        Failure: the folder is in memory, where a commit costs nothing.
    """
    kind = _file_system(folder)
    if kind in IN_MEMORY:
        raise Failure(f"{folder} is in memory ({kind}); give a folder on a disk with --folder.")
    return {
        "Date": utc_text(datetime.now(UTC)),
        "Command": " ".join([f"python -m {program}", *sys.argv[1:]]),
        "Dialbook": f"{__version__}, one worker",
        "Processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, no pinning",
        "Load before": f"{os.getloadavg()[0]:.2f} (one-minute average; other work makes the figures worse)",
        "System": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "SQLite": f"{apsw.sqlite_lib_version()} (apsw {apsw.apsw_version()})",
        "Databases": f"on {kind}, in {folder.parent}",
    }


def figure_name(table: Table) -> str:
    """The name of the file with a table's figure."""
    words = re.findall(r"\w+", table.title.lower())
    return f"{'-'.join(words)}.svg"


def to_markdown(machine: Mapping[str, str], tables: Sequence[Table]) -> str:
    """The whole report."""
    parts = ["# What was measured", "\n".join(f"- {name}: {value}" for name, value in machine.items())]
    for table in tables:
        parts += [f"## {table.title}", table.text, _table(table.header, table.rows), table.verdict]
        if table.figure:
            parts.append(f"![{table.title}]({figure_name(table)})")
    return "\n\n".join(parts) + "\n"


def _verdict(kept: bool) -> str:
    return "held" if kept else "missed"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def _processor() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return models[0].partition(":")[2].strip() if models else platform.machine()


def _file_system(folder: Path) -> str:
    """The kind of the file system that the folder is on: of the mounts above it, the deepest."""
    mounts = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    above = [(len(point), kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(above)[1]
