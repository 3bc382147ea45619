"""A pull or a push that is killed again and again ends as if it had not been."""

import random
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import NUMBERS
from tests.mirror.conftest import Mirror
from tests.mirror.test_pull import rows
from tests.processes import HANG_SECONDS, PROGRAM, environment

pytestmark = pytest.mark.parametrize("there", [20], indirect=True, ids=["short pages"])

CONTACTS = 3000
KILLS = 8


@pytest.fixture
def filled(mirror: Mirror) -> Mirror:
    """An account with several thousand contacts, all of them in one list, in another order, and some in a second."""
    made = mirror.client.create_contacts({"number": number, "tag": number[-2:]} for number in NUMBERS[:CONTACTS])
    sids = [contact.sid for contact in made.raise_for_failures()]
    large, small = mirror.client.create_lists([{"name": "Large"}, {"name": "Small"}]).raise_for_failures()
    random.Random(1).shuffle(sids)
    mirror.client.add_members(large.sid, sids)
    mirror.client.add_members(small.sid, sids[:50])
    return mirror


def run_until(mirror: Mirror, is_enough: Callable[[], bool], *arguments: str) -> int:
    """Run a command in a process of its own; kill it as soon as it has done enough. Return how it ended."""
    command = [str(PROGRAM), *arguments, "--yes", "--json", "--database", mirror.here]
    with subprocess.Popen(command, env=environment(mirror.home), stdout=subprocess.DEVNULL) as process:
        while not is_enough() and not has_ended(process):
            pass
        process.send_signal(signal.SIGKILL)
        return process.wait(HANG_SECONDS)


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ends within a moment, in which the server, a thread of this process, gets on."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.005)
    return process.returncode is not None


def test_a_pull_that_is_killed_again_and_again_ends_as_if_it_was_not(filled: Mirror) -> None:
    def noted() -> int:
        journals = Path(filled.home["XDG_STATE_HOME"]).glob("dialbook/*/journal.ndjson")
        return sum(path.stat().st_size for path in journals)

    ends = []
    for _ in range(KILLS):
        before = noted()
        ends.append(run_until(filled, lambda: noted() > before, "pull", "--from", filled.url))  # noqa: B023

    report = filled.pull("--yes")

    assert ends[0] == -signal.SIGKILL
    assert rows(report)["contacts"] == (CONTACTS, CONTACTS)
    filled.check()
    assert not any(filled.pull()["changes"].values())


def test_a_push_that_is_killed_again_and_again_ends_as_if_it_was_not(filled: Mirror) -> None:
    filled.pull("--yes")
    for found in filled.client.list_lists():
        filled.client.delete_list(found.sid)
    for contact in filled.client.iter_contacts(limit=30):
        filled.client.delete_contact(contact.sid)

    def held() -> int:
        lists = filled.client.list_lists()
        return (filled.client.list_contacts(limit=1).total or 0) + sum(each.contact_count or 0 for each in lists)

    for _ in range(3):
        before = held()
        run_until(filled, lambda: held() > before, "push", "--to", filled.url)  # noqa: B023

    report = filled.push("--yes")

    assert rows(report)["contacts"] == (CONTACTS, CONTACTS)
    filled.check()


def test_a_pull_beside_changes_is_put_right_by_the_next(filled: Mirror) -> None:
    def change() -> bool:
        """Whoever stands first leaves the list, and the account; somebody new comes; another one changes."""
        first, second, *_ = filled.client.list_contacts(limit=2)
        filled.client.delete_contact(first.sid)
        filled.client.create_contacts([{"number": next(numbers)}])
        filled.client.update_contact(second.sid, first_name="Changed")
        return False

    numbers = iter(NUMBERS[CONTACTS:])
    assert run_until(filled, change, "pull", "--from", filled.url) in {0, 1}

    filled.pull("--yes")

    filled.check()
