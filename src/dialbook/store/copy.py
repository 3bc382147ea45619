"""Moving a book from one database to another, whatever their engines: row by row, account by account, in key order.

Rows are written in the order of their keys, and each chunk in one transaction. So the last key that the target has of a
table tells where an interrupted copy goes on.
"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import product

from msgspec import Struct, json

from dialbook.store.accounts import list_account_sids
from dialbook.store.audit_log import list_logs
from dialbook.store.contact_names import note_names
from dialbook.store.database import Row, Tx

CHUNK = 5000  # rows in one transaction
LARGE = 100  # of them where a row may have some 300 KB


class Table(Struct, frozen=True):
    """A table of an account's rows: the columns of its key but the account, and all others."""

    name: str
    key: tuple[str, ...]
    others: tuple[str, ...]
    chunk: int = CHUNK

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns: the account, the key, the others."""
        return ("account", *self.key, *self.others)

    def key_of(self, row: Row) -> Row:
        """The key in a row of all columns."""
        return row[1 : 1 + len(self.key)]


CONTACTS = Table(
    "contacts",
    ("sid",),
    (
        "number",
        "first_name",
        "last_name",
        "company_name",
        "email",
        "tag",
        "custom_field",
        "created",
        "updated",
        "search_key",
    ),
)
# These stay when an account goes, and are there for nobody's refusals.
LOG = (
    Table("audit_chains", (), ("number", "hash", "pruned", "pruned_hash")),
    Table(
        "audit_entries",
        ("number",),
        ("moment", "via", "key", "action", "touched", "succeeded", "failed", "refusal", "request", "hash"),
        LARGE,
    ),
)
# What refers to a row comes after it.
TABLES = (
    Table("accounts", (), ("region", "created")),
    Table("api_keys", ("key",), ("token_hash", "name", "scopes", "created", "expires", "revoked", "networks")),
    Table("books", (), ("contact_count", "list_count", "updated")),
    Table("tallies", ("kind", "value"), ("live",)),
    CONTACTS,
    Table(
        "lists",
        ("sid",),
        ("name", "tag", "type", "contact_count", "created", "updated", "next_position", "search_key", "version"),
    ),
    Table("members", ("list", "position"), ("contact", "joined", "variables")),
    Table("member_blocks", ("list", "level", "block"), ("live",)),
    Table(
        "uploads",
        ("sid",),
        (
            "list",
            "list_type",
            "on_duplicate",
            "dry_run",
            "columns",
            "row_count",
            "status",
            "reason",
            "joined",
            "success",
            "duplicate",
            "failed",
            "created",
            "ended",
            "key",
        ),
    ),
    Table("upload_queue", ("upload",), ("folder",)),
    Table("upload_numbers", ("upload", "number"), ()),
    Table("upload_reports", ("upload", "position"), ("line", "number", "reason", "description", "cells")),
    Table("idempotency", ("key",), ("fingerprint", "status", "headers", "body", "created"), LARGE),
    *LOG,
)


def list_parts(tx: Tx) -> list[tuple[str, Table]]:
    """All that a book consists of: each account's tables, and the logs of whoever is none, or none any more."""
    accounts = list_account_sids(tx)
    others = [each for each in list_logs(tx) if each not in accounts]
    return [*product(accounts, TABLES), *product(others, LOG)]


def count_rows(tx: Tx, table: Table, account: str) -> int:
    """How many rows the account has in a table."""
    row = tx.one(f"SELECT count(*) FROM {table.name} AS t WHERE t.account = :account", account=account)
    return int(row[0]) if row else 0


def last_key(tx: Tx, table: Table, account: str) -> Row | None:
    """The key of the account's last row, or `None` when it has none."""
    keys = [f"t.{column}" for column in ("account", *table.key)]
    row = tx.one(
        f"""
        SELECT {", ".join(keys)} FROM {table.name} AS t
        WHERE t.account = :account
        ORDER BY {", ".join(f"{key} DESC" for key in keys)}
        LIMIT 1
        """,
        account=account,
    )
    return None if row is None else row[1:]


def read_rows(tx: Tx, table: Table, account: str, after: Row | None) -> Sequence[Row]:
    """The next rows of the account in key order, at most a chunk: from the first on, or after a key."""
    keys = [f"t.{column}" for column in table.key]
    beyond = ""
    if after is not None:
        # A table with one row for each account has nothing after it.
        names = ", ".join(f":after{i}" for i in range(len(keys)))
        beyond = f"AND ({', '.join(keys)}) > ({names})" if keys else "AND 1 = 0"
    return tx.all(
        f"""
        SELECT {", ".join(f"t.{column}" for column in table.columns)} FROM {table.name} AS t
        WHERE t.account = :account {beyond}
        ORDER BY {", ".join(["t.account", *keys])}
        LIMIT :limit
        """,
        account=account,
        limit=table.chunk,
        **{f"after{i}": value for i, value in enumerate(after or ())},
    )


def write_rows(tx: Tx, table: Table, rows: Sequence[Row]) -> None:
    """Store rows of all columns; one that another row stands in the way of is left out, which a checksum tells."""
    written = tx.run_each(
        f"""
        INSERT INTO {table.name} ({", ".join(table.columns)})
        VALUES ({", ".join(f":{column}" for column in table.columns)})
        ON CONFLICT DO NOTHING
        """,
        (dict(zip(table.columns, row, strict=True)) for row in rows),
    )
    if table is CONTACTS and rows:
        new = [dict(zip(table.columns, row, strict=True)) for row, is_new in zip(rows, written, strict=True) if is_new]
        note_names(tx, str(rows[0][0]), ((row["sid"], row["search_key"]) for row in new))


def checksum(tx: Tx, table: Table, account: str, count: int | None = None) -> str:
    """The SHA-256 of the account's rows in key order, or of the first so many, as hex; the same on every engine."""
    found, after = sha256(), None
    left = count_rows(tx, table, account) if count is None else count
    while left > 0 and (rows := read_rows(tx, table, account, after)):
        found.update(json.encode(rows[:left]))
        left -= len(rows)
        after = table.key_of(rows[-1])
    return found.hexdigest()
