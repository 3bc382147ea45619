"""What the commands share that speak to a server: whose account it is, and how a list is named."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import click

from dialbook.cli.output import json_option
from dialbook.cli.profile_file import Profile, read_profiles
from dialbook.model.errors import DialbookError, Invalid, NotFound

if TYPE_CHECKING:
    from dialbook.client import Client

URL_VARIABLE = "DIALBOOK_URL"
TOKEN_VARIABLE = "DIALBOOK_TOKEN"  # noqa: S105  # its name, not a token

SIMILAR = 5  # names of lists that are told instead of one

_SID = re.compile(r"[0-9a-f]{32}")

F = TypeVar("F", bound=Callable[..., Any])


def sid(value: str) -> str:
    """Read a sid: it is opaque, but for what would lead to another address."""
    if value in {"", ".", ".."}:
        raise click.BadParameter("A sid is neither empty nor dots.")
    return value


def not_empty(otherwise: str) -> Callable[[str], str]:
    """What reads an option, and refuses an empty text, as of a shell's variable that is not set: to pass over it would
    mean something else, and it is to be said what.
    """

    def read(value: str) -> str:
        if not value:
            raise click.BadParameter(f"It must not be empty; without it, {otherwise} meant.")
        return value

    return read


choice = not_empty("all are")  # what chooses some of many


def profile_names(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The saved profiles that begin with what is typed, for a shell to complete; none where they cannot be read."""
    try:
        saved = read_profiles()
    except (DialbookError, OSError):
        return []
    return [name for name in sorted(saved.profiles) if name.startswith(incomplete)]


def profile_option(command: F) -> F:
    """`--profile`."""
    return click.option(
        "--profile",
        type=not_empty(f"the account of {URL_VARIABLE}, or of the profile in use, is"),
        metavar="NAME",
        shell_complete=profile_names,
        help=f"A saved profile.  [default: {URL_VARIABLE}, else the one in use]",
    )(command)


def remote_options(command: F) -> F:
    """`--profile` and `--json`."""
    return profile_option(json_option(command))


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--limit` and `--all`, which are one `limit` to the command: `None` for all."""

    @wraps(command)
    def limited(*arguments: Any, limit: int, everything: bool, **options: Any) -> Any:
        return command(*arguments, limit=None if everything else limit, **options)

    everything = click.option("--all", "everything", is_flag=True, help="Show all of them.")
    limit = click.option(
        "--limit",
        type=click.IntRange(1),
        callback=lambda _ctx, _param, value: min(value, sys.maxsize),  # neither Python nor a database counts further
        default=20,
        show_default=True,
        metavar="N",
        help="How many to show.",
    )
    return limit(everything(limited))


@contextmanager
def connected(profile: str | None) -> Iterator["Client"]:
    """A client of the account that is meant.

    Raises:
        NotFound: no such profile.
        Invalid: nothing says which account is meant, or its address cannot be read.
    """
    from dialbook.cli.exact import ExactClient  # noqa: PLC0415  # commands on a database start without it

    url = find_url(profile)
    try:
        client = ExactClient(url)
    except ValueError as error:
        origin = f"{URL_VARIABLE}: " if url == os.environ.get(URL_VARIABLE) else ""
        raise Invalid(f"{origin}{error}") from None
    with client:
        yield client


def find_url(profile: str | None) -> str:
    """The address, with its credentials, of the account that is meant: that of a profile, of `DIALBOOK_URL`, or of the
    profile in use; raises as `connected`.
    """
    if profile is None and (url := os.environ.get(URL_VARIABLE)):
        return url
    saved = read_profiles()
    name = saved.current if profile is None else profile
    if name is None:
        raise Invalid(f"Which account? Save one with dialbook profile add, or set {URL_VARIABLE}.")
    return url_of(saved.get(name))


def find_address(given: str) -> str:
    """The address, with its credentials, that a profile's name or an account's URL stands for.

    Raises:
        NotFound: no such profile.
        Invalid: a URL with key and token, or one that no profile has, or several, none of them in use.
    """
    saved = read_profiles()
    if "://" not in given:
        return url_of(saved.get(given))
    _refuse_credentials(given)
    names = sorted(name for name, profile in saved.profiles.items() if profile.url == given.rstrip("/"))
    if not names:
        raise Invalid(f"No profile has the key and token of {given}: save one with dialbook profile add.")
    if len(names) > 1 and saved.current not in names:
        raise Invalid(f"Several profiles have {given}: name one of them, {' or '.join(names)}.")
    return url_of(saved.get(saved.current if saved.current in names else names[0]))


def url_of(profile: Profile) -> str:
    """A profile's address with its credentials in it."""
    scheme, _, rest = profile.url.partition("://")
    return f"{scheme}://{quote(profile.key, safe='')}:{quote(profile.token, safe='')}@{rest}"


def check_address(profile: Profile) -> None:
    """Refuse a profile that leads nowhere.

    Raises:
        Invalid: its URL is none of an account, or has credentials in it.
    """
    from dialbook.client import address  # noqa: PLC0415  # as above

    _refuse_credentials(profile.url)
    try:
        address.find_address(url_of(profile), {})
    except ValueError:
        raise Invalid(f"{profile.url!r} is no address of an account: https://<host>/v2/accounts/<account>.") from None


def _refuse_credentials(url: str) -> None:
    if "@" in url:
        raise Invalid(
            "The URL is to be without key and token, which dialbook profile add keeps: others see what stands on a "
            "command line."
        )


def find_list(client: "Client", given: str) -> str:
    """The sid of the list that has this name, or is given by its sid: 32 hexadecimal digits.

    Raises:
        NotFound: no list has this name.
        DialbookError: as every call.
    """
    if _SID.fullmatch(given):
        return given
    if not given:
        raise NotFound("There is no list named ''.")
    similar: list[str] = []
    for found in client.iter_lists(name=given):
        if found.name == given:
            return found.sid
        similar.append(str(found.name))
    hint = f" Similar are: {', '.join(sorted(similar)[:SIMILAR])}." if similar else ""
    raise NotFound(f"There is no list named '{given}'.{hint}")


def find_list_name(client: "Client", given: str) -> str:
    """The name of the list that is given by its sid; another text is a name, also of a list that is to be made.

    Raises:
        NotFound: there is no list with this sid, or the server does not say its name.
        DialbookError: as every call.
    """
    if not _SID.fullmatch(given):
        return given
    if name := client.get_list(given).name:
        return name
    raise NotFound(f"The server does not say what the list {given} is called.")
