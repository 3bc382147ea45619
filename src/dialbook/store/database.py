"""The whole contract between Dialbook and a database engine."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, Protocol, TypeAlias, TypeVar

from msgspec import Struct

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=Hashable)

Row: TypeAlias = tuple[Any, ...]
Params: TypeAlias = Mapping[str, object]
Engine: TypeAlias = Literal["sqlite", "postgres"]


class Check(Struct, frozen=True):
    """One thing that `dialbook doctor` looked at."""

    name: str
    ok: bool
    found: str


class Tx(Protocol):
    """What a storage function may do. SQL is written with `:named` parameters."""

    engine: Engine  # for the few statements that cannot be the same on both

    def all(self, sql: str, /, **params: object) -> Sequence[Row]:
        """Every row."""

    def one(self, sql: str, /, **params: object) -> Row | None:
        """The first row, if there is one."""

    def keep(self, key: Hashable, read: Callable[[], R], /) -> R:
        """What `read` finds; an engine may give back what it found before for the same key.

        `key` names a state of something, as a version does: what is found under it is always the same.
        """

    def run(self, sql: str, /, **params: object) -> int:
        """Execute; return how many rows it changed."""

    def each(self, sql: str, items: Iterable[Params], /) -> Sequence[Row | None]:
        """Execute once per item, in order; return the one row, or none, that each gave."""

    def run_each(self, sql: str, items: Iterable[Params], /) -> Sequence[int]:
        """Execute once per item, in order; return how many rows each changed. Far cheaper than RETURNING."""

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Row], /) -> None:
        """Store many rows that nothing stands in the way of, by the engine's fastest way; an account comes first."""


class Database(Protocol):
    """Runs storage functions, each in one transaction that sees one moment.

    Every method raises Unavailable when the database cannot be used now. Nothing was changed then, unless it is
    OutcomeUnknown: when a connection is lost during a commit.
    """

    async def read(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a read that is bounded: one object, or a page near the start of its order."""

    async def recall(self, fn: Callable[[Tx, A], R], about: A, /) -> R:
        """Run such a read for what is asked again and again: its answer may be kept, until anything changes."""

    async def scan(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a read that may take long. The first of its arguments tells whose it is, as the account does."""

    async def write(self, fn: Callable[Concatenate[Tx, P], R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a change, and return when it is durable. `fn` may be run again, so it touches nothing but its Tx.

        The first of its arguments tells whose change it is, as the account does.
        """

    def waiting(self) -> int:
        """How many changes wait, or are made, in this process."""

    def check(self) -> Sequence[Check]:
        """What an operator should know of the engine: its version, settings read back, and the file's soundness."""

    def close(self) -> None:
        """Finish the changes that were asked for, then let go of the database."""
