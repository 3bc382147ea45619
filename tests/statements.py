"""The rule that keeps accounts apart: every table of an account's data is named with its account in each statement."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import apsw
import psycopg
import sqlglot
from sqlglot import exp

ACCOUNT_TABLES = {
    "books",
    "contacts",
    "contact_names",
    "lists",
    "members",
    "member_blocks",
    "tallies",
    "uploads",
    "upload_reports",
    "upload_numbers",
    "idempotency",
    "audit_chains",
    "audit_entries",
}


def watch_sqlite() -> None:
    """Look at each statement that SQLite runs in this process from now on."""

    def trace(_: apsw.Cursor, sql: str, __: Any) -> bool:
        check_statement(sql, "sqlite")
        return True

    def watch(connection: apsw.Connection) -> None:
        connection.exec_trace = trace

    apsw.connection_hooks.append(watch)


def watch_postgres() -> None:
    """Look at each statement that psycopg sends in this process from now on."""
    for cursor in (psycopg.Cursor, psycopg.AsyncCursor):
        for name in ("execute", "executemany"):
            setattr(cursor, name, _watched(getattr(cursor, name)))


def _watched(method: Callable[..., Any]) -> Callable[..., Any]:
    def run(cursor: object, query: Any, *args: Any, **options: Any) -> Any:
        if isinstance(query, str):  # schema steps are bytes, and psycopg's own
            check_statement(query, "postgres")
        return method(cursor, query, *args, **options)

    return run


def check_statement(sql: str, dialect: str) -> None:
    """Refuse a statement that breaks the rule."""
    if broken := violations(sql, dialect):
        raise AssertionError(f"without the account: {', '.join(broken)}\n{sql}")


@cache
def violations(sql: str, dialect: str = "sqlite") -> tuple[str, ...]:
    """The tables of account data that a statement touches without `account = :account`."""
    if not any(table in sql for table in ACCOUNT_TABLES) or sql.lstrip().startswith(("--", "PRAGMA", "CREATE", "DROP")):
        return ()
    statement = sqlglot.parse_one(sql, dialect=dialect)
    if _is_list_of_accounts(statement):
        return ()
    target = statement.find(exp.Table) if isinstance(statement, exp.Insert) else None
    if target is not None and target.name in ACCOUNT_TABLES:
        columns = [column.name for column in statement.this.expressions]
        return () if columns[:1] == ["account"] else (target.name,)
    return tuple(_unscoped(statement))


def _unscoped(statement: exp.Expr) -> Iterator[str]:
    scoped = {_owner(equal) for equal in statement.find_all(exp.EQ) if _binds_account(equal)}
    for table in statement.find_all(exp.Table):
        if table.name in ACCOUNT_TABLES and not {table.alias_or_name, _select_of(table)} & scoped:
            yield table.alias_or_name


def _binds_account(equal: exp.EQ) -> bool:
    column, value = equal.this, equal.expression
    return (
        isinstance(column, exp.Column)
        and column.name == "account"
        and isinstance(value, exp.Placeholder)
        and value.name == "account"
    )


def _owner(equal: exp.EQ) -> object:
    """The alias in `alias.account = :account`; for a bare column, the select, update or delete it stands in."""
    return equal.this.table or _select_of(equal)


def _select_of(node: exp.Expr) -> object:
    owner = node.find_ancestor(exp.Select, exp.Update, exp.Delete)
    return id(owner)


def _is_list_of_accounts(statement: exp.Expr) -> bool:
    tables = [table.name for table in statement.find_all(exp.Table)]
    if not isinstance(statement, exp.Select):
        return False
    if tables == ["audit_entries"]:
        return [each.name for each in statement.expressions] == ["account"] and statement.args.get("where") is None
    return tables in (["accounts", "books"], ["audit_chains"])
