"""Builds docs/settings.md from the fields of dialbook.settings.Settings, their bounds and what they mean."""

import textwrap
from pathlib import Path
from typing import Any

import msgspec
from generated import ROOT, publish

from dialbook.cli.serve import serve
from dialbook.settings import CONFIG_FILE, CONFIG_VARIABLE, PREFIX, Settings, allowed_values

TARGET = ROOT / "docs/settings.md"

TEMPLATE = """\
<!-- Built by tools/build_settings_doc.py from src/dialbook/settings.py: change it there. -->

# Settings

Dialbook runs without any: it keeps its book in `dialbook.db` in the current folder and listens on
`127.0.0.1:8080`. What differs is put into a file, into the environment or on the command line:

```toml
# {config_file}
database = "sqlite:////var/lib/dialbook/book.db"
port = 9000
```

```sh
{prefix}PORT=9000 dialbook serve
dialbook serve --port 9000
```

## Where a setting comes from

Each place wins over those before it:

1. its default;
2. a TOML file: the one that `--config` names, else the one that `{config_variable}` names, else `{config_file}` in
   the current folder, where there is one;
3. a variable in the environment, `{prefix}…`;
4. a flag of the command.

For every variable there is a second one that ends in `_FILE` and names a file with the value in it, as secrets of
containers and of systemd come: `{prefix}DATABASE_FILE=/run/secrets/database`. Blanks and line ends around the value
do not count. Give one of the two.

`{prefix}URL` is no setting: it tells clients, such as the programs in `examples/`, where their server is. Nor is
`{prefix}TOKEN`, out of which `dialbook profile add` reads a token.

A setting that does not exist, a value that is not allowed and a file that cannot be read stop the command before it
does anything, and it says which one it was. Settings are read once, when a command or the server starts. Kubernetes
puts variables of its own into a pod, which begin in the same way where a Service is called `dialbook`: set
`enableServiceLinks: false`, or call it otherwise.

## All settings

The name is also the key in the TOML file, at its top level.

{table}

`--database` and `--config` are flags of each command that works on the book itself ([cli.md](cli.md)), but for
`dialbook copy`, which names two; the other flags belong to `dialbook serve`.

## An example file

Every setting, with its default:

```toml
{example}
```
"""


def main() -> None:
    publish(Path(__file__).name, TARGET, build())


def build() -> str:
    schema = msgspec.json.schema(Settings)
    fields: dict[str, dict[str, Any]] = schema["$defs"][Settings.__name__]["properties"]
    return TEMPLATE.format(
        config_file=CONFIG_FILE,
        config_variable=CONFIG_VARIABLE,
        prefix=PREFIX,
        table=build_table(fields),
        example="\n\n".join(build_example(name, field) for name, field in fields.items()),
    )


def build_table(fields: dict[str, dict[str, Any]]) -> str:
    flags = {option.name: option.opts[0] for option in serve.params}
    rows = [["Name", "Variable", "Flag", "Value", "Default", "Meaning"], ["---"] * 6]
    for name, field in fields.items():
        flag = f"`{flags[name]}`" if name in flags else ""
        variable = f"`{PREFIX}{name.upper()}`"
        default = field["default"] if isinstance(field["default"], str) else in_toml(field["default"])
        rows.append([f"`{name}`", variable, flag, allowed_values(name), f"`{default}`", field["description"]])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def build_example(name: str, field: dict[str, Any]) -> str:
    comment = textwrap.fill(field["description"], 100, initial_indent="# ", subsequent_indent="# ")
    return f"{comment}\n{name} = {in_toml(field['default'])}"


def in_toml(value: object) -> str:
    # TOML writes such strings, whole numbers and truths as JSON does.
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    main()
