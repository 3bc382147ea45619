"""Datasette, whose answer to a query of one's own has no count."""

import sys
from pathlib import Path
from urllib.parse import urlencode

from datasette.app import Datasette

from bench.data import ACCOUNT
from bench.peers.listen import serve
from bench.peers.naive import PAGE

SETTINGS = {"max_returned_rows": 5000, "sql_time_limit_ms": 60_000, "num_sql_threads": 2}


def page_path(database: str, list_sid: str) -> str:
    """The path of a page, without `limit` and `offset`."""
    names = iter((":account", ":list", ":limit", ":offset"))
    sql = "".join(part + next(names, "") for part in PAGE.split("?"))
    return f"/{Path(database).stem}.json?" + urlencode({"sql": sql, "account": ACCOUNT, "list": list_sid})


if __name__ == "__main__":
    serve("Datasette", Datasette(files=[], immutables=[sys.argv[1]], settings=SETTINGS).app())
