"""Two who change a list and two who walk it, all at once; then their history is held against what is promised.

A contact joins once and leaves at most once, so that its sid tells which membership a page shows. An event is known by
two moments: the change had not begun before the first, and was acknowledged by the second.
"""

import math
import random
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from tests.conftest import NUMBERS, Client
from tests.effort import SEED, effort

JOINS = effort("HISTORY_JOINS", 60)  # bulk requests of each writer
GROUP = 10  # contacts in one of them
LIMIT = 25  # contacts in a page of a walk
BULK = 5000  # contacts that are made by one request

Interval = tuple[float, float]
NEVER: Interval = (math.inf, math.inf)


@dataclass
class Walk:
    """What one walk through the list met."""

    began: float
    ended: float
    met: list[str]


@dataclass
class History:
    """When each contact joined and left, who belongs together, and what was seen."""

    joined: dict[str, Interval] = field(default_factory=dict)
    left: dict[str, Interval] = field(default_factory=dict)
    groups: list[list[str]] = field(default_factory=list)
    walks: dict[str, list[Walk]] = field(default_factory=lambda: {"offset": [], "cursor": []})
    pages: list[dict[str, Any]] = field(default_factory=list)

    def stayed(self, walk: Walk) -> set[str]:
        """Who was in the list from before the walk began until after it had ended."""
        return {
            sid
            for sid, (_, acknowledged) in self.joined.items()
            if acknowledged < walk.began and self.left.get(sid, NEVER)[0] > walk.ended
        }

    def gone(self, walk: Walk) -> set[str]:
        """Who had left before the walk began."""
        return {sid for sid, (_, acknowledged) in self.left.items() if acknowledged < walk.began}

    def leaving(self, walk: Walk) -> int:
        """How many may have left while the walk went on."""
        return sum(begun < walk.ended and walk.began < done for begun, done in self.left.values())


@dataclass
class Scene:
    """A list, and the contacts that will join it."""

    client: Client
    list_sid: str
    sids: list[str]
    history: History = field(default_factory=History)

    def write(self, writer: int) -> None:
        """Let contacts join in bulks; after each, some of those that this writer let in leave."""
        chance = random.Random(f"{SEED} {writer}")
        mine = self.sids[writer * JOINS * GROUP : (writer + 1) * JOINS * GROUP]
        inside: list[str] = []
        for start in range(0, len(mine), GROUP):
            group = mine[start : start + GROUP]
            self.history.joined |= dict.fromkeys(group, timed(self.client.add_members, self.list_sid, *group))
            self.history.groups.append(group)
            inside += group
            for sid in chance.sample(inside, 3):
                inside.remove(sid)
                path = f"/contacts/{sid}" if chance.random() < 0.3 else f"/lists/{self.list_sid}/contacts/{sid}"
                self.history.left[sid] = timed(self.client.delete, path)

    def walk_by_offset(self) -> list[str]:
        met: list[str] = []
        while page := self._page(offset=len(met), limit=LIMIT):
            met += page
        return met

    def walk_by_cursor(self) -> list[str]:
        met, path = [], f"/lists/{self.list_sid}/contacts?limit={LIMIT}"
        while path:
            answer = self.client.request("GET", path)
            met += shown(answer.json())
            url = answer.links.get("next", {}).get("url", "")
            path = url.removeprefix(f"/v2/accounts/{self.client.account}")
        return met

    def keep_walking(self, kind: str, walk: Callable[[], list[str]], writers: list[Future[None]]) -> None:
        """Walk again and again while somebody writes, and look at the whole list at once in between."""
        while not all(writer.done() for writer in writers):
            began = time.monotonic()
            met = walk()
            self.history.walks[kind].append(Walk(began, time.monotonic(), met))
            self.history.pages.append(self.client.get(f"/lists/{self.list_sid}/contacts", limit=5000).json())

    def _page(self, **params: int) -> list[str]:
        return shown(self.client.get(f"/lists/{self.list_sid}/contacts", **params).json())


def timed(change: Callable[..., httpx2.Response], *args: str) -> Interval:
    begun = time.monotonic()
    assert change(*args).status_code == 200
    return begun, time.monotonic()


def shown(page: dict[str, Any]) -> list[str]:
    return [item["data"]["sid"] for item in page["response"]]


@pytest.fixture
def scene(api: Client) -> Scene:
    numbers = NUMBERS[: 2 * JOINS * GROUP]
    batches = [numbers[i : i + BULK] for i in range(0, len(numbers), BULK)]
    contacts = [each for batch in batches for each in api.create_contacts(*({"number": number} for number in batch))]
    return Scene(api, api.create_list()["sid"], [contact["sid"] for contact in contacts])


def test_every_walk_keeps_what_is_promised(scene: Scene) -> None:
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(scene.write, writer) for writer in range(2)]
        walkers = [
            pool.submit(scene.keep_walking, "offset", scene.walk_by_offset, writers),
            pool.submit(scene.keep_walking, "cursor", scene.walk_by_cursor, writers),
        ]
        for future in [*writers, *walkers]:
            future.result()
    history = scene.history

    assert len(history.walks["offset"]) > 3
    assert len(history.walks["cursor"]) > 3
    for walk in history.walks["cursor"]:
        assert len(walk.met) == len(set(walk.met))
        assert history.stayed(walk) <= set(walk.met)
        assert not history.gone(walk) & set(walk.met)
    for walk in history.walks["offset"]:
        assert len(walk.met) == len(set(walk.met))
        assert len(history.stayed(walk) - set(walk.met)) <= history.leaving(walk)
        assert not history.gone(walk) & set(walk.met)
    for page in history.pages:
        assert_one_moment(page, history)


def assert_one_moment(page: dict[str, Any], history: History) -> None:
    """A page of the whole list: its total is what it shows, and of a bulk all that have not left joined, or none."""
    found = set(shown(page))
    assert page["metadata"]["total"] == page["metadata"]["count"] == len(found)
    for group in history.groups:
        if found & set(group):
            assert {sid for sid in group if sid not in history.left} <= found
