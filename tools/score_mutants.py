"""Builds docs/mutation.md out of what `mutmut run` found: how many changes to our code make a test fail.

Ends with exit status 1 when they are fewer than docs/reliability.md promises.
"""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from generated import ROOT

TARGET = ROOT / "docs/mutation.md"
PROMISED = 0.85
NOTICED = {"killed", "timeout"}  # one that never ends is noticed, too
NOT_TRIED = {"no tests", "not checked"}

TEMPLATE = """\
<!-- Built by tools/score_mutants.py: run `make mutation`. -->

# Mutants

`make mutation` makes small changes to our code, one at a time: an operator, a number, a text, an argument. Each has to
make a test fail. [pyproject.toml](../pyproject.toml) has which files are changed and which tests are run, on SQLite
alone. SQL in blocks is not changed, and code that only another process or PostgreSQL runs is reached by none of those
tests: its mutants count as not tried, and not in the score; so do those that a run has left out.

| module | mutants | noticed | not noticed | not tried | score |
|---|---|---|---|---|---|
{rows}

Of those tried **{score:.1%}** were noticed; at least {promised:.0%} is promised.
"""


def main() -> None:
    counts = count_mutants(read_results())
    total = sum(counts.values(), Counter())
    rows = "\n".join(row(f"`{module}`", counts[module]) for module in sorted(counts))
    built = TEMPLATE.format(rows=f"{rows}\n{row('all', total)}", score=score(total), promised=PROMISED)
    TARGET.write_text(built, encoding="utf-8")
    print(built)
    sys.exit(score(total) < PROMISED)


def read_results() -> str:
    """What `mutmut` says became of each mutant, a line for each."""
    mutmut = Path(sys.executable).with_name("mutmut")
    return subprocess.run(
        [mutmut, "results", "--all", "true"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def count_mutants(results: str) -> Mapping[str, Counter[str]]:
    """For each module, how many mutants were noticed, not noticed and not tried."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for line in results.splitlines():
        mutant, _, status = line.strip().partition(": ")
        module = mutant.rpartition(".")[0]
        counts[module][verdict(status)] += 1
    return counts


def verdict(status: str) -> str:
    """What became of a mutant, in the words of the table."""
    if status in NOTICED:
        return "noticed"
    return "not tried" if status in NOT_TRIED else "not noticed"


def score(count: Counter[str]) -> float:
    """The share of those tried that was noticed."""
    return count["noticed"] / max(1, count["noticed"] + count["not noticed"])


def row(name: str, count: Counter[str]) -> str:
    cells = [count.total(), count["noticed"], count["not noticed"], count["not tried"]]
    tried = count["noticed"] + count["not noticed"]
    return f"| {' | '.join([name, *map(str, cells), f'{score(count):.1%}' if tried else ''])} |"


if __name__ == "__main__":
    main()
