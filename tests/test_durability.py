"""What was acknowledged is there after `kill -9`; what was not is there as a whole request or not at all."""

import json
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest

from tests.conftest import NUMBERS, run_cli
from tests.processes import Running, started

ROUNDS = 6
WRITERS = 4
ITEMS = 200  # in one bulk request


class Writer(threading.Thread):
    """Sends bulk requests until its server is gone; remembers which were acknowledged."""

    def __init__(self, url: str, account: str, auth: httpx2.BasicAuth, numbers: Iterator[list[str]]) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.unanswered: list[str] = []
        self._url, self._auth, self._numbers = f"{url}/v2/accounts/{account}/contacts", auth, numbers

    def run(self) -> None:
        with httpx2.Client(auth=self._auth, timeout=30, verify=False) as http:
            for tag, numbers in enumerate(self._numbers):
                name = f"{self.name}-{tag}"
                body = {"contacts": [{"number": number, "tag": name} for number in numbers]}
                try:
                    answer = http.post(self._url, json=body)
                except httpx2.TransportError:
                    self.unanswered.append(name)
                    return
                assert answer.status_code == 200, answer.text
                self.acknowledged.append(name)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_killed_server_keeps_its_word(seed: int, database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    auth = httpx2.BasicAuth(key["api_key"], key["api_token"])
    batches = [NUMBERS[i : i + ITEMS] for i in range(0, len(NUMBERS), ITEMS)]
    with serving_process(database, tmp_path) as server:
        writers = [Writer(server.url, "acme", auth, iter(batches[n::WRITERS])) for n in range(WRITERS)]
        _kill_in_the_middle(server, writers, random.Random(seed))

    found = _contacts_by_tag(database, auth, tmp_path)

    acknowledged = [tag for writer in writers for tag in writer.acknowledged]
    unanswered = [tag for writer in writers for tag in writer.unanswered]
    assert acknowledged, f"seed {seed}: nothing was acknowledged before the kill"
    assert {tag: found.pop(tag, 0) for tag in acknowledged} == dict.fromkeys(acknowledged, ITEMS)
    assert found.keys() <= set(unanswered)
    assert set(found.values()) <= {ITEMS}
    assert all(check["ok"] for check in run_cli("doctor", "--database", database))


def test_a_single_write_is_on_disk_before_its_answer(database: str, tmp_path: Path) -> None:
    run_cli("account", "create", "acme", "--database", database)
    key = run_cli("key", "create", "acme", "--database", database)
    auth = httpx2.BasicAuth(key["api_key"], key["api_token"])
    with serving_process(database, tmp_path) as server:
        url = f"{server.url}/v2/accounts/acme/contacts"
        answer = httpx2.post(url, json={"contacts": [{"number": NUMBERS[0], "tag": "one"}]}, auth=auth)
        server.stop(signal.SIGKILL)

    assert answer.status_code == 200
    assert _contacts_by_tag(database, auth, tmp_path) == {"one": 1}


def serving_process(database: str, folder: Path) -> AbstractContextManager[Running]:
    return started("serve", "--port", "0", "--database", database, folder=folder)


def _kill_in_the_middle(server: Running, writers: list[Writer], chance: random.Random) -> None:
    """Kill the server once a random number of requests is acknowledged, with others under way."""
    enough = chance.randint(1, 30)
    for writer in writers:
        writer.start()
    while sum(len(writer.acknowledged) for writer in writers) < enough and any(w.is_alive() for w in writers):
        pass
    server.stop(signal.SIGKILL)
    for writer in writers:
        writer.join()


def _contacts_by_tag(database: str, auth: httpx2.BasicAuth, folder: Path) -> dict[str, int]:
    """How many contacts there are with each tag, read from a server started anew."""
    counts: dict[str, int] = {}
    with serving_process(database, folder) as server, httpx2.Client(auth=auth, verify=False) as http:
        offset, total = 0, 1
        while offset < total:
            query = {"offset": offset, "limit": 5000}
            page = json.loads(http.get(f"{server.url}/v2/accounts/acme/contacts", params=query).content)
            for item in page["response"]:
                counts[item["data"]["tag"]] = counts.get(item["data"]["tag"], 0) + 1
            offset, total = offset + page["metadata"]["count"], page["metadata"]["total"]
    return counts
