"""The few parts of a SELECT that vary: its order, and the values it looks for."""

from collections.abc import Mapping, Sequence
from math import isqrt

from msgspec import Struct, json

from dialbook.model.page import Sort, Window
from dialbook.store.database import Engine, Row


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


class OneOf(Struct, frozen=True):
    """Rows that have one of many values in a column; all values are one parameter, and a table that is joined.

    Of a condition both engines would take the values one by one for each row that the account has: SQLite always,
    PostgreSQL where it believes that there are few rows, as it does until it has counted them.
    """

    source: str  # goes before the table after FROM
    condition: str
    params: Mapping[str, object]


def one_of(engine: Engine, column: str, values: Sequence[str]) -> OneOf:
    """What selects them; a value that comes twice may give its rows twice."""
    condition = f"{column} = wanted.value"
    if engine == "postgres":
        source = "unnest(CAST(:wanted AS text[])) AS wanted (value) CROSS JOIN "
        return OneOf(source, condition, {"wanted": list(values)})
    return OneOf("json_each(:wanted) AS wanted CROSS JOIN ", condition, {"wanted": json.encode(values).decode()})


def rows_of(engine: Engine, rows: Sequence[Row]) -> tuple[str, dict[str, str]]:
    """Rows in one parameter, and what to select them from: its `value ->> 0` is the first column, as text."""
    params = {"rows": json.encode(rows).decode()}
    if engine == "postgres":
        return "json_array_elements(CAST(:rows AS json))", params
    return "json_each(:rows)", params


def containing(text: str) -> str:
    r"""A pattern for `LIKE … ESCAPE '\'` that finds the case-folded text anywhere."""
    escaped = text.casefold().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
