"""What a view shows, or does, as a request to the API: for curl, and for Python."""

import json
from collections.abc import Mapping
from shlex import quote
from urllib.parse import urlencode

from msgspec import Struct
from starlette.requests import Request

from dialbook.console.cookies import cookies_of
from dialbook.console.session import COOKIE_HTTPS
from dialbook.server.context import account_of

NOTHING: Mapping[str, object] = {}


class Call(Struct, frozen=True):
    """One request, to be run by whoever has set `DIALBOOK_KEY` and `DIALBOOK_TOKEN`."""

    title: str  # what it does, in a few words
    curl: str
    python: str


class Calls:
    """Writes down requests to the account that somebody is signed in to.

    In each, `path` is below the account, as in `/lists`; `python` is the statement that makes the same request with the
    client library, whose client is `client`.
    """

    def __init__(self, request: Request) -> None:
        # Behind a proxy that speaks HTTPS, the session's cookie tells.
        scheme = "https" if COOKIE_HTTPS in cookies_of(request) else request.url.scheme
        self._base = f"{scheme}://{request.url.netloc}"
        self._account = account_of(request).sid

    def get(
        self, title: str, path: str, python: str, query: Mapping[str, object] = NOTHING, accept: str | None = None
    ) -> Call:
        """A request that reads; what is unset in its query is left out."""
        options = [f"-H {quote(f'Accept: {accept}')}"] if accept else []
        return self._call(title, [*options, self._url(path, query)], python)

    def send(self, title: str, method: str, path: str, python: str, body: object = None) -> Call:
        """A request that changes something, with a body in JSON unless there is none."""
        data = ["-H 'Content-Type: application/json'", f"-d {quote(json.dumps(body, ensure_ascii=False))}"]
        return self._call(title, [f"-X {method}", *(data if body else []), self._url(path, NOTHING)], python)

    def form(self, title: str, path: str, python: str, fields: Mapping[str, str], file: str) -> Call:
        """A request that sends a form of texts, and a file as `name=@path`."""
        # Of -F curl would read a text that begins with @, or has a semicolon in it, as more than a text.
        texts = [f"--form-string {quote(f'{name}={value}')}" for name, value in fields.items()]
        return self._call(title, [*texts, f"-F {quote(file)}", self._url(path, NOTHING)], python)

    def _url(self, path: str, query: Mapping[str, object]) -> str:
        given = _given(query)
        url = f"{self._base}/v2/accounts/{self._account}{path}"
        return quote(f"{url}?{urlencode(given)}" if given else url)

    def _call(self, title: str, options: list[str], python: str) -> Call:
        curl = " \\\n  ".join(['curl -u "$DIALBOOK_KEY:$DIALBOOK_TOKEN"', *options])
        program = (
            "import os\n"
            "from dialbook import Client\n"
            "\n"
            f"client = Client(base_url={self._base!r}, account={self._account!r},\n"
            '                key=os.environ["DIALBOOK_KEY"], token=os.environ["DIALBOOK_TOKEN"])\n'
            f"{python}\n"
        )
        return Call(title, curl, program)


def python_call(verb: str, /, *values: object, **named: object) -> str:
    """A call of the client in Python, such as `client.list_lists(limit=20)`; arguments that are unset are left out."""
    arguments = [repr(value) for value in values] + [f"{name}={value!r}" for name, value in _given(named).items()]
    return f"client.{verb}({', '.join(arguments)})"


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value not in (None, "")}
