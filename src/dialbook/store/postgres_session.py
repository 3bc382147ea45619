"""How Dialbook speaks to PostgreSQL: the settings of every connection, and what counts as trouble."""

import re
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper

from dialbook.model.errors import RETRY_SOON, Invalid, TookTooLong, Unavailable
from dialbook.store.database import Row

Connection: TypeAlias = psycopg.Connection[Row]
AsyncConnection: TypeAlias = psycopg.AsyncConnection[Row]
R = TypeVar("R")

OLDEST = 14  # the first that was tried
UNAVAILABLE = "The database cannot be used now"

# A peer that is gone without a word is noticed within about six seconds; without these it can take hours.
NETWORK: dict[str, int | str] = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 5000,  # milliseconds until what was sent has to be acknowledged
    "keepalives": 1,
    "keepalives_idle": 2,  # seconds
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "client_encoding": "utf8",
    "fallback_application_name": "dialbook",
}

# A server that is there and says nothing, not even that a statement takes too long, is left to itself.
SILENCE_SECONDS = 16.0

# Nothing that a request began outlives it for long.
LIMITS = {
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "2s",
    "client_connection_check_interval": "1s",  # many short statements would be run to their end for nobody
}

# Each statement is planned once for a connection, and has an index to go by: a plan that was made while a table was
# small must not outlive that. Compiling a page's statement would take a hundred times as long as running it.
PLANNING = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "random_page_cost": "1.1",
    "jit": "off",
}

SETTINGS = {"default_transaction_read_only": "on", **LIMITS, **PLANNING}
# For commands: whoever runs one can end it.
UNHURRIED = {**SETTINGS, "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"}

# What an operator can mend, or what passes. All others are bugs.
TROUBLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.ReadOnlySqlTransaction,
    OSError,
)
# What one statement meets where somebody has taken a table, a column or a right away. PostgreSQL's text has no values.
LACKING = (errors.UndefinedTable, errors.UndefinedColumn, errors.InsufficientPrivilege)

STANDBY = "The database is a standby, which takes no changes until it is promoted."

# A number is always a bigint: its size must not make another statement of the same text.
ADAPTERS = AdaptersMap(psycopg.adapters)
ADAPTERS.register_dumper(int, Int8BinaryDumper)


class Impatient(psycopg.Connection[Row]):
    """A connection that is closed when the server does not answer."""

    def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        try:
            return super().wait(gen, interval, SILENCE_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


class ImpatientAsync(psycopg.AsyncConnection[Row]):
    """The same, on an event loop."""

    async def wait(self, gen: PQGen[R], interval: float = 0.1, timeout: float | None = None) -> R:
        try:
            return await super().wait(gen, interval, SILENCE_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


def is_quiet(connection: Connection | AsyncConnection) -> bool:
    """Whether there is nothing to read that nobody asked for: as a rule that would say that the server has closed it.

    It costs no trip to the server, so it can be done each time.
    """
    if connection.closed:
        return False
    waiting = select.poll()  # select() itself cannot look at a socket whose number is above 1023
    waiting.register(connection, select.POLLIN)
    return not waiting.poll(0)


def connection_info(url: str, settings: dict[str, str] = SETTINGS) -> str:
    """All that libpq needs to know for a connection; what the URL says goes before what is said here.

    Raises:
        Invalid: it is no URL that libpq understands.
    """
    _refuse_ambiguous(url)
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:  # whose text may repeat a part of the password
        raise Invalid("The database's URL cannot be read; give postgresql://USER@HOST/DATABASE.") from None
    options = " ".join([*(f"-c {name}={value}" for name, value in settings.items()), str(given.pop("options", ""))])
    merged: dict[str, Any] = {**NETWORK, **given, "options": options}
    return make_conninfo("", **merged)


def _refuse_ambiguous(url: str) -> None:
    """Refuse a URL of which libpq takes a part of the password for the host, and would name it as such."""
    authority, _, rest = url.partition("://")[2].replace("?", "/").partition("/")
    if authority.count("@") > 1 or "@" in rest:
        raise Invalid(
            "The database's URL has an '@' too many, or a '/' or '?' before it: anywhere but before the host an '@' is "
            "written %40; in a password '/' is %2F, '?' is %3F and '%' is %25."
        )


def connect(url: str, settings: dict[str, str] = SETTINGS) -> Connection:
    """Open a connection that is none of the pool's.

    Raises:
        Invalid: it is no URL that libpq understands.
        Unavailable: PostgreSQL cannot be reached, is too old, or has a database that does not keep all text.
    """
    try:
        connection = psycopg.connect(connection_info(url, settings), autocommit=True, context=ADAPTERS)
    except psycopg.OperationalError as refused:
        raise Unavailable(f"The database cannot be opened: {_reason(refused)}", headers=RETRY_SOON) from None
    if connection.info.server_version // 10_000 < OLDEST:
        raise _unfit(connection, f"PostgreSQL {OLDEST} is the oldest that will do.")
    if connection.info.parameter_status("server_encoding") != "UTF8":
        raise _unfit(connection, "The database has to have the encoding UTF8.")
    return connection


@contextmanager
def trouble_as_unavailable() -> Iterator[None]:
    """Turn what the driver says of trouble with the server into Unavailable; bugs pass as they are."""
    try:
        yield
    except (*TROUBLE, *LACKING) as trouble:
        raise unavailable(trouble) from trouble


def unavailable(trouble: Exception) -> Unavailable:
    """The refusal for trouble with the server."""
    kind = TookTooLong if isinstance(trouble, psycopg.errors.QueryCanceled) else Unavailable
    return kind(f"{UNAVAILABLE} ({_in_words(trouble)}).", headers=RETRY_SOON)


def _in_words(trouble: Exception) -> str:
    """What kind of trouble it is: PostgreSQL's name for it. The driver's own text may have values, or a host, in it."""
    if isinstance(trouble, LACKING) and trouble.diag.message_primary:
        return trouble.diag.message_primary
    if isinstance(trouble, psycopg.Error) and trouble.sqlstate:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(trouble).__name__).lower()
    return "there is no connection to it"


def _reason(refused: psycopg.OperationalError) -> str:
    return " ".join(str(refused).split())


def _unfit(connection: Connection, reason: str) -> Unavailable:
    connection.close()
    return Unavailable(reason)
