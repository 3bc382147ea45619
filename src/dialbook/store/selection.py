"""The few parts of a SELECT that vary: its order, and the values it looks for."""

from collections.abc import Mapping, Sequence

from msgspec import json

from dialbook.model.page import Sort
from dialbook.store.database import Engine


def order_by(alias: str, columns: Mapping[str, str], sort: Sort) -> str:
    """An ORDER BY list over the allowed `columns`; ties go by sid, so that the order is total.

    NULL counts as the smallest value, which is SQLite's own order and has to be said on PostgreSQL.
    """
    direction = "DESC NULLS LAST" if sort.descending else "ASC NULLS FIRST"
    return f"{alias}.{columns[sort.field]} {direction}, {alias}.sid {direction}"


def any_of(name: str, values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """`(:name0, :name1, …)` for IN, and the parameters that go with it. No values match nothing."""
    params = {f"{name}{i}": value for i, value in enumerate(values)}
    return f"({', '.join(f':{key}' for key in params) or 'NULL'})", params


def one_of(engine: Engine, column: str, name: str, values: Sequence[str]) -> tuple[str, dict[str, object]]:
    """A condition that the column has one of many values, which are one parameter, and that parameter."""
    if engine == "postgres":
        return f"{column} = ANY(:{name})", {name: list(values)}
    return f"{column} IN (SELECT j.value FROM json_each(:{name}) AS j)", {name: json.encode(values).decode()}


def containing(text: str) -> str:
    r"""A pattern for `LIKE … ESCAPE '\'` that finds the case-folded text anywhere."""
    escaped = text.casefold().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"
