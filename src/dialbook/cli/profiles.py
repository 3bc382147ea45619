"""`dialbook profile`: accounts on servers, saved with what opens them."""

import os
import sys
from typing import BinaryIO

import click
import msgspec
from msgspec import Struct

from dialbook.cli.output import json_option, show, show_table
from dialbook.cli.profile_file import Profile, Profiles, changing_profiles, read_profiles, write_profiles
from dialbook.cli.remote import TOKEN_VARIABLE, check_address, profile_names
from dialbook.model.errors import Invalid
from dialbook.wire.body import NOT_JSON


class KeyFile(Struct, frozen=True):
    """What `dialbook key create --json` prints."""

    api_key: str
    api_token: str


@click.group()
def profile() -> None:
    """Save accounts on servers, with what opens them, so that commands find them.

    The file is profiles.json in $XDG_CONFIG_HOME/dialbook (~/.config/dialbook), for nobody else to read. A token is
    never shown, and never an argument.
    """


@profile.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--key", help="The API key; asked for when it is not given.")
@click.option(
    "--credentials",
    type=click.File("rb"),
    metavar="FILE",
    help="Key and token as `dialbook key create --json` prints them; - for standard input.",
)
@json_option
def add_profile(name: str, url: str, key: str | None, credentials: BinaryIO | None, as_json: bool) -> None:
    """Save an account under a NAME, in place of one that had it; the first is used from then on.

    URL is the account's, without key and token: https://api.exotel.com/v2/accounts/acme. The token comes from
    --credentials, from DIALBOOK_TOKEN, from the keyboard, or from standard input when that is no terminal.

    \b
    Example:
      dialbook profile add work https://api.in.exotel.com/v2/accounts/acme
    """
    if not name:
        raise click.UsageError("A profile needs a name.")
    opening = _read_key_file(credentials) if credentials else KeyFile(key or _ask_key(), _ask_token())
    made = Profile(url.rstrip("/"), opening.api_key, opening.api_token)
    check_address(made)
    with changing_profiles() as saved:
        changed = Profiles(saved.current or name, {**saved.profiles, name: made})
        write_profiles(changed)
    if as_json:
        show(_profile_json(changed, name))
    else:
        click.echo(f"Profile {name} is saved{', and used where none is named' if changed.current == name else ''}.")


@profile.command("list")
@json_option
def list_profiles(as_json: bool) -> None:
    """Show the saved profiles, without their tokens."""
    saved = read_profiles()
    rows = [_profile_json(saved, name) for name in sorted(saved.profiles)]
    if as_json:
        show(rows)
        return
    show_table(
        ["PROFILE", "URL", "KEY", ""],
        [[row["profile"], row["url"], row["api_key"], "used" if row["used"] else ""] for row in rows],
    )


@profile.command("use")
@click.argument("name", shell_complete=profile_names)
@json_option
def use_profile(name: str, as_json: bool) -> None:
    """Take a profile where none is named."""
    with changing_profiles() as saved:
        saved.get(name)
        changed = Profiles(name, saved.profiles)
        write_profiles(changed)
    if as_json:
        show(_profile_json(changed, name))
    else:
        click.echo(f"Profile {name} is used where none is named.")


@profile.command("remove")
@click.argument("name", shell_complete=profile_names)
@json_option
def remove_profile(name: str, as_json: bool) -> None:
    """Forget a profile. The key itself stays: revoke it where it was made."""
    with changing_profiles() as saved:
        saved.get(name)
        gone = _profile_json(saved, name)
        rest = {other: each for other, each in saved.profiles.items() if other != name}
        write_profiles(Profiles(None if saved.current == name else saved.current, rest))
    if as_json:
        show(gone)
    else:
        click.echo(f"Profile {name} is removed.")


def _profile_json(saved: Profiles, name: str) -> dict[str, object]:
    shown = saved.profiles[name]
    return {"profile": name, "url": shown.url, "api_key": shown.key, "used": saved.current == name}


def _read_key_file(file: BinaryIO) -> KeyFile:
    try:
        return msgspec.json.decode(file.read(), type=KeyFile)
    except NOT_JSON:
        raise Invalid(
            "--credentials holds no api_key and api_token, as dialbook key create --json prints them."
        ) from None


def _ask_key() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Give --key or --credentials: there is no terminal to ask on.")
    return str(click.prompt("API key", err=True))


def _ask_token() -> str:
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None and sys.stdin.isatty():
        token = click.prompt("API token", hide_input=True, err=True)
    elif token is None:
        token = sys.stdin.buffer.readline().decode().strip()
    if not token:
        raise click.UsageError(f"There is no token: give it in {TOKEN_VARIABLE}, or on standard input.")
    return str(token)
