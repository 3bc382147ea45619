"""Builds docs/cli.md: for every command examples, and its own help as a terminal of 80 columns shows it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from click.testing import CliRunner
from generated import ROOT, publish

from dialbook.cli.main import dialbook

TARGET = ROOT / "docs/cli.md"

HEAD = """\
<!-- Built by tools/build_cli_doc.py from the commands' own help: change it there. -->

# The command line

From nothing to a server that answers:

```sh
dialbook account create acme --region IN
dialbook key create acme --name "first key"
dialbook serve --port 8080
```

Every command has `--help`. What it found or made goes to standard output; questions, warnings and refusals go to
standard error. The exit status is 0 when it did what was asked, 1 when that was refused (`Error: …`, one line) or
the doctor found something wrong, and 2 when the command line could not be understood. With `--json`, standard output
is JSON and nothing else.

Commands work on the database file directly, so they need no running server, and may be used beside one: what they
change holds from the server's next request on. Where the database is, is a [setting](settings.md).
"""

# In the order in which one meets the commands.
EXAMPLES = {
    "": ["dialbook --version"],
    "demo": ["dialbook demo"],
    "serve": [
        "dialbook serve",
        "dialbook serve --host 0.0.0.0 --port 8080 --workers 4",
        "dialbook serve --config /etc/dialbook.toml",
    ],
    "account": [],
    "account create": ["dialbook account create acme", "dialbook account create acme-sg --region SG"],
    "account list": ["dialbook account list", "dialbook account list --json"],
    "account delete": ["dialbook account delete acme-sg", "dialbook account delete acme-sg --yes"],
    "key": [],
    "key create": [
        "dialbook key create acme",
        "dialbook key create acme --name reporting --scope read --expires 90d",
        "dialbook key create acme --expires 2999-01-31 --json",
    ],
    "key list": ["dialbook key list acme", "dialbook key list acme --json"],
    "key revoke": ["dialbook key revoke acme 6d73126c0ff16e099aa19084a2a9ba3b"],
    "migrate": ["dialbook migrate", "dialbook migrate --database sqlite:////var/lib/dialbook/book.db"],
    "doctor": ["dialbook doctor", "dialbook doctor --json"],
    "copy": ["dialbook copy --from sqlite:///dialbook.db --to sqlite:///copy.db"],
}


def main() -> None:
    publish(Path(__file__).name, TARGET, build())


def build() -> str:
    if differing := set(list_commands(dialbook)) ^ EXAMPLES.keys():
        sys.exit(f"EXAMPLES and the commands differ: {', '.join(sorted(differing))}")
    return "\n".join([HEAD, *(build_section(command, examples) for command, examples in EXAMPLES.items())])


def list_commands(group: click.Group, above: str = "") -> Iterator[str]:
    yield above
    for name, command in group.commands.items():
        path = f"{above} {name}".strip()
        if isinstance(command, click.Group):
            yield from list_commands(command, path)
        else:
            yield path


def build_section(command: str, examples: list[str]) -> str:
    level = "###" if " " in command else "##"
    shown = [f"```{language(examples)}", *examples, "```", ""] if examples else []
    parts = [f"{level} dialbook {command}".rstrip(), "", *shown, "```text", read_help(command), "```", ""]
    return "\n".join(parts)


def read_help(command: str) -> str:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(dialbook, [*command.split(), "--help"], catch_exceptions=False)
    return result.stdout.rstrip()


def language(examples: Sequence[str]) -> str:
    """`bash` for what the tests run; `sh` for what goes on until it is stopped, asks, or names what nobody has."""
    unfit = ("dialbook serve", "dialbook demo", "account delete", "key revoke", "/var/lib")
    return "sh" if any(part in example for part in unfit for example in examples) else "bash"


if __name__ == "__main__":
    main()
