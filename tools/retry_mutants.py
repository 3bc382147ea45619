"""Tries once more what no test noticed, where `mutmut run` cannot tell: each mutant in a process of its own.

mutmut forks from a process that has imported all of Dialbook: what was computed then, as the patterns of numbers, is
the original's. And it runs the tests that were seen to reach a function in their own process: others that reach it
through a thread or process of the server, as those that read a file, are not run.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from generated import ROOT
from score_mutants import MUTANTS, verdict

# Modules by how their names begin, and the tests that may notice.
TESTS = {
    "dialbook.jobs.rows": "tests/server/uploads",
    "dialbook.model.phone": "tests/model",
    "dialbook.wire.csv_": "tests/server/uploads",
}
FAILED = 1  # pytest's exit status


def main() -> None:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path in sorted(MUTANTS.rglob("*.meta")):
            meta = json.loads(path.read_text(encoding="utf-8"))
            results = meta["exit_code_by_key"]
            again = dict(to_be_tried(results))
            ended = dict(zip(again, pool.map(try_again, again, again.values()), strict=True))
            results |= {mutant: status for mutant, status in ended.items() if status == FAILED}
            path.write_text(json.dumps(meta, indent=4), encoding="utf-8")
            if ended:
                print(f"{path.stem}: {list(ended.values()).count(FAILED)} of {len(ended)} are noticed after all")


def to_be_tried(results: dict[str, int | None]) -> Iterator[tuple[str, str]]:
    """Mutants that no test noticed, each with the tests that may."""
    for mutant, ended in results.items():
        tests = [tests for module, tests in TESTS.items() if mutant.startswith(module)]
        if tests and verdict(ended) == "not noticed":
            yield mutant, tests[0]


def try_again(mutant: str, tests: str) -> int:
    """Run tests with a mutant; return pytest's exit status."""
    chosen = {"MUTANT_UNDER_TEST": mutant, "PYTHONPATH": str(MUTANTS), "HYPOTHESIS_PROFILE": "verdict"}
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    command = [sys.executable, "-m", "pytest", "-x", *options["pytest_add_cli_args"], tests]
    env, folder = os.environ | chosen, MUTANTS.parent
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False).returncode


if __name__ == "__main__":
    main()
