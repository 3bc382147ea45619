"""The list of commands."""

import logging
from collections import UserDict
from importlib import import_module
from typing import Any

import click

from dialbook import __version__
from dialbook.cli.output import Refusing

# The module that each command stands in.
MODULES = {
    "account": "accounts",
    "audit": "audit",
    "backup": "backup",
    "completion": "completion",
    "contacts": "contacts",
    "copy": "copy",
    "demo": "demo",
    "doctor": "maintenance",
    "erase": "erasure",
    "export-subject": "subject",
    "key": "accounts",
    "lists": "lists",
    "members": "members",
    "migrate": "maintenance",
    "profile": "profiles",
    "pull": "mirror",
    "push": "mirror",
    "restore": "backup",
    "serve": "serve",
    "uploads": "uploads",
}


class Commands(UserDict[str, Any]):
    """Commands by their names; each is loaded when it is asked for: all of them take twice the time of one."""

    def __getitem__(self, name: str) -> click.Command:
        command: click.Command = getattr(import_module(f"dialbook.cli.{self.data[name]}"), name.replace("-", "_"))
        return command


@click.group(
    cls=Refusing,
    commands=Commands(MODULES),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dialbook", message="%(prog)s %(version)s")
def dialbook() -> None:
    """Keep contacts and call lists, and serve them over the v2 contacts and lists API.

    \b
    Start here:
      dialbook demo                     a throw-away server with sample contacts
      dialbook account create acme      an account of your own
      dialbook key create acme          its credentials
      dialbook serve                    the server

    Settings come from flags, DIALBOOK_… variables, or dialbook.toml: see docs/settings.md.
    """


# What the storage has to say of a failure, a command says by itself; a server's log has it all the same.
logging.getLogger("dialbook.store").addHandler(logging.NullHandler())
