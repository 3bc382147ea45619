"""Builds src/dialbook/client/sync from src/dialbook/client/aio: the same client without `async` and `await`."""

import re
import subprocess
import sys
from pathlib import Path

from generated import ROOT, publish

SOURCE = ROOT / "src/dialbook/client/aio"
TARGET = ROOT / "src/dialbook/client/sync"

HEAD = "# Built by tools/{tool} from {source}: change it there.\n"

# In this order; each is a pattern, and what stands in its place.
CHANGES = [
    (r'"""The asynchronous client\. .*?"""', '"""The synchronous client."""'),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAwaitable\[(\w+(?:\[\w+\])?)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\bhttpx2\.AsyncClient\b", "httpx2.Client"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=owner\b)", ""),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\ba(close|read|iter_bytes)\b", r"\1"),
    (r"\basyncio\b", "time"),
    (r"\bclient\.aio\b", "client.sync"),
]


def main() -> None:
    tool = Path(__file__).name
    if left_over := {path.name for path in TARGET.glob("*.py")} - {path.name for path in SOURCE.glob("*.py")}:
        sys.exit(
            f"{TARGET.relative_to(ROOT)} has files that {SOURCE.relative_to(ROOT)} has not: {', '.join(left_over)}"
        )
    for source in sorted(SOURCE.glob("*.py")):
        built = HEAD.format(tool=tool, source=source.relative_to(ROOT)) + translate(source.read_text(encoding="utf-8"))
        publish(tool, TARGET / source.name, tidy(built))


def translate(text: str) -> str:
    for pattern, replacement in CHANGES:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def tidy(text: str) -> str:
    """Sort the imports and break the lines anew: what was taken away changes both."""
    for command in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(TARGET / "built.py"), "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


if __name__ == "__main__":
    main()
