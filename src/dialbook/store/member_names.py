"""Members of a list by a part of their name: those who have it are looked up, and each then among the members."""

from collections.abc import Mapping

from dialbook.model.page import Sort
from dialbook.store.contact_names import FOUND
from dialbook.store.contacts import MEMBER_COLUMNS, ORDERS
from dialbook.store.database import Engine
from dialbook.store.selection import order_by

# A subquery with an OFFSET keeps PostgreSQL to looking up each that was found.
NAMED: Mapping[Engine, str] = {
    "sqlite": f"""
    FROM ({FOUND["sqlite"]}) AS found CROSS JOIN members AS m
    WHERE m.account = :account AND m.contact = found.sid AND m.list = :list
    """,
    "postgres": f"""
    FROM ({FOUND["postgres"]}) AS found CROSS JOIN LATERAL (
        SELECT m.position, m.contact, m.variables FROM members AS m
        WHERE m.account = :account AND m.contact = found.sid AND m.list = :list OFFSET 0
    ) AS m
    WHERE TRUE
    """,
}
WITH_CONTACT: Mapping[Engine, str] = {
    "sqlite": "CROSS JOIN contacts AS c WHERE c.account = :account AND c.sid = m.contact",
    "postgres": """
    CROSS JOIN LATERAL (
        SELECT c.* FROM contacts AS c WHERE c.account = :account AND c.sid = m.contact OFFSET 0
    ) AS c
    """,
}
BOUNDED = "LIMIT :limit OFFSET :offset"


def named_page(engine: Engine, sort: Sort | None) -> str:
    """The statement for a page; in the order in which they joined only the page's own contacts are read."""
    members = f"SELECT m.position, m.contact, m.variables {NAMED[engine]} AND m.position > :after"
    if sort is None:
        members += f" ORDER BY m.position {BOUNDED}"
    return f"""
        SELECT m.position, {MEMBER_COLUMNS} FROM ({members}) AS m {WITH_CONTACT[engine]}
        ORDER BY {f"{order_by('c', ORDERS, sort)} {BOUNDED}" if sort else "m.position"}
    """
