"""PostgreSQL: whether a database has the tables, indexes, constraints and nothing else at them that the steps make.

What they make is in a file, which tools/build_postgres_catalogue.py writes: to look needs no right but to connect.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources

from dialbook.store.catalogue import Thing, compare
from dialbook.store.database import Check
from dialbook.store.postgres_session import Connection

FILE = "postgres_catalogue.tsv"

# What PostgreSQL 14 to 18 say alike: since 18 that a column is NOT NULL is a constraint as well. How an index is stored
# is the operator's to say, and what extensions put there, as Citus does, is theirs.
THINGS = r"""
    WITH ours AS (
        SELECT c.* FROM pg_class AS c
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    )
    SELECT 'table', c.relname, c.relname, '',
           concat_ws(', ', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
                           CASE WHEN c.relrowsecurity THEN 'with row security' END)
    FROM ours AS c
    UNION ALL
    SELECT 'column', c.relname, a.attname,
           concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                          CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || quote_ident(l.collname) END,
                          CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                          'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)), ''
    FROM ours AS c
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type AS t ON t.oid = a.atttypid
    LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
    LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint', c.relname, n.conname, pg_get_constraintdef(n.oid, true),
           concat_ws(', ', CASE WHEN NOT i.indisvalid THEN 'not valid' END,
                           CASE WHEN EXISTS (SELECT 1 FROM pg_trigger AS g
                                             WHERE g.tgconstraint = n.oid AND g.tgenabled = 'D') THEN 'disabled' END)
    FROM ours AS c
    JOIN pg_constraint AS n ON n.conrelid = c.oid AND n.contype IN ('c', 'f', 'p', 'u', 'x')
    LEFT JOIN pg_index AS i ON i.indexrelid = n.conindid AND i.indrelid = c.oid
    UNION ALL
    SELECT 'index', c.relname, x.relname,
           regexp_replace(pg_get_indexdef(i.indexrelid, 0, true), ' WITH \([^)]*\)', ''),
           CASE WHEN NOT i.indisvalid THEN 'not valid' ELSE '' END
    FROM ours AS c
    JOIN pg_index AS i ON i.indrelid = c.oid
    JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint AS n WHERE n.conrelid = c.oid AND n.conindid = i.indexrelid)
    UNION ALL
    SELECT 'trigger', c.relname, g.tgname, pg_get_triggerdef(g.oid, true), ''
    FROM ours AS c
    JOIN pg_trigger AS g ON g.tgrelid = c.oid AND NOT g.tgisinternal
    WHERE NOT EXISTS (SELECT 1 FROM pg_depend AS d
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = g.tgfoid AND d.deptype = 'e')
    UNION ALL
    SELECT 'rule', c.relname, r.rulename, pg_get_ruledef(r.oid, true), ''
    FROM ours AS c
    JOIN pg_rewrite AS r ON r.ev_class = c.oid
    ORDER BY 2, 1, 3
"""


def check_catalogue(connection: Connection) -> Check:
    """Compare a database, whose schema is the newest, with what the steps make."""
    return compare(things(connection), made())


def things(connection: Connection) -> Sequence[Thing]:
    """All tables of the schema that is used, and what is at them."""
    return [Thing(*map(str, row)) for row in connection.execute(THINGS.encode()).fetchall()]


@cache
def made() -> Sequence[Thing]:
    """What the steps make."""
    text = (resources.files("dialbook.store") / FILE).read_text(encoding="utf-8")
    return [Thing(*line.split("\t")) for line in text.splitlines()]


def write_down(found: Sequence[Thing]) -> str:
    """The content of that file: of each thing its kind, its table, its name and its definition."""
    return "".join(f"{each.kind}\t{each.table}\t{each.name}\t{each.definition}\n" for each in found)
