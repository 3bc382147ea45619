"""`dialbook serve`."""

from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from dialbook import __version__
from dialbook.cli.database import scan
from dialbook.cli.output import database_options
from dialbook.settings import load_settings
from dialbook.store.engines import masked, open_database
from dialbook.store.seals import refuse_other_seals
from dialbook.transport import refuse_clear_text, tls_context


@click.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="N", help="The port to listen on; 0 takes a free one.  [default: 8080]")
@click.option("--workers", type=int, metavar="N", help="Processes that answer requests.  [default: 1]")
@click.option("--tls-certificate", metavar="FILE", help="The server's certificate, in PEM; with it, it speaks HTTPS.")
@click.option("--tls-key", metavar="FILE", help="The certificate's private key, where it is in another file.")
@click.option("--trusted-proxies", metavar="NETWORKS", help="Where proxies are that requests may come through.")
@click.option("--insecure-http", is_flag=True, default=None, help="Speak HTTP where other machines can reach it, too.")
@database_options
def serve(config: Path | None, **flags: object) -> None:
    """Run the server.

    On an address that other machines reach, it wants a certificate, or a proxy with TLS before it.
    Other settings come from DIALBOOK_… variables, or dialbook.toml: see docs/settings.md.

    \b
    Example:
      dialbook serve --port 8080 --database sqlite:///dialbook.db
    """
    from dialbook.process import listen, run  # noqa: PLC0415  # the other commands start without a web server

    settings = load_settings(flags, config=config)
    if settings.tls_certificate or settings.tls_key:
        tls_context(settings.tls_certificate, settings.tls_key)
    # Opened here once, so that a database that cannot be served is refused before anything listens.
    with closing(open_database(settings.database)) as db:
        scan(db, refuse_other_seals, settings.token_secret, now=datetime.now(UTC))
    sock = listen(settings.host, settings.port)
    refuse_clear_text(settings, sock)
    scheme = "https" if settings.tls_certificate else "http"
    address = f"{scheme}://{_bracketed(settings.host)}:{sock.getsockname()[1]}"
    where = f"{masked(settings.database)} at {address} (documentation: {address}/docs)"
    run(settings, sock, partial(click.echo, f"Dialbook {__version__} serves {where}"))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
