"""How much a process has at hand: so much and no more, and for one caller at most half of it (docs/decisions/0026)."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Protocol

from dialbook.model.errors import RETRY_SECONDS, RETRY_SOON, DialbookError, TooManyRequests, Unavailable
from dialbook.settings import Settings

BODIES = 64 * 1024 * 1024  # bytes of JSON that are held while they are received, read and written
ANSWERS = 64 * 1024 * 1024  # bytes of answers that wait for their clients to take them
FILES = 128  # that are sent to whoever wants them, who has proved nothing
TURNS = 8  # of the event loop, in which much may leave, until it is too much


class Bound:
    """Something of which there is so much.

    Args:
        what: its name in a refusal.
        limit: how much of it there is.
    """

    def __init__(self, what: str, limit: int) -> None:
        self._what = what
        self._limit = limit
        self.share = max(1, limit // 2)
        self._taken = 0
        self._taken_by: dict[Hashable, int] = {}

    def take(self, who: Hashable, amount: int) -> DialbookError | None:
        """Take some of it, or learn why not: it would be more than half of it for one, or there is not so much left."""
        refusal = self.refusal(self._taken_by.get(who, 0) + amount, self._taken + amount)
        if not refusal:
            self.take_anyway(who, amount)
        return refusal

    def refusal(self, theirs: int, taken: int) -> DialbookError | None:
        """Why one may not have so much of it, of so much that is taken; None if that is all right."""
        if theirs > self.share:
            description = f"You have as many {self._what} under way as one may have here: {self.share}."
            return TooManyRequests(description, headers=RETRY_SOON)
        if taken > self._limit:
            description = f"As many {self._what} are under way here as there may be: {self._limit}."
            return Unavailable(description, headers=RETRY_SOON)
        return None

    def take_anyway(self, who: Hashable, amount: int) -> None:
        """Take some of it, however much there is."""
        self._taken += amount
        self._taken_by[who] = self._taken_by.get(who, 0) + amount

    def give_back(self, who: Hashable, amount: int) -> None:
        """Give back what was taken."""
        self._taken -= amount
        if left := self._taken_by.pop(who, 0) - amount:
            self._taken_by[who] = left


class Connection(Protocol):
    """What has to be known of a connection."""

    @property
    def untaken(self) -> int:
        """Bytes of answers that wait for the client to take them."""


class Answers:
    """What clients have yet to take of their answers: who leaves more than half of what there may be is given no more.

    How long an answer is shows only when it is there, so it may be longer than that; what is more than half is not
    counted against the others.

    Args:
        limit: bytes that there may be.
    """

    def __init__(self, limit: int) -> None:
        self._bound = Bound("bytes of answers", limit)
        self._owners: dict[Connection, Hashable] = {}

    def add(self, connection: Connection, owner: Hashable) -> None:
        """Look after a connection on which much of an answer is left."""
        self._owners[connection] = owner

    def discard(self, connection: Connection) -> None:
        """Look after it no longer."""
        self._owners.pop(connection, None)

    async def wait_for_room(self, owner: Hashable) -> DialbookError | None:
        """Wait for a few turns while too much is left, or learn that it still is."""
        refusal = None
        for _ in range(TURNS if self._owners else 0):
            if not (refusal := self._refusal(owner)):
                break
            await asyncio.sleep(0)
        return refusal

    def _refusal(self, owner: Hashable) -> DialbookError | None:
        self._owners = {connection: who for connection, who in self._owners.items() if connection.untaken}
        left = Counter[Hashable]()
        for connection, who in self._owners.items():
            left[who] += connection.untaken
        return self._bound.refusal(left[owner], sum(min(each, self._bound.share) for each in left.values()))


class Load:
    """What the requests of a process share."""

    def __init__(self, settings: Settings) -> None:
        places = settings.max_requests
        self.requests = Bound("requests", places)
        self.of_accounts = Bound("requests", places)  # the same, those of which it is known whose
        self.streams = Bound("uploads and exports", settings.max_streams)
        self.files = Bound("files", FILES)
        self.bodies = Bound("bytes of requests", max(BODIES, 2 * settings.body_limit))
        self.answers = Answers(ANSWERS)
        self.left_by_strangers = Answers(ANSWERS // 2)  # who have proved nothing: accounts lose none of theirs by it

    def forget(self, connection: Connection) -> None:
        """Count no longer what is left on a connection that is gone."""
        self.answers.discard(connection)
        self.left_by_strangers.discard(connection)


class Retry:
    """When whoever was refused on a connection may come again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moment = 0.0

    @property
    def left(self) -> float:
        """Seconds until then."""
        return max(0.0, self._moment - self._clock())

    def wait(self) -> float:
        """Seconds until then; from there on it has to wait again."""
        left = self.left
        self._moment = self._clock() + left + RETRY_SECONDS
        return left


class Place:
    """What a request has taken, until it has been answered.

    Args:
        load: of which it takes.
        caller: whoever it says that it is from; nobody has looked yet whether that is true.
        site: tells from where it comes, by which whoever has proved nothing is known.
        retry: of its connection.
        is_free: whether it is let in without one.
    """

    def __init__(
        self, load: Load, caller: Hashable, site: Callable[[], Hashable], retry: Retry, *, is_free: bool = False
    ) -> None:
        self._load = load
        self._retry = retry
        self._is_free = is_free
        self._site = site
        self._caller = caller
        self._account = ""  # until it is known whose it is
        self._answers = load.left_by_strangers
        self._is_of_account = False  # with a place among those, too
        self._taken: dict[tuple[Bound, Hashable], int] = {}  # besides the place itself
        self.refusal = None if is_free else load.requests.take(caller, 1)
        self._is_counted = not (is_free or self.refusal)

    @property
    def owner(self) -> Hashable:
        """Whose it is: an account's, or that of whoever has proved nothing."""
        return self._account or self._site()

    @property
    def is_refused_at_once(self) -> bool:
        """Whether it found no place, and does not come too early after it was told so."""
        return self.refusal is not None and not self._retry.left

    async def enter(self) -> None:
        """Let it begin, or refuse it: at once, but for whoever was refused before and comes again too early.

        Who asks without a pause would otherwise be refused without a pause, which takes the processor from the others.

        Raises:
            TooManyRequests, Unavailable: it found no place.
        """
        if self.refusal:
            self._stop_counting()
            if wait := self._retry.wait():
                await asyncio.sleep(wait)
            raise self.refusal

    async def belong_to(self, account: str) -> None:
        """Go on as a request of an account, which has one share however its keys were written.

        Raises:
            TooManyRequests, Unavailable: it has its share already, or there is too much that it has yet to take.
        """
        self._account, self._answers = account, self._load.answers
        self.refusal = self._load.of_accounts.take(account, 1)
        if not self.refusal:
            self._is_of_account = True
            self.refusal = await self._answers.wait_for_room(account)
        await self.enter()

    async def answer(self) -> None:
        """Let what was read for it go out as its answer, unless too much has become left to take meanwhile.

        Raises:
            TooManyRequests, Unavailable: it has.
        """
        if self._is_free:
            return
        self.refusal = await self._answers.wait_for_room(self.owner)
        if self.refusal:
            raise self.refusal

    def note_backlog(self, connection: Connection) -> None:
        """Count what its client has yet to take of its answer."""
        self._load.forget(connection)  # where it may be another's
        self._answers.add(connection, self.owner)

    def begin_stream(self) -> None:
        """Go on as one of those that take long, which have a bound of their own.

        Raises:
            TooManyRequests, Unavailable: there are too many of those.
        """
        self._take(self._load.streams, self.owner, 1)
        self._stop_counting()

    def begin_file(self) -> None:
        """Go on as one for a file that anybody may have.

        Raises:
            TooManyRequests, Unavailable: there are too many of those.
        """
        self._take(self._load.files, self.owner, 1)
        self._stop_counting()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Leave the place to others while the caller is waited for."""
        is_counted = self._is_counted
        self._stop_counting()
        yield
        if is_counted:
            self._load.requests.take_anyway(self._caller, 1)
            if self._is_of_account:
                self._load.of_accounts.take_anyway(self._account, 1)
            self._is_counted = True

    def hold(self, size: int) -> None:
        """Keep so many bytes more of a body.

        Raises:
            TooManyRequests, Unavailable: there are too many.
        """
        self._take(self._load.bodies, self.owner, size)

    def leave(self) -> None:
        """Give everything back."""
        self._stop_counting()
        for (bound, who), amount in self._taken.items():
            bound.give_back(who, amount)
        self._taken.clear()
        self.refusal = None  # which has a traceback, and so would keep all of this

    def _stop_counting(self) -> None:
        if self._is_counted:
            self._load.requests.give_back(self._caller, 1)
            if self._is_of_account:
                self._load.of_accounts.give_back(self._account, 1)
            self._is_counted = False

    def _take(self, bound: Bound, who: Hashable, amount: int) -> None:
        self.refusal = bound.take(who, amount)
        if self.refusal:
            raise self.refusal
        self._taken[bound, who] = self._taken.get((bound, who), 0) + amount
