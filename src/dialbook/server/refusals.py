"""Who was refused, gathered: a flood of bad keys becomes a few entries of the audit log, and not one for each."""

import asyncio
import logging

from msgspec import Struct
from msgspec.structs import replace
from starlette.requests import Request

from dialbook.log import describe
from dialbook.model.audit import NOBODY, Author, Effect
from dialbook.model.errors import Unavailable
from dialbook.server.changes import author_of
from dialbook.server.context import key_of, sid_of
from dialbook.store.audit import note_refusals
from dialbook.store.database import Database

REFUSALS = {401, 403, 429}  # statuses of answers that say: you may not
SECONDS = 30.0  # for which refusals are gathered before they are written
KINDS = 64  # of refusals that are told apart meanwhile

log = logging.getLogger(__name__)


class Kind(Struct, frozen=True):
    """What refusals have in common that are written as one."""

    account: str
    key: str | None
    action: str
    status: int


class Gathered(Struct, frozen=True):
    """Who was refused first, and how many refusals there were since."""

    first: Author
    count: int


class Refusals:
    """Gathers refusals, and writes them a while after the first.

    Args:
        db: where the logs are.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._gathered: dict[Kind, Gathered] = {}
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def gather(self, request: Request, status: int) -> None:
        """Count a request that was refused."""
        kind = self._kind_of(request, status)
        self._add(kind, Gathered(replace(author_of(request), key=kind.key), 1))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_now_and_then())

    async def close(self) -> None:
        """Write what was gathered, up to the end."""
        self._closing.set()
        if self._writing:
            await self._writing
        await self._write()

    async def _write_now_and_then(self) -> None:
        while self._gathered and not self._closing.is_set():
            try:
                await asyncio.wait_for(self._closing.wait(), SECONDS)
            except TimeoutError:
                await self._write()

    async def _write(self) -> None:
        """Write what was gathered; what cannot be written now stays."""
        gathered, self._gathered = self._gathered, {}
        for account in {kind.account for kind in gathered}:
            theirs = {kind: found for kind, found in gathered.items() if kind.account == account}
            try:
                await self._db.write(note_refusals, account, [_as_entry(*each) for each in theirs.items()])
            except Unavailable:
                for kind, found in theirs.items():
                    self._add(kind, found)
            except Exception as bug:  # noqa: BLE001  # what is wrong with one log must lose nothing of others
                count = sum(found.count for found in theirs.values())
                log.error("%d refusals of an account are not in its log: %s", count, describe(bug))  # noqa: TRY400

    def _add(self, kind: Kind, found: Gathered) -> None:
        known = self._gathered.get(kind)
        self._gathered[kind] = replace(known, count=known.count + found.count) if known else found

    def _kind_of(self, request: Request, status: int) -> Kind:
        key = key_of(request)
        named = sid_of(request, "account_sid") if "account_sid" in request.path_params else NOBODY
        action = request.scope.get("operation", "").removeprefix("console.")
        kind = Kind(key.account if key else named, key.key if key else None, action, status)
        # Whoever makes up names of accounts gets no more room than others.
        return kind if kind in self._gathered or len(self._gathered) < KINDS else Kind(NOBODY, None, "", status)


def _as_entry(kind: Kind, found: Gathered) -> tuple[Author, str, Effect]:
    return found.first, kind.action, Effect(failed=found.count, refusal=kind.status)
