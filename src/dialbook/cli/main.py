"""The list of commands."""

import logging

import click

from dialbook import __version__
from dialbook.cli.accounts import account, key
from dialbook.cli.audit import audit
from dialbook.cli.backup import backup, restore
from dialbook.cli.completion import completion
from dialbook.cli.contacts import contacts
from dialbook.cli.copy import copy
from dialbook.cli.demo import demo
from dialbook.cli.erasure import erase
from dialbook.cli.lists import lists
from dialbook.cli.maintenance import doctor, migrate
from dialbook.cli.members import members
from dialbook.cli.mirror import pull, push
from dialbook.cli.output import Refusing
from dialbook.cli.profiles import profile
from dialbook.cli.serve import serve
from dialbook.cli.subject import export_subject
from dialbook.cli.uploads import uploads


@click.group(cls=Refusing, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
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

ADMIN = (account, audit, backup, copy, demo, doctor, erase, export_subject, key, migrate, restore, serve)
REMOTE = (contacts, lists, members, profile, pull, push, uploads)

for command in (*ADMIN, *REMOTE, completion):
    dialbook.add_command(command)
