"""A page as most would write it by hand: one statement with OFFSET, one that counts, in a Starlette route."""

import sqlite3
import sys

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.data import ACCOUNT
from bench.peers.listen import serve

PAGE = """
    SELECT c.sid, c.created, c.updated, c.account, c.number, c.first_name, c.last_name, c.company_name, c.email, c.tag,
           c.custom_field
    FROM members AS m JOIN contacts AS c ON c.account = m.account AND c.sid = m.contact
    WHERE m.account = ? AND m.list = ? ORDER BY m.position LIMIT ? OFFSET ?
"""
COUNT = "SELECT count(*) FROM members AS m WHERE m.account = ? AND m.list = ?"


def make_app(database: str, list_sid: str) -> Starlette:
    """Answer `/page?limit=…&offset=…`."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row

    async def page(request: Request) -> Response:
        limit, offset = int(request.query_params["limit"]), int(request.query_params["offset"])
        rows = connection.execute(PAGE, (ACCOUNT, list_sid, limit, offset)).fetchall()
        ((total,),) = connection.execute(COUNT, (ACCOUNT, list_sid)).fetchall()
        body = msgspec.json.encode({"total": total, "items": [dict(row) for row in rows]})
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route("/page", page)])


if __name__ == "__main__":
    serve("naive", make_app(*sys.argv[1:]))
