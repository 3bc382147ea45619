"""`dialbook account` and `dialbook key`."""

import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import click

from dialbook.cli.database import change, opened, scan, write
from dialbook.cli.output import confirm, database_options, json_option, many, show, show_table
from dialbook.model.account import DEFAULT_REGION, Account, ApiKey, KeyDraft, Scope
from dialbook.model.audit import Author, Via
from dialbook.model.credentials import token_in
from dialbook.model.errors import Invalid, NotFound
from dialbook.model.network import Network, read_networks
from dialbook.settings import load_settings
from dialbook.store import accounts as store
from dialbook.store.audit import recorded
from dialbook.store.database import Tx
from dialbook.store.seals import seal_keys as seal_keys_of

KEY_COLUMNS = ["KEY", "NAME", "SCOPES", "STATUS", "CREATED", "EXPIRES", "REVOKED", "ALLOWED FROM"]

allow_option = click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="NETWORK",
    help="From where it may be used, as 192.0.2.7 or 192.0.2.0/24; repeatable.  [default: from anywhere]",
)


@click.group()
def account() -> None:
    """Make, show and delete accounts."""


@account.command("create")
@click.argument("account_sid")
@click.option("--region", default=DEFAULT_REGION, show_default=True, help="Country in which national numbers are read.")
@database_options
@json_option
def create_account(account_sid: str, region: str, database: str | None, config: Path | None, as_json: bool) -> None:
    """Make an account with an empty address book.

    \b
    Example:
      dialbook account create acme --region SG
    """
    with opened(database, config, create=True) as db:
        made = change(db, store.create_account, account_sid, region=region.upper(), now=datetime.now(UTC))
    if as_json:
        show(_account_json(made))
    else:
        click.echo(f"Account {made.sid} is made. Next: dialbook key create {made.sid}")


@account.command("list")
@database_options
@json_option
def list_accounts(database: str | None, config: Path | None, as_json: bool) -> None:
    """Show every account and how much is in its book."""
    with opened(database, config) as db:
        found = scan(db, store.list_accounts)
    if as_json:
        show(
            [_account_json(each.account) | {"contacts": each.contact_count, "lists": each.list_count} for each in found]
        )
        return
    rows = [
        [each.account.sid, each.account.region, each.contact_count, each.list_count, each.account.created]
        for each in found
    ]
    show_table(["ACCOUNT", "REGION", "CONTACTS", "LISTS", "CREATED"], rows)


@account.command("delete")
@click.argument("account_sid")
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_options
@json_option
def delete_account(account_sid: str, yes: bool, database: str | None, config: Path | None, as_json: bool) -> None:
    """Delete an account with its contacts, lists and keys, for good.

    On SQLite the changes of all accounts wait meanwhile, and after five seconds are refused: delete a large account
    of a book that is served when few changes come.
    """
    if not yes:
        confirm(f"Delete account {account_sid} with all its contacts, lists and keys?")
    with opened(database, config) as db:
        gone = change(db, store.delete_account, account_sid)
    if as_json:
        show(_account_json(gone))
    else:
        click.echo(f"Account {gone.sid} is deleted.")


@click.group()
def key() -> None:
    """Make, show, change and revoke the API keys of an account.

    An account may have several live keys: to rotate, make the new one, move the clients to it, revoke the old one.
    """


@key.command("create")
@click.argument("account_sid")
@click.option("--name", help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; repeatable. Answers to changes show contacts, to 'write' alone too.  [default: both]",
)
@click.option(
    "--expires",
    metavar="WHEN",
    help="The first second of a date in UTC (2027-01-31), a time (2027-01-31T12:00:00Z) or days from now (90d).",
)
@allow_option
@database_options
@json_option
def create_key(
    account_sid: str,
    name: str | None,
    scopes: tuple[str, ...],
    expires: str | None,
    allowed: tuple[str, ...],
    database: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make a key. Its token is shown this once.

    \b
    Example:
      dialbook key create acme --scope read --expires 90d --allow 192.0.2.0/24
    """
    now = datetime.now(UTC)
    draft = KeyDraft(
        frozenset(map(Scope, scopes)) or frozenset(Scope),
        name,
        None if expires is None else _moment(expires, now),
        _read_allowed(allowed),
    )
    secret = load_settings({}, config=config).token_secret
    with opened(database, config) as db:
        made = change(db, store.create_key, account_sid, draft, secret=secret, now=now)
    if as_json:
        show(made)
        return
    click.echo(f"API key    {made.api_key}\nAPI token  {made.api_token}")
    click.echo("The token is kept nowhere: write it down now.", err=True)


@key.command("list")
@click.argument("account_sid")
@database_options
@json_option
def list_keys(account_sid: str, database: str | None, config: Path | None, as_json: bool) -> None:
    """Show the keys of an account; their tokens are kept nowhere."""
    with opened(database, config) as db:
        keys = [_key_json(found) for found in scan(db, store.list_keys, account_sid)]
    if as_json:
        show(keys)
        return
    rows = [[*each.values()][1:] for each in keys]
    show_table(KEY_COLUMNS, rows)


@key.command("find")
@database_options
@json_option
def find_key(database: str | None, config: Path | None, as_json: bool) -> None:
    """Show the key that a token belongs to, as one that was found where it should not be.

    The token is asked for, or read from standard input, amid whatever text it stands. With another token_secret than
    the one that the key was made with it is not found.

    \b
    Example:
      dialbook key find < found.txt
    """
    token = _read_token()
    secret = load_settings({}, config=config).token_secret
    with opened(database, config) as db:
        keys = [_key_json(found) for found in scan(db, store.find_keys_of, token, secret=secret)]
    if not keys:
        raise NotFound("No key has that token.")
    if as_json:
        show(keys)
        return
    show_table(["ACCOUNT", *KEY_COLUMNS], [[*each.values()] for each in keys])


@key.command("update")
@click.argument("account_sid")
@click.argument("api_key")
@allow_option
@click.option("--allow-all", is_flag=True, help="Let it be used from anywhere.")
@database_options
@json_option
def update_key(
    account_sid: str,
    api_key: str,
    allowed: tuple[str, ...],
    allow_all: bool,
    database: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say from where a key may be used, in place of what was said before, at once.

    \b
    Example:
      dialbook key update acme 6d73126c0ff16e099aa19084a2a9ba3b --allow 192.0.2.7
    """
    if allow_all == bool(allowed):
        raise click.UsageError("Give --allow or --allow-all.")
    networks = _read_allowed(allowed)
    with opened(database, config) as db:
        changed = change(db, store.update_key, account_sid, api_key, networks=networks)
    if as_json:
        show(_key_json(changed))
    else:
        click.echo(f"Key {changed.key} may be used from {_networks(changed) or 'anywhere'}.")


@key.command("seal")
@database_options
@json_option
def seal_keys(database: str | None, config: Path | None, as_json: bool) -> None:
    """Seal the hashes of all tokens that are not sealed, with the setting token_secret.

    Tokens stay what they are. Servers without the setting open nothing any more, and one with it does not start before:
    stop them, seal, and start them with it.
    """
    secret = load_settings({}, config=config).token_secret
    if not secret:
        raise Invalid("There is no token_secret to seal anything with: set it first.")
    with opened(database, config) as db:
        sealed = write(db, _seal_each, Author(Via.COMMAND, datetime.now(UTC)), secret=secret)
    if as_json:
        show({"sealed": sealed})
    else:
        click.echo(f"{many(sealed, 'key')} sealed.")


@key.command("revoke")
@click.argument("account_sid")
@click.argument("api_key")
@database_options
@json_option
def revoke_key(account_sid: str, api_key: str, database: str | None, config: Path | None, as_json: bool) -> None:
    """Close a key for good, at once."""
    with opened(database, config) as db:
        revoked = change(db, store.revoke_key, account_sid, api_key, now=datetime.now(UTC))
    if as_json:
        show(_key_json(revoked))
    else:
        click.echo(f"Key {revoked.key} is revoked since {revoked.revoked}.")


def _read_token() -> str:
    """The first text on standard input that looks like a token: no argument, which others on the machine can see."""
    given = click.prompt("API token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    token = token_in(given)
    if token is None:
        raise Invalid("There is no token in what was given: one begins with dbk_, and ends with its checksum.")
    return token


def _seal_each(tx: Tx, author: Author, *, secret: str) -> int:
    """Seal the keys of all accounts, all or none, and note in the log of each which; return how many these were."""
    seal = recorded(seal_keys_of, author)
    return sum(seal(tx, account, secret=secret).succeeded for account in store.list_account_sids(tx))


def _account_json(shown: Account) -> dict[str, object]:
    return {"account_sid": shown.sid, "region": shown.region, "date_created": shown.created}


def _key_json(shown: ApiKey) -> dict[str, object]:
    live = shown.is_live(datetime.now(UTC))
    return {
        "account_sid": shown.account,
        "api_key": shown.key,
        "name": shown.name,
        "scopes": " ".join(sorted(shown.scopes)),
        "status": "live" if live else "revoked" if shown.revoked else "expired",
        "date_created": shown.created,
        "date_expires": shown.expires,
        "date_revoked": shown.revoked,
        "allowed_from": _networks(shown),
    }


def _networks(shown: ApiKey) -> str | None:
    return ", ".join(map(str, shown.networks)) or None


def _read_allowed(allowed: Sequence[str]) -> Sequence[Network]:
    """Read each `--allow`. One without a network, as of a shell's variable that is not set, would open the key."""
    networks = [read_networks(text) for text in allowed]
    if not all(networks):
        raise Invalid("--allow must not be empty; without it a new key may be used from anywhere, as with --allow-all.")
    return tuple(chain.from_iterable(networks))


def _moment(text: str, now: datetime) -> datetime:
    """Read `--expires`."""
    try:
        moment = _read_moment(text, now)
    except (ValueError, OverflowError):
        raise Invalid(f"--expires is {text!r}; give 2027-01-31, 2027-01-31T12:00:00Z or 90d.") from None
    if moment <= now:
        raise Invalid(f"--expires is {text!r}, which is past.")
    return moment


def _read_moment(text: str, now: datetime) -> datetime:
    if days := re.fullmatch(r"([0-9]{1,5})d", text):
        return now + timedelta(days=int(days[1]))
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
