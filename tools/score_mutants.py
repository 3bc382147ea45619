"""Builds docs/mutation.md out of what `mutmut run` found: how many changes to our code make a test fail.

Ends with exit status 1 when they are fewer than docs/reliability.md promises.
"""

import json
import signal
import sys
from collections import Counter
from collections.abc import Mapping

from generated import ROOT

TARGET = ROOT / "docs/mutation.md"
MUTANTS = ROOT / "mutants" / "src"
PROMISED = 0.85
NOTICED = {1, 3, -signal.SIGXCPU}  # tests failed, pytest did, or they took longer than there was time
NOT_TRIED = {None, 5, 33}  # pytest found no tests, or mutmut did

TEMPLATE = """\
<!-- Built by tools/score_mutants.py: run `make mutation`. -->

# Mutants

`make mutation` makes small changes to our code, one at a time: an operator, a number, a text, an argument. Each has to
make a test fail. [pyproject.toml](../pyproject.toml) has which files are changed and which tests are run, on SQLite
alone. SQL in blocks is not changed, and which tests reach code that only another process or PostgreSQL runs is not
known: its mutants count as not tried, and not in the score; so do those that a run has left out. Those of numbers and
of files that no test notices are tried again, each in a process of its own: `tools/retry_mutants.py` says why.

| module | mutants | noticed | not noticed | not tried | score |
|---|---|---|---|---|---|
{rows}

Of those tried **{score:.1%}** were noticed; at least {promised:.0%} is promised.
"""


def main() -> None:
    counts = {name: Counter(map(verdict, results.values())) for name, results in read_results().items()}
    total = sum(counts.values(), Counter())
    rows = "\n".join(row(f"`{module}`", counts[module]) for module in sorted(counts))
    built = TEMPLATE.format(rows=f"{rows}\n{row('all', total)}", score=score(total), promised=PROMISED)
    TARGET.write_text(built, encoding="utf-8")
    print(built)
    sys.exit(score(total) < PROMISED)


def read_results() -> Mapping[str, Mapping[str, int | None]]:
    """How the tests of each mutant ended, for each module that has mutants."""
    found = {path: json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"] for path in MUTANTS.rglob("*.meta")}
    return {
        ".".join(path.relative_to(MUTANTS).with_suffix("").with_suffix("").parts): results
        for path, results in found.items()
        if results
    }


def verdict(ended: int | None) -> str:
    """What became of a mutant, in the words of the table; where its tests ended in no known way, they noticed nothing.

    Args:
        ended: the exit status of its tests. mutmut has 255 where pytest was called wrongly, and calls that a timeout.
    """
    if ended in NOT_TRIED:
        return "not tried"
    return "noticed" if ended in NOTICED else "not noticed"


def score(count: Counter[str]) -> float:
    """The share of those tried that was noticed."""
    return count["noticed"] / max(1, count["noticed"] + count["not noticed"])


def row(name: str, count: Counter[str]) -> str:
    cells = [count.total(), count["noticed"], count["not noticed"], count["not tried"]]
    tried = count["noticed"] + count["not noticed"]
    return f"| {' | '.join([name, *map(str, cells), f'{score(count):.1%}' if tried else ''])} |"


if __name__ == "__main__":
    main()
