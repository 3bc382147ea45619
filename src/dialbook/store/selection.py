"""The few parts of a SELECT that vary: its order, and the values it looks for."""

from collections.abc import Mapping, Sequence
from math import isqrt

from msgspec import json

from dialbook.model.page import Sort, Window
from dialbook.store.database import Engine, Params, Row


def order_by(alias: str, columns: Mapping[str, str], sort: Sort) -> str:
    """An ORDER BY list over the allowed `columns`; ties go by sid, so that the order is total.

    NULL counts as the smallest value, which is SQLite's own order and has to be said on PostgreSQL.
    """
    direction = "DESC NULLS LAST" if sort.descending else "ASC NULLS FIRST"
    return f"{alias}.{columns[sort.field]} {direction}, {alias}.sid {direction}"


def counting(source: str, count_to: int | None) -> tuple[str, Mapping[str, int]]:
    """A SELECT of how many rows there are, and its parameters.

    Args:
        source: what it counts, from FROM on.
        count_to: how far it counts; what goes beyond is one more. None: to the end.
    """
    if count_to is None:
        return f"SELECT count(*) {source}", {}
    return f"SELECT count(*) FROM (SELECT 1 {source} LIMIT :counted) AS counted", {"counted": count_to + 1}


def wanted_count(window: Window, size: int) -> int | None:
    """How far to count those that match, of `size` rows, to know besides which way to a page is the shorter one.

    Of T that match, an index on what is asked for meets T, and the order meets `met_along(window, size)` / T. Where T
    is more than the root of that product, the order is the shorter way, however many they are.
    """
    return None if window.count_to is None else max(window.count_to, isqrt(met_along(window, size)))


def met_along(window: Window, size: int) -> int:
    """How many of `size` rows are met in their order until a page is full, times how many of them match."""
    return (window.offset + window.limit) * size


def any_of(name: str, values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """`(:name0, :name1, …)` for IN, and the parameters that go with it. No values match nothing."""
    params = {f"{name}{i}": value for i, value in enumerate(values)}
    return f"({', '.join(f':{key}' for key in params) or 'NULL'})", params


def one_of(engine: Engine, table: str, key: str, values: Sequence[str], where: str = "") -> tuple[str, Params]:
    """Those of an account's rows that have one of many values, each of which is looked up by an index.

    Otherwise both engines would read all that the account has: SQLite always, PostgreSQL where it believes that to be
    little, as it does until it has counted the rows, or where it planned before there were many. It then takes all
    joins to be alike, and all indexes that begin with the account. Hence OFFSET, which keeps it from another join, and
    a range in an order that one index alone has: another is hardly ever worth a sort (docs/decisions/0014).

    Args:
        engine: which of them.
        table: with its name in the statement, as `contacts AS c`.
        key: the column, as it stands in its index: `number NULLS FIRST`.
        values: what is looked for; one that comes twice gives its rows twice.
        where: what else the rows have to meet, from AND on.

    Returns:
        What goes after FROM, and its parameter, which has all values.
    """
    name = table.rpartition(" ")[2]
    column = f"{name}.{key.partition(' ')[0]}"
    if engine == "sqlite":
        condition = f"{name}.account = :account {where} AND {column} = wanted.value"
        return f"json_each(:wanted) AS wanted CROSS JOIN {table} ON {condition}", {"wanted": _to_json(values)}
    each = f"""
        SELECT * FROM {table}
        WHERE {name}.account = :account {where} AND {column} >= wanted.value AND {column} <= wanted.value
        ORDER BY {name}.{key} OFFSET 0
    """
    source = f"unnest(CAST(:wanted AS text[])) AS wanted (value) CROSS JOIN LATERAL ({each}) AS {name}"
    return source, {"wanted": list(values)}


def rows_of(engine: Engine, rows: Sequence[Row]) -> tuple[str, dict[str, str]]:
    """Rows in one parameter, and what to select them from: its `value ->> 0` is the first column, as text."""
    params = {"rows": _to_json(rows)}
    if engine == "postgres":
        return "json_array_elements(CAST(:rows AS json))", params
    return "json_each(:rows)", params


def containing(text: str) -> str:
    r"""A pattern for `LIKE … ESCAPE '\'` that finds the case-folded text anywhere."""
    escaped = text.casefold().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def _to_json(values: Sequence[object]) -> str:
    return json.encode(values).decode()
