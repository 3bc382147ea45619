"""The files that pages bring along. An address says which version of a file it is, so that nobody need ask twice."""

from hashlib import sha256
from pathlib import Path

from starlette.responses import Response
from starlette.types import Scope

from dialbook.console.session import HOME
from dialbook.server.files import Files

PATH = f"{HOME}/static"
FOLDER = Path(__file__).with_name("static")
VERSIONS = {file.name: sha256(file.read_bytes()).hexdigest()[:16] for file in FOLDER.iterdir()}
FOR_GOOD = "public, max-age=31536000, immutable"


def asset(name: str) -> str:
    """The address of a file as it is now."""
    return f"{PATH}/{name}?{_version(name)}"


class Assets(Files):
    """Serves the files: for good where the address says which version it is, else to be asked for each time."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        is_as_asked = path in VERSIONS and scope["query_string"] == _version(path).encode()
        response.headers["Cache-Control"] = FOR_GOOD if is_as_asked else "no-cache"
        return response


def _version(name: str) -> str:
    return f"v={VERSIONS[name]}"
