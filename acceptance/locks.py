"""The steps of PostgreSQL's schema, looked through for statements that keep everybody waiting while they run."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from acceptance.trial import Figure, Trial
from bench.failure import Failure

PROGRAM = Path(sys.executable).with_name("squawk")
OLDEST = "14"  # PostgreSQL that is supported
WAIVED: Mapping[str, str] = {
    "require-lock-timeout": "`dialbook migrate` sets it for all steps",
    "require-statement-timeout": "copying a large table may take its time",
    "require-concurrent-index-creation": "a step is one transaction: changes wait while an index is made, reads do not",
}


def measure(trial: Trial) -> Sequence[Figure]:
    """Squawk's findings, but for those that are waived."""
    folder = trial.project / "src" / "dialbook" / "store" / "migrations"
    steps = sorted(path for path in folder.glob("*.sql") if not path.name.endswith(".sqlite.sql"))
    if not PROGRAM.exists():
        raise Failure("squawk is not installed: make acceptance installs it.")
    options = ["--reporter", "json", "--assume-in-transaction", "--pg-version", OLDEST, "--exclude", ",".join(WAIVED)]
    done = subprocess.run([PROGRAM, *options, *steps], capture_output=True, text=True, check=False)
    findings = msgspec.json.decode(done.stdout)
    for finding in findings:
        print(f"{Path(finding['file']).name}:{finding['line']}: {finding['message']}", file=sys.stderr)
    return [Figure("steps", len(steps), at_least=1), Figure("findings", len(findings), at_most=0)]
