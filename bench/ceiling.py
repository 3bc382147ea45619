"""The ceiling of reading a page: the same bytes at the same path, out of memory: `python -m bench.ceiling FILE`.

A Starlette application with this one route, on uvicorn as `dialbook.process` sets it up, that reads no
credentials, no query and no database, and logs nothing. What it takes for a request is what HTTP takes in Python;
all that Dialbook takes beyond it is Dialbook's.
"""

import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/v2/accounts/{account_sid}/lists/{list_sid}/contacts"


def main() -> None:
    body = Path(sys.argv[1]).read_bytes()
    sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"The ceiling is at http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        make_app(body),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
    )
    uvicorn.Server(config).run(sockets=[sock])


def make_app(body: bytes) -> Starlette:
    """Answer every request at the one route with `body`."""

    async def page(_: Request) -> Response:
        return Response(body, media_type="application/json")

    return Starlette(routes=[Route(PATH, page)])


if __name__ == "__main__":
    main()
