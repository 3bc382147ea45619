"""`dialbook serve`."""

from pathlib import Path

import click

from dialbook import __version__
from dialbook.cli.output import database_options
from dialbook.settings import load_settings
from dialbook.store.engines import masked, open_database


@click.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=int, metavar="N", help="The port to listen on; 0 takes a free one.  [default: 8080]")
@click.option("--workers", type=int, metavar="N", help="Processes that answer requests.  [default: 1]")
@database_options
def serve(host: str | None, port: int | None, workers: int | None, database: str | None, config: Path | None) -> None:
    """Run the server.

    \b
    Example:
      dialbook serve --port 8080 --database sqlite:///dialbook.db
    """
    from dialbook.process import listen, run  # noqa: PLC0415  # the other commands start without a web server

    settings = load_settings({"host": host, "port": port, "workers": workers, "database": database}, config=config)
    # Opened here once, so that a database that cannot be served is refused before anything listens.
    open_database(settings.database).close()
    sock = listen(settings.host, settings.port)
    address = f"http://{_bracketed(settings.host)}:{sock.getsockname()[1]}"
    click.echo(
        f"Dialbook {__version__} serves {masked(settings.database)} at {address} (documentation: {address}/docs)"
    )
    run(settings, sock)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
