"""Serving a peer as `dialbook.process` serves Dialbook."""

import socket
from typing import Any

import uvicorn


def serve(name: str, app: Any) -> None:
    """Serve an ASGI application at a free port, which is printed."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"{name} is at http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", http="httptools", ws="none", log_config=None, access_log=False, proxy_headers=False
    )
    uvicorn.Server(config).run(sockets=[sock])
