"""What the tools that build files share: writing the file, or checking that it is fresh."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def publish(tool: str, target: Path, built: str) -> None:
    """Write what was built; with `--check`, write nothing and end with exit status 1 when the file is stale."""
    parser = argparse.ArgumentParser(prog=tool, description=f"Builds {target.relative_to(ROOT)}.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is stale")
    if not parser.parse_args().check:
        target.write_text(built, encoding="utf-8")
    elif not target.exists() or target.read_text(encoding="utf-8") != built:
        sys.exit(f"{target.relative_to(ROOT)} is stale: run python tools/{tool}")
