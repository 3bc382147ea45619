"""Accounts and their API keys."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from msgspec import Struct

from dialbook.model.account import Account, ApiKey, KeyDraft, Scope, check_account_sid, check_region
from dialbook.model.credentials import hash_token, new_key, new_token
from dialbook.model.errors import Duplicate, NotFound
from dialbook.model.moment import utc_text
from dialbook.model.network import Network, read_networks
from dialbook.store.books import lock_book
from dialbook.store.contact_names import forget_all_names
from dialbook.store.database import Row, Tx
from dialbook.store.seals import refuse_other_seals

# What an account has besides the names' index and the audit log, which stays; those tables first that refer to others.
OWNED = (
    "idempotency",
    "upload_queue",
    "upload_numbers",
    "upload_reports",
    "uploads",
    "members",
    "member_blocks",
    "lists",
    "contacts",
    "tallies",
    "books",
    "sessions",
    "api_keys",
    "accounts",
)


class Credentials(Struct, frozen=True):
    """A new key with its token, which is never seen again."""

    account_sid: str
    api_key: str
    api_token: str


class AccountSummary(Struct, frozen=True):
    """An account and how much is in its book; None where the book's own row is lost, which `doctor` reports."""

    account: Account
    contact_count: int | None
    list_count: int | None


def create_account(tx: Tx, account: str, *, region: str, now: datetime) -> Account:
    """Make an account with an empty address book, and the log of what is changed in it.

    Raises:
        Invalid: the sid or the region is none.
        Duplicate: the account exists.
    """
    made = Account(check_account_sid(account), check_region(region), utc_text(now))
    is_new = tx.run(
        """
        INSERT INTO accounts (account, region, created) VALUES (:account, :region, :created)
        ON CONFLICT (account) DO NOTHING
        """,
        account=account,
        region=region,
        created=made.created,
    )
    if not is_new:
        raise Duplicate(f"Account '{account}' exists.")
    tx.run("INSERT INTO books (account) VALUES (:account)", account=account)
    begin_log(tx, account)
    return made


def begin_log(tx: Tx, account: str) -> None:
    """Have an account's audit log begin, unless it has: that of an account of the same sid, which is gone, goes on."""
    tx.run(
        """
        INSERT INTO audit_chains (account, number, hash, pruned, pruned_hash) VALUES (:account, 0, '', 0, '')
        ON CONFLICT (account) DO NOTHING
        """,
        account=account,
    )


def get_account(tx: Tx, sid: str) -> Account:
    """One account.

    Raises:
        NotFound: there is no such account.
    """
    row = tx.one("SELECT account, region, created FROM accounts WHERE account = :account", account=sid)
    if row is None:
        raise NotFound(f"There is no account '{sid}'.")
    return Account(*row)


def list_accounts(tx: Tx) -> list[AccountSummary]:
    """Every account, by sid."""
    rows = tx.all(
        """
        SELECT a.account, a.region, a.created, b.contact_count, b.list_count
        FROM accounts AS a
        LEFT JOIN books AS b ON b.account = a.account
        ORDER BY a.account
        """
    )
    return [AccountSummary(Account(*row[:3]), *row[3:]) for row in rows]


def list_account_sids(tx: Tx) -> list[str]:
    """The sid of every account, in order."""
    return [row[0] for row in tx.all("SELECT a.account FROM accounts AS a ORDER BY a.account")]


def delete_account(tx: Tx, account: str) -> Account:
    """Delete an account with all that is in it, keys too, and return what it was.

    Raises:
        NotFound: there is no such account.
    """
    lock_book(tx, account)
    gone = get_account(tx, account)
    forget_all_names(tx, account)
    for table in OWNED:
        tx.run(f"DELETE FROM {table} WHERE account = :account", account=account)
    return gone


def create_key(tx: Tx, account: str, draft: KeyDraft, *, secret: str, now: datetime) -> Credentials:
    """Make a key of the account.

    Args:
        tx: the transaction.
        account: whose key it is.
        draft: what it is to be.
        secret: what the hash of its token is sealed with; empty for a plain one.
        now: when it is made.

    Raises:
        NotFound: there is no such account.
        Invalid: there are live keys whose hashes are not sealed with this secret.
    """
    lock_book(tx, account)
    get_account(tx, account)
    refuse_other_seals(tx, secret, now=now)
    credentials = Credentials(account, new_key(), new_token())
    tx.run(
        """
        INSERT INTO api_keys (key, account, token_hash, name, scopes, created, expires, networks)
        VALUES (:key, :account, :token_hash, :name, :scopes, :created, :expires, :networks)
        """,
        key=credentials.api_key,
        account=account,
        token_hash=hash_token(credentials.api_token, secret),
        name=draft.name,
        scopes=" ".join(sorted(draft.scopes)),
        created=utc_text(now),
        expires=None if draft.expires is None else utc_text(draft.expires),
        networks=_write_networks(draft.networks),
    )
    return credentials


def list_keys(tx: Tx, account: str) -> list[ApiKey]:
    """Every key that the account ever had, oldest first.

    Raises:
        NotFound: there is no such account.
    """
    get_account(tx, account)
    rows = tx.all(
        """
        SELECT key, account, token_hash, name, scopes, created, expires, revoked, networks
        FROM api_keys WHERE account = :account ORDER BY created, key
        """,
        account=account,
    )
    return [_to_key(row) for row in rows]


def update_key(tx: Tx, account: str, key: str, *, networks: Sequence[Network]) -> ApiKey:
    """Say from where a key may be used, from the next request on: from anywhere when no network is given.

    Raises:
        NotFound: the account has no such key.
    """
    row = tx.one(
        """
        UPDATE api_keys SET networks = :networks
        WHERE account = :account AND key = :key
        RETURNING key, account, token_hash, name, scopes, created, expires, revoked, networks
        """,
        account=account,
        key=key,
        networks=_write_networks(networks),
    )
    return _found_key(row, account, key)


def revoke_key(tx: Tx, account: str, key: str, *, now: datetime) -> ApiKey:
    """Close a key for good, from the next request on; one revoked before stays as it is.

    Raises:
        NotFound: the account has no such key.
    """
    row = tx.one(
        """
        UPDATE api_keys SET revoked = COALESCE(revoked, :revoked)
        WHERE account = :account AND key = :key
        RETURNING key, account, token_hash, name, scopes, created, expires, revoked, networks
        """,
        account=account,
        key=key,
        revoked=utc_text(now),
    )
    return _found_key(row, account, key)


def find_key(tx: Tx, key: str) -> tuple[ApiKey, Account] | None:
    """The key with its account, for whoever presents it; its account is not known before."""
    row = tx.one(
        """
        SELECT k.key, k.account, k.token_hash, k.name, k.scopes, k.created, k.expires, k.revoked, k.networks,
               a.account, a.region, a.created
        FROM api_keys AS k
        JOIN accounts AS a ON a.account = k.account
        WHERE k.key = :key
        """,
        key=key,
    )
    return None if row is None else (_to_key(row[:9]), Account(*row[9:]))


def find_keys_of(tx: Tx, token: str, *, secret: str) -> list[ApiKey]:
    """The keys, of whatever account, that a token belongs to, its hash sealed with the secret or plain."""
    rows = tx.all(
        """
        SELECT k.key, k.account, k.token_hash, k.name, k.scopes, k.created, k.expires, k.revoked, k.networks
        FROM api_keys AS k WHERE k.token_hash IN (:sealed, :plain)
        """,
        sealed=hash_token(token, secret),
        plain=hash_token(token, ""),
    )
    return [_to_key(row) for row in rows]


def is_key_open(tx: Tx, *, key: str, now: datetime) -> bool:
    """Whether a key that was looked up before is still there, and opens something at the moment `now`."""
    found = find_key(tx, key)
    return found is not None and found[0].is_live(now)


def _found_key(row: Row | None, account: str, key: str) -> ApiKey:
    if row is None:
        raise NotFound(f"Account '{account}' has no key '{key}'.")
    return _to_key(row)


def _to_key(row: Row) -> ApiKey:
    key, account, token_hash, name, scopes, created, expires, revoked, networks = row
    allowed = read_networks(networks or "")
    return ApiKey(key, account, token_hash, name, _read_scopes(scopes), created, expires, revoked, allowed)


def _write_networks(networks: Sequence[Network]) -> str | None:
    return ", ".join(map(str, networks)) or None


@cache
def _read_scopes(scopes: str) -> frozenset[Scope]:
    return frozenset(map(Scope, scopes.split()))
