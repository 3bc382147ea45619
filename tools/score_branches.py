"""Reads what `coverage json` says, and prints how many of all branches the tests take.

Ends with exit status 1 when they are fewer than docs/reliability.md promises.
"""

import json
import sys

PROMISED = 0.95


def main() -> None:
    totals = json.load(sys.stdin)["totals"]
    score = totals["covered_branches"] / totals["num_branches"]
    print(f"{score:.1%} of {totals['num_branches']:,} branches; at least {PROMISED:.0%} is promised.")
    sys.exit(score < PROMISED)


if __name__ == "__main__":
    main()
