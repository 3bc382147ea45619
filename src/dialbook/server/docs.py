"""/openapi.json, and /docs: the API's description, for programs and for people."""

import json
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from dialbook.server.files import Files, file
from dialbook.server.headers import PAGE
from dialbook.settings import Settings

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_FILES = resources.files("dialbook.server")


def docs_routes(settings: Settings) -> list[BaseRoute]:
    """The description of a server with these settings, and the page that shows it."""
    description = json.dumps(describe(settings), separators=(",", ":")).encode()
    page = (_FILES / "static" / "docs.html").read_text()

    async def openapi(request: Request) -> Response:
        return file(request, description, "application/json")

    async def docs(_: Request) -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY, **PAGE})

    return [
        Route("/openapi.json", openapi),
        Route("/docs", docs),
        Mount("/docs/assets", Files(packages=[("dialbook.server", "static")])),
    ]


def describe(settings: Settings) -> dict[str, Any]:
    """The OpenAPI document, with the limits that this server holds to."""
    document: dict[str, Any] = json.loads((_FILES / "openapi.json").read_text())
    limit = document["components"]["parameters"]["limit"]["schema"]
    limit["maximum"] = settings.page_limit
    limit["default"] = min(limit["default"], settings.page_limit)
    return document
