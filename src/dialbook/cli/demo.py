"""`dialbook demo`: a throw-away server with the sample of the provider's page in it."""

import base64
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from dialbook.cli.database import write
from dialbook.cli.demo_book import ACCOUNT, fill
from dialbook.model.credentials import hash_token, new_session_token
from dialbook.model.errors import Invalid
from dialbook.settings import Settings
from dialbook.store import sessions
from dialbook.store.accounts import Credentials
from dialbook.store.engines import open_database

TEXT = """
A throw-away Dialbook is ready, with account {account}: the sample list of six contacts, and some
lists of invented ones.

Look at it in a browser; the link signs you in, once:

  http://{address}/console/enter/{link}

Read the sample list, with the credentials in the URL:

  curl 'http://{key}:{token}@{address}{path}'

or in a header:

  curl -H 'Authorization: Basic {basic}' 'http://{address}{path}'

List sid           {list_sid}
API key            {key}
API token          {token}
API documentation  http://{address}/docs  (machine-readable: http://{address}/openapi.json)

Ctrl-C ends it, and removes its database.
"""


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="The port to listen on.  [default: 8080, or a free one when it is taken]",
)
def demo(port: int | None) -> None:
    """Try it: a throw-away server with sample contacts, a link to the console, and the curl commands that read them."""
    from dialbook.process import listen, run  # noqa: PLC0415  # the other commands start without a web server

    with tempfile.TemporaryDirectory(prefix="dialbook-demo-") as folder:
        settings = Settings(database=f"sqlite:///{Path(folder) / 'demo.db'}", log_level="warning")
        db = open_database(settings.database)
        credentials, list_sid = fill(db)
        link, key = new_session_token(), credentials.api_key
        write(db, sessions.make_link, ACCOUNT, key, hash_token(link, settings.token_secret), now=datetime.now(UTC))
        db.close()
        try:
            sock = listen(settings.host, settings.port if port is None else port)
        except Invalid:
            if port is not None:
                raise
            sock = listen(settings.host, 0)
        invitation = _invitation(f"{settings.host}:{sock.getsockname()[1]}", credentials, list_sid, link)
        run(settings, sock, partial(click.echo, invitation))


def _invitation(address: str, credentials: Credentials, list_sid: str, link: str) -> str:
    basic = base64.b64encode(f"{credentials.api_key}:{credentials.api_token}".encode()).decode()
    return TEXT.format(
        account=ACCOUNT,
        key=credentials.api_key,
        token=credentials.api_token,
        basic=basic,
        address=address,
        path=f"/v2/accounts/{ACCOUNT}/lists/{list_sid}/contacts?offset=0&limit=20",
        list_sid=list_sid,
        link=link,
    )
